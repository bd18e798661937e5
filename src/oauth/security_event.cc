#include "oauth/security_event.h"

#include "base/mutant.h"
#include "oauth/arrival.h"
#include "oauth/event_claims.h"
#include "oauth/event_kinds.h"
#include "oauth/subject_identifier.h"

namespace introspectd::oauth {
namespace {

// Where a kind of JWT has a typ of its own, no other is taken for it; where real servers send none, or "JWT", the claims
// have to tell (RFC 8725 §3.11; STD 5.10, 5.27, 5.31).
bool is_type_of(SignedEventKind kind, std::string_view typ) {
  if (MUTANT(typ_unchecked)) return true;
  switch (kind) {
    case SignedEventKind::kLogoutToken: return typ.empty() || is_type(typ, "jwt") || is_type(typ, "logout+jwt");
    case SignedEventKind::kSecurityEvent: return is_type(typ, "secevent+jwt");
    case SignedEventKind::kKeycloakAction: return typ.empty() || is_type(typ, "jwt");
  }
  return false;
}

}  // namespace

std::string_view describe(EventDefect defect) noexcept {
  switch (defect) {
    case EventDefect::kMalformed: return "a claim is missing, of the wrong type, twice, or not allowed";
    case EventDefect::kWrongType: return "typ is of another kind of token";
    case EventDefect::kWrongIssuer: return "iss is not the configured issuer";
    case EventDefect::kWrongAudience: return "aud names none of the accepted audiences";
    case EventDefect::kExpired: return "expired, or issued in the future";
  }
  return "unknown";
}

tl::expected<SecurityEvent, EventDefect> read_security_event(SignedEventKind kind, std::string_view typ,
                                                             std::string_view claims, const EventPolicy& policy,
                                                             WallTime now) {
  if (!is_type_of(kind, typ)) return tl::unexpected(EventDefect::kWrongType);
  const auto read = read_claims(claims);
  if (!read) return tl::unexpected(read.error());
  switch (kind) {
    case SignedEventKind::kLogoutToken: return read_logout_token(*read, policy, now);
    case SignedEventKind::kSecurityEvent: return read_event_token(*read, policy, now);
    case SignedEventKind::kKeycloakAction: return read_keycloak_action(*read, policy, now);
  }
  return tl::unexpected(EventDefect::kMalformed);
}

std::optional<std::int64_t> issued_at(SignedEventKind kind, std::string_view claims, const EventPolicy& policy,
                                      WallTime now) {
  const auto read = read_claims(claims);
  if (!read) return std::nullopt;
  const bool by_its_end = kind == SignedEventKind::kKeycloakAction;
  const auto date = read_date(*read, by_its_end ? "expiration" : "iat");
  if (!date || (!by_its_end && lies_ahead(*date, policy, now))) return std::nullopt;
  return *date;
}

tl::expected<Signals, EventDefect> read_global_token_revocation(std::string_view json, const EventPolicy& policy,
                                                                WallTime now) {
  const auto body = read_claims(json);
  if (!body) return tl::unexpected(body.error());
  const codec::JsonValue* const sub_id = body->find("sub_id");
  if (sub_id == nullptr) return tl::unexpected(EventDefect::kMalformed);
  const auto subject = read_subject(*sub_id, policy);
  if (!subject) return tl::unexpected(subject.error());
  Signal signal;
  signal.event_time = now.ms() / 1000;
  signal.match = subject->match;
  switch (subject->reach) {
    case SubjectReach::kExact: return cut_off_by_arrival(subject->match, now);
    case SubjectReach::kWider: signal.kind = SignalKind::kHold; break;
    case SubjectReach::kUnmappable:
      if (!policy.flush_when_unmappable) return Signals{};
      signal.kind = SignalKind::kFlush;
      break;
  }
  return Signals{signal};
}

}  // namespace introspectd::oauth
