// PurgeRequest: the JSON body of POST /purge on the admin socket as signals: one purge, or a batch of them that is
// applied in one turn, all or nothing (SPEC §6: by token, its SHA-256, jti, sid, sub, client_id, issued-before, all).
//   {"sub":"alice"}   {"token_sha256":"…"}   {"client_id":"app","issued_before":1700000000,"authorization_server":"main"}
//   {"purges":[{"sub":"a"},{"sid":"b","ask":true}],"wait":true}   {"all":true,"issuer":"https://as.example.com"}
// Threads: values.  Owns: its signals; a token is hashed where it is read, its bytes are not kept (I44).
// Errors: a sentence: where, expected what.  Cost: O(n).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/time.h"
#include "cache/identity.h"
#include "oauth/signal.h"
#include "service/settings.h"

namespace introspectd::service {

struct PurgeRequest {
  static constexpr std::size_t kPurgesMost = 1000;

  std::map<cache::ServerId, oauth::Signals> of_server;   // never empty, nor are the signals
  std::size_t purges = 0;                                // as they stand in the body
  bool names_tokens = false;                             // some purge is by token
  bool wait = false;                                     // answer when the sweep has dropped what they match
};

// A purge that names no authorization server is for all of them. A claim without "issued_before" is cut off now: what
// was issued until now is dead, or with "ask" is asked anew.
tl::expected<PurgeRequest, std::string> read_purge_request(std::string_view json, const Settings& settings, Now now);

}  // namespace introspectd::service
