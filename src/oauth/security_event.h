// SecurityEvent: the claims of a signed event, read and judged by its kind, and the signals that it stands for. The
// signature was verified before (codec/jose); kinds are never taken for one another (RFC 8725 §3.11, STD 3.08).
//   OIDC Back-Channel Logout 1.0 §2.6 · RFC 8417 with SSF 1.0, CAEP 1.0, RISC 1.0 and RFC 9493 · Keycloak admin actions
// Threads: values.  Owns: its strings.  Errors: EventDefect, one for each way to be wrong (STD 5.06).  Cost: O(n).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/time.h"
#include "oauth/signal.h"

namespace introspectd::oauth {

enum class SignedEventKind : std::uint8_t { kLogoutToken, kSecurityEvent, kKeycloakAction };

enum class EventDefect : std::uint8_t {
  kMalformed,        // not JSON, a member missing, of the wrong type, twice, forbidden, or not allowed for this kind
  kWrongType,        // `typ` of another kind of JWT
  kWrongIssuer,
  kWrongAudience,
  kExpired,          // exp has passed, or iat lies in the future beyond the skew
};
std::string_view describe(EventDefect defect) noexcept;

// What the configuration accepts of an authorization server.
struct EventPolicy {
  std::string issuer;                        // byte-exact
  std::vector<std::string> audience;         // any of them must stand in `aud`; empty: no event is accepted
  std::vector<std::string> keycloak_resources;  // `resource` of Keycloak actions; empty: as `audience`
  bool logout_is_cut_off = true;             // on_logout = "cutoff"; false: a logout is only a hold
  bool flush_when_unmappable = false;        // a subject that names nothing we know flushes the AS
  // Members of a complex subject that narrow it in a way that counts: where one of them cannot be understood, the event
  // is discarded (SSF 1.0 §7.1, STD 5.12). Others only turn a cut-off into a question to the AS.
  std::vector<std::string> critical_subject_members;
  Duration skew = std::chrono::seconds{60};
  bool replayed = false;                     // relayed or replayed: exp is not checked (SPEC §6)
};

struct SecurityEvent {
  std::string jti;                           // "" where the kind has none; else for the dedupe of (iss, jti)
  std::int64_t iat = 0;                      // seconds since 1970, for the revocation lag; a Keycloak action has none:
                                             // the time of receipt, or its `expiration` where that is earlier
  Signals signals;                           // may be empty: understood and nothing to do
  std::optional<std::string> verification_state;  // an SSF verification event: its `state`, "" where it had none
  enum class Stream : std::uint8_t { kUnchanged, kEnabled, kPaused, kDisabled };
  Stream stream = Stream::kUnchanged;        // an SSF stream-updated event
  // Which Keycloak action it is; each has a path of its own, and must have come there (STD 5.30).
  enum class Action : std::uint8_t { kNone, kLogout, kPushNotBefore, kTestAvailability };
  Action action = Action::kNone;
  unsigned unknown_events = 0;               // event types not known: accepted, ignored, counted (STD 5.25)
  unsigned unmappable_subjects = 0;          // counted
};

// `typ` is the header's, "" where absent; `claims` the payload. Every claim by which a signal matches is a string that is
// not empty, and no signal matches everything but where the event says so.
tl::expected<SecurityEvent, EventDefect> read_security_event(SignedEventKind kind, std::string_view typ,
                                                             std::string_view claims, const EventPolicy& policy,
                                                             WallTime now);

// When an event says that it was issued, before anybody believes its signature: its `iat`, of a Keycloak action its
// `expiration`, which is later. nullopt: it says none, or one that lies ahead, and is refused whoever has signed it.
std::optional<std::int64_t> issued_at(SignedEventKind kind, std::string_view claims, const EventPolicy& policy,
                                      WallTime now);

// The body of a Global Token Revocation request: {"sub_id":{…RFC 9493…}} (STD 5.33): a cut-off at `now`. A subject that
// names nothing we know is no signal at all (422 there), or a flush where the policy says so.
tl::expected<Signals, EventDefect> read_global_token_revocation(std::string_view json, const EventPolicy& policy,
                                                                WallTime now);

}  // namespace introspectd::oauth
