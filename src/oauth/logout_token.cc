// Logout tokens: OIDC Back-Channel Logout 1.0 §2.4 and §2.6 (STD 5.26 to 5.29).
#include "base/mutant.h"
#include "oauth/event_claims.h"
#include "oauth/event_kinds.h"
#include "oauth/event_type.h"

namespace introspectd::oauth {
namespace {

using codec::JsonValue;

struct Times {
  std::int64_t iat = 0;
  std::int64_t exp = 0;
};

// The event that makes it a logout token; others beside it are not for this reader. Counts them.
tl::expected<unsigned, EventDefect> check_events(const JsonValue& claims) {
  const JsonValue* const events = claims.find("events");
  const JsonValue* const logout = events == nullptr ? nullptr : events->find(kBackchannelLogoutEvent);
  if (logout == nullptr || logout->kind() != JsonValue::Kind::kObject) return tl::unexpected(EventDefect::kMalformed);
  return static_cast<unsigned>(events->members().size() - 1);
}

tl::expected<ClaimMatch, EventDefect> read_match(const JsonValue& claims) {
  const auto sub = read_optional_text(claims, "sub");
  const auto sid = read_optional_text(claims, "sid");
  if (!sub || !sid || (!*sub && !*sid)) return tl::unexpected(EventDefect::kMalformed);
  ClaimMatch match;
  match.sub = sub->value_or("");
  match.sid = sid->value_or("");
  return match;
}

tl::expected<Times, EventDefect> read_times(const JsonValue& claims, const EventPolicy& policy, WallTime now) {
  const auto iat = read_date(claims, "iat");
  const auto exp = read_date(claims, "exp");
  if (!iat || !exp) return tl::unexpected(EventDefect::kMalformed);
  if (const auto judged = check_not_expired(*exp, policy, now); !judged) return tl::unexpected(judged.error());
  if (lies_ahead(*iat, policy, now)) return tl::unexpected(EventDefect::kExpired);
  return Times{*iat, *exp};
}

}  // namespace

EventRead read_logout_token(const JsonValue& claims, const EventPolicy& policy, WallTime now) {
  const auto jti = read_text(claims, "jti");
  if (!jti) return tl::unexpected(jti.error());
  const auto others = check_events(claims);
  if (!others) return tl::unexpected(others.error());
  // An ID token has a nonce; it must never pass for a logout token (§2.4).
  if (claims.find("nonce") != nullptr && !MUTANT(logout_token_with_nonce_accepted)) {
    return tl::unexpected(EventDefect::kMalformed);
  }
  auto match = read_match(claims);
  if (!match) return tl::unexpected(match.error());
  // "REQUIRED" here, where a SET may leave it out (§2.4).
  if (claims.find("aud") == nullptr) return tl::unexpected(EventDefect::kMalformed);
  if (const auto judged = check_issuer(claims, policy); !judged) return tl::unexpected(judged.error());
  if (const auto judged = check_audience(claims, policy); !judged) return tl::unexpected(judged.error());
  const auto times = read_times(claims, policy, now);
  if (!times) return tl::unexpected(times.error());

  SecurityEvent event;
  event.jti = *jti;
  event.iat = times->iat;
  event.unknown_events = *others;
  Signal logout;
  logout.kind = policy.logout_is_cut_off ? SignalKind::kLogout : SignalKind::kHold;
  logout.match = *std::move(match);
  logout.event_time = times->iat;
  event.signals.push_back(std::move(logout));
  return event;
}

}  // namespace introspectd::oauth
