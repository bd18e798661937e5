// CallerTable: who may ask, and how a request proves who it is: Basic (form-decoded, or raw as some clients send it),
// client_secret_post, bearer, or the peer of a Unix socket (STD 1.12, 2.01–2.11; SPEC §2).
// Callers over TCP authenticate unless `caller_auth = "none"`. On the Unix socket an allowed peer is a caller already:
// an Authorization that matches a caller overrides that, an unknown one is ignored (drop-in).
// Threads: built at start, then read by any.  Owns: nothing; settings must outlive it.
// Errors: Outcome (kCallerUnknown, kTwoMechanisms).  Cost: O(callers); a session asks once per header (see Identified).
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include <tl/expected.hpp>

#include "base/secret.h"
#include "cache/identity.h"
#include "http/request.h"
#include "ports/byte_stream.h"
#include "service/messages.h"
#include "service/outcomes.h"
#include "service/settings.h"

namespace introspectd::service {

// Peers that are nobody: what the kernel shows for an id that it cannot map, and (uid_t)-1, which is no user (F40).
inline constexpr std::uint32_t kOverflowId = 65534;
inline constexpr std::uint32_t kNoId = 0xffffffffU;
constexpr bool is_nobody(const ports::Peer& peer) {
  return peer.is_unix && (peer.uid == kOverflowId || peer.uid == kNoId);
}

// May a peer be a caller by what it is: one of the Unix socket, or anybody with caller_auth = "none"? Never on the
// notify listener, where a peer may be a proxy of the whole world.
enum class PeerProof : std::uint8_t { kAsConfigured, kNever };

class CallerTable {
 public:
  explicit CallerTable(const Settings& settings, PeerProof proof = PeerProof::kAsConfigured)
      : settings_(&settings), proof_(proof) {}

  // May this peer use the socket at all (F40)? TCP peers may; they authenticate.
  bool admits(const ports::Peer& peer) const;
  // The caller that a peer is by itself; anonymous() where no entry names it. Only for peers that need no more proof.
  bool needs_no_proof(const ports::Peer& peer) const;
  CallerId caller_of(const ports::Peer& peer) const;
  // What the request proves. `scratch` takes decoded credentials and is overwritten by the next use.
  // `ignored`: it carries a credential that is none of ours, on a socket where none is needed (drop-in).
  tl::expected<CallerId, Outcome> identify(const http::Request& request, const ports::Peer& peer,
                                           Secret& scratch, bool* ignored = nullptr) const;

  // The caller that stands for peers without an entry: default AS, no audience.
  CallerId anonymous() const { return static_cast<CallerId>(settings_->callers.size()); }
  oauth::AudienceMask audience(CallerId caller) const;
  cache::ServerId server(CallerId caller) const;

 private:
  struct FormCredential;
  tl::expected<CallerId, Outcome> from_header(std::string_view field, Secret& scratch) const;
  tl::expected<CallerId, Outcome> from_form(const FormCredential& form) const;
  bool secret_matches(const CallerSettings& caller, std::string_view secret) const;

  const Settings* settings_;
  PeerProof proof_;
};

}  // namespace introspectd::service
