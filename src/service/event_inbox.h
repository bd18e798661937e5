// EventInbox: where every revocation event enters, from whatever receiver. A signed event is verified under its
// authorization server's keys, read by its kind, applied, relayed to the fleet, and only then accepted; what carries no
// signature of the AS arrives as signals whose sender the receiver has authenticated.
//   received → (keys at hand or fetched) → verified, within the turn's budget → applied, barrier → outbox → accepted
// Threads: the back loop.  Owns: what waits for keys, for its turn or for the outbox.
// Errors: EventResult.  Cost: one signature verification; ≤ 1 ms of them a turn.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "base/unique_function.h"
#include "cache/identity.h"
#include "codec/jose.h"
#include "oauth/security_event.h"
#include "oauth/set_error.h"
#include "oauth/signal.h"
#include "service/purger.h"

namespace introspectd::service {

// Where it came from: a label of metrics, and what the revocation lag is told by.
enum class EventOrigin : std::uint8_t {
  kBackchannelLogout, kSetPush, kSetPoll, kKeycloak, kGlobalTokenRevocation, kWebhook, kRevocationEndpoint, kAdmin,
  kFleet,
};
inline constexpr std::size_t kEventOrigins = static_cast<std::size_t>(EventOrigin::kFleet) + 1;
std::string_view name_of(EventOrigin origin) noexcept;

struct SignedEvent {
  oauth::SignedEventKind kind = oauth::SignedEventKind::kSecurityEvent;
  cache::ServerId server = 0;
  EventOrigin origin = EventOrigin::kSetPush;
  std::string jws;   // compact, as received
  // Keycloak actions: the only one accepted, which the path says (STD 5.30); kNone: any.
  oauth::SecurityEvent::Action action = oauth::SecurityEvent::Action::kNone;
};

// Without a signature of the AS: the receiver has authenticated the sender. `event_time` of each signal is set.
struct UnsignedEvent {
  cache::ServerId server = 0;
  EventOrigin origin = EventOrigin::kAdmin;
  oauth::Signals signals;
  bool trusted = true;   // tokens that this node never saw are kept in full (F102); false for what callers revoke
};

enum class EventVerdict : std::uint8_t {
  kAccepted,            // applied and durable; a repeated one too (STD 5.04)
  kMalformed, kWrongType, kWrongIssuer, kWrongAudience, kExpired,   // oauth::EventDefect
  kUnsupportedKey,      // alg not allowed, crit
  kUnknownKey,          // the AS's JWKS, as we have it, has no such key
  kBadSignature,
  kKeysUnavailable,     // the key may exist, but the JWKS cannot be had now: try again later
  kOutboxFull,          // applied here, but neither disk nor outbox can keep it now: try again later
  kOverloaded,          // too many events wait
  kNotConfigured,       // the AS has no issuer, jwks_uri or event_audience in the configuration
};
inline constexpr std::size_t kEventVerdicts = static_cast<std::size_t>(EventVerdict::kNotConfigured) + 1;
std::string_view name_of(EventVerdict verdict) noexcept;
std::string_view describe(EventVerdict verdict) noexcept;   // a sentence for replies and logs
// Refused for good, in the words of RFC 8935 §2.4.
oauth::SetErrorCode set_error_of(EventVerdict verdict) noexcept;
// Nothing that the event is to blame for: the same bytes may be accepted in a moment.
constexpr bool comes_again(EventVerdict verdict) {
  return verdict == EventVerdict::kKeysUnavailable || verdict == EventVerdict::kOutboxFull ||
         verdict == EventVerdict::kOverloaded;
}

// Refused by the keys that we have: where the AS's JWKS comes to us late, another answer may follow (`key_may_come`).
constexpr bool hangs_on_keys(EventVerdict verdict) {
  return verdict == EventVerdict::kUnknownKey || verdict == EventVerdict::kBadSignature;
}

struct EventResult {
  EventVerdict verdict = EventVerdict::kAccepted;
  oauth::SecurityEvent event;   // what was read, where it was accepted
  Purger::Applied applied;      // receive_unsigned: what was done here
  // Of what hangs on keys: its key may have been published since ours were asked for, or be any moment. Not for good:
  // the sender is to send it again.
  bool key_may_come = false;
  Duration come_again_in = std::chrono::seconds{5};   // where it is to be sent again; more than nothing
};

class EventInbox {
 public:
  EventInbox() = default;
  EventInbox(const EventInbox&) = delete;
  EventInbox& operator=(const EventInbox&) = delete;
  virtual ~EventInbox() = default;
  // `done` runs once, in this turn or a later one; not after shut_down.
  virtual void receive(SignedEvent event, UniqueFunction<void(EventResult)> done) = 0;
  // kAccepted, kOutboxFull.
  virtual void receive_unsigned(UnsignedEvent event, UniqueFunction<void(EventResult)> done) = 0;
};

}  // namespace introspectd::service
