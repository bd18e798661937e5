// Keycloak's admin actions: what a realm sends to the admin URL of a client (STD 5.30 to 5.32). No standard claims, so
// that what has any is another kind of token.
#include <algorithm>
#include <array>

#include "base/mutant.h"
#include "oauth/arrival.h"
#include "oauth/event_claims.h"
#include "oauth/event_kinds.h"

namespace introspectd::oauth {
namespace {

using codec::JsonValue;
using Action = SecurityEvent::Action;
using Texts = std::optional<std::vector<std::string>>;

bool is_another_kind(const JsonValue& claims) {
  constexpr std::array<std::string_view, 8> kForeign{"iss", "sub", "aud", "exp", "iat", "events", "nonce", "scope"};
  if (MUTANT(keycloak_action_with_foreign_claims_accepted)) return false;
  return std::ranges::any_of(kForeign, [&](std::string_view name) { return claims.find(name) != nullptr; });
}

bool is_for_us(const std::string& resource, const EventPolicy& policy) {
  const auto& accepted = policy.keycloak_resources.empty() ? policy.audience : policy.keycloak_resources;
  return std::ranges::find(accepted, resource) != accepted.end() || MUTANT(keycloak_resource_unchecked);
}

std::optional<Action> find_action(std::string_view name) {
  if (name == "LOGOUT") return Action::kLogout;
  if (name == "PUSH_NOT_BEFORE") return Action::kPushNotBefore;
  if (name == "TEST_AVAILABILITY") return Action::kTestAvailability;
  return std::nullopt;
}

// Sessions by `sid`; all of them where the action names none, neither ours nor the adapter's own (STD 5.32). It says no
// time of its own; one that is replayed after its expiration counts as of that.
Judged read_logout(const JsonValue& claims, const EventPolicy& policy, WallTime now, SecurityEvent& event) {
  const auto sessions = read_optional_texts(claims, "keycloakSessionIds");
  const auto adapters = read_optional_texts(claims, "adapterSessionIds");
  if (!sessions || !adapters) return tl::unexpected(EventDefect::kMalformed);
  const Texts& sids = *sessions;
  Signal signal;
  signal.event_time = event.iat;
  if (!sids && !*adapters) {
    event.signals = cut_off_by_arrival({}, WallTime::from_seconds(event.iat));
    if (event.iat < now.ms() / 1000) event.signals.resize(1);
    return {};
  }
  if (sids && !sids->empty()) {
    signal.kind = policy.logout_is_cut_off ? SignalKind::kLogout : SignalKind::kHold;
    for (const std::string& sid : *sids) {
      signal.match.sid = sid;
      event.signals.push_back(signal);
    }
    return {};
  }
  if (!*adapters || (*adapters)->empty()) return {};   // a list of no sessions
  ++event.unmappable_subjects;   // sessions of an adapter's own, which no token names
  if (!policy.flush_when_unmappable) return {};
  signal.kind = SignalKind::kFlush;
  event.signals.push_back(signal);
  return {};
}

// Void is what has iat < notBefore; a cut-off includes its time. One that lies ahead is cut at now: what is issued
// later the AS judges itself when it is asked. 0 is the absence of a policy.
Judged read_not_before(const JsonValue& claims, const EventPolicy& policy, WallTime now, SecurityEvent& event) {
  const auto not_before = read_date(claims, "notBefore");
  if (!not_before) return tl::unexpected(not_before.error());
  if (*not_before == 0) return {};
  if (lies_ahead(*not_before, policy, now)) {
    event.signals = cut_off_by_arrival({}, now);
    return {};
  }
  Signal signal;
  signal.kind = SignalKind::kCutOff;
  signal.event_time = *not_before - (MUTANT(not_before_inclusive) ? 0 : 1);
  event.signals.push_back(signal);
  return {};
}

Judged read_action(const JsonValue& claims, const EventPolicy& policy, WallTime now, SecurityEvent& event) {
  switch (event.action) {
    case Action::kLogout: return read_logout(claims, policy, now, event);
    case Action::kPushNotBefore: return read_not_before(claims, policy, now, event);
    case Action::kTestAvailability: return {};
    case Action::kNone: break;
  }
  return tl::unexpected(EventDefect::kMalformed);
}

}  // namespace

EventRead read_keycloak_action(const JsonValue& claims, const EventPolicy& policy, WallTime now) {
  const auto id = read_text(claims, "id");
  const auto name = read_text(claims, "action");
  const auto resource = read_text(claims, "resource");
  const auto expiration = read_date(claims, "expiration");
  if (!id || !name || !resource || !expiration || is_another_kind(claims)) {
    return tl::unexpected(EventDefect::kMalformed);
  }
  const auto action = find_action(*name);
  if (!action) return tl::unexpected(EventDefect::kMalformed);
  if (!is_for_us(*resource, policy)) return tl::unexpected(EventDefect::kWrongAudience);
  if (const auto judged = check_not_expired(*expiration, policy, now); !judged) return tl::unexpected(judged.error());

  SecurityEvent event;
  event.jti = *id;
  event.action = *action;
  // It expires seconds after it was made: when it is replayed later, what was issued since then stays.
  event.iat = std::min(now.ms() / 1000, *expiration);
  if (const auto judged = read_action(claims, policy, now, event); !judged) return tl::unexpected(judged.error());
  return event;
}

}  // namespace introspectd::oauth
