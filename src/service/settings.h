// Settings: what the configuration says to the service layer, as values. Filled by app from the option table.
// Threads: built before the loops start, then read by any.  Owns: names and secrets.  Errors: none, app validated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "oauth/audience.h"
#include "oauth/upstream_request.h"

namespace introspectd::service {

struct AuthorizationServerSettings {
  std::string name;
  std::string introspection_endpoint;      // the URL: part of the view (I16)
  bool has_revocation_endpoint = false;
  oauth::ClientCredential credential;
  std::string token_type_hint;             // sent upstream when not empty; part of the view
  Duration timeout = std::chrono::seconds{2};
  std::size_t max_in_flight = 256;         // beyond: 503 at once (I32)
};

struct CallerSettings {
  std::string id;
  std::vector<Secret> secrets;             // at most two (rotation); empty: cannot authenticate over TCP
  std::vector<std::uint32_t> uids;         // peers of the Unix socket that are this caller
  std::vector<std::uint32_t> gids;
  oauth::AudienceMask audience = 0;        // 0: any
  std::uint16_t authorization_server = 0;  // index
  std::size_t max_in_flight = 128;
};

enum class CallerAuth : std::uint8_t { kRequired, kNone };

struct ListenSettings {
  CallerAuth caller_auth = CallerAuth::kRequired;
  std::vector<std::uint32_t> unix_allow_uids;   // both empty: whoever the socket's mode lets in, the overflow uid never
  std::vector<std::uint32_t> unix_allow_gids;
  std::vector<std::string> paths;               // aliases of /introspect
  Duration header_timeout = std::chrono::seconds{5};     // also the body's (F33)
  Duration idle_timeout = std::chrono::seconds{60};      // F34
  Duration write_timeout = std::chrono::seconds{5};      // F35
  Duration request_timeout = std::chrono::seconds{5};    // I29
  std::size_t max_connections = 10000;                   // per process (I39)
  std::size_t max_connections_per_uid = 4096;            // F39; all of TCP is one peer
};

struct CacheSettings {
  std::size_t memory_bytes = 64U << 20U;
  Duration ttl = std::chrono::seconds{30};
  Duration ttl_without_exp = std::chrono::seconds{30};
  Duration negative_ttl = std::chrono::seconds{5};
  Duration tombstone_ttl = std::chrono::minutes{10};
  Duration exp_skew = std::chrono::seconds{1};
  Duration hold = std::chrono::seconds{10};              // how long an unknown revoked token is remembered, plus flights
};

struct Settings {
  ListenSettings listen;
  CacheSettings cache;
  oauth::AudienceNames audiences;
  std::vector<AuthorizationServerSettings> authorization_servers;
  std::vector<CallerSettings> callers;
};

}  // namespace introspectd::service
