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
#include "codec/jose.h"
#include "oauth/audience.h"
#include "oauth/upstream_request.h"
#include "oauth/webhook.h"
#include "service/channel_health.h"

namespace introspectd::service {

// SET poll (RFC 8936): the node asks for events; the best channel for nodes, no inbound port.
struct PollSettings {
  Secret bearer_token;                     // empty: the AS's client credential by Basic
  Duration long_poll = std::chrono::seconds{10};   // how long one poll may be held open by the AS at most
  std::size_t events_most = 100;           // maxEvents of one poll
};

// What is believed of an AS's signed events, and which channels it has.
struct EventSettings {
  std::string issuer;                      // empty: no signed event of this AS is accepted
  bool has_keys = false;                   // jwks_uri is configured
  std::vector<std::string> audience;       // accepted `aud`; empty: no signed event is accepted
  std::vector<std::string> keycloak_resources;        // accepted `resource`; empty: as audience
  std::vector<std::string> critical_subject_members;  // of SSF: an event with one that is not understood is ignored
  std::vector<codec::JwsAlgorithm> algorithms;        // empty: all asymmetric ones
  bool flush_when_unmappable = false;
  std::optional<PollSettings> poll;
  bool has_verification = false;           // an SSF verification endpoint is configured: verified every timeout / 3
  std::string stream_id;                   // … of this stream
  Secret verification_bearer;
  bool assume_live = false;                // believed live without proof: said out loud
  Secret global_revocation_bearer;         // who may POST /global-token-revocation; empty: nobody
};

struct AuthorizationServerSettings {
  std::string name;
  std::string introspection_endpoint;      // the URL: part of the view (I16)
  bool has_revocation_endpoint = false;
  oauth::ClientCredential credential;
  std::string token_type_hint;             // sent upstream when not empty; part of the view
  Duration timeout = std::chrono::seconds{2};
  std::size_t max_in_flight = 256;         // beyond: 503 at once (I32)
  EventSettings events;
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
  Duration ttl_live = std::chrono::minutes{5};           // instead of ttl while a revocation channel is proven alive
};

enum class OnLogout : std::uint8_t { kCutOff, kAsk };

struct RevocationSettings {
  Duration hold = std::chrono::seconds{10};   // after a revocation: ask, do not store
  OnChannelLoss on_channel_loss = OnChannelLoss::kShorten;
  Duration channel_timeout = std::chrono::seconds{30};
  OnLogout on_logout = OnLogout::kCutOff;
};

// A signed webhook of the conf: POST /webhook/NAME, HMAC-SHA-256 over the body; members by JSON pointers (RFC 6901).
struct WebhookSettings {
  std::string name;
  std::uint16_t authorization_server = 0;
  Secret secret;
  std::string signature_header;               // its value: hex or base64 of the HMAC, maybe behind "sha256="
  std::string timestamp_header;               // where given: the HMAC is over "timestamp.body", and ≤ 5 min old
  oauth::WebhookFormat format;                // what its bodies mean
};

struct NotifySettings {
  ListenSettings limits;
  std::vector<WebhookSettings> webhooks;
};

struct FleetSettings {
  bool enabled = false;
  Secret key;                                 // HMAC key of unsigned purges; empty: they stay local
  Duration heartbeat = std::chrono::seconds{1};
  std::size_t outbox_bytes = 4U << 20U;
};

struct Settings {
  ListenSettings listen;
  CacheSettings cache;
  RevocationSettings revocation;
  NotifySettings notify;
  FleetSettings fleet;
  oauth::AudienceNames audiences;
  std::vector<AuthorizationServerSettings> authorization_servers;
  std::vector<CallerSettings> callers;
};

}  // namespace introspectd::service
