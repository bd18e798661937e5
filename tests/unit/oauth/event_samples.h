// Samples of signed events for the tests of their readers: each is accepted as it stands, and a test changes one thing.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include "oauth/security_event.h"

namespace introspectd::oauth {

inline constexpr std::int64_t kNowSeconds = 1'800'000'000;
inline const WallTime kEventNow = WallTime::from_seconds(kNowSeconds);

inline constexpr std::string_view kLogoutClaims =
    R"({"iss":"https://as.example.com","sub":"u1","aud":"node","iat":1799999990,"exp":1800000110,"jti":"j1",)"
    R"("events":{"http://schemas.openid.net/event/backchannel-logout":{}},"sid":"s1"})";

inline constexpr std::string_view kEventClaims =
    R"({"iss":"https://as.example.com","aud":["other","node"],"iat":1799999990,"jti":"j1",)"
    R"("sub_id":{"format":"iss_sub","iss":"https://as.example.com","sub":"u1"},)"
    R"("events":{"https://schemas.openid.net/secevent/caep/event-type/session-revoked":{"event_timestamp":1799999980}}})";

inline constexpr std::string_view kActionClaims =
    R"({"id":"a1","expiration":1800000030,"resource":"node","action":"LOGOUT","adapterSessionIds":["http-1"],)"
    R"("notBefore":0,"keycloakSessionIds":["s1","s2"]})";

inline EventPolicy event_policy() {
  EventPolicy policy;
  policy.issuer = "https://as.example.com";
  policy.audience = {"node", "second"};
  return policy;
}

inline std::string_view typ_of(SignedEventKind kind) {
  return kind == SignedEventKind::kSecurityEvent ? "secevent+jwt" : "";
}

inline tl::expected<SecurityEvent, EventDefect> read_event(SignedEventKind kind, std::string_view claims,
                                                           const EventPolicy& policy = event_policy()) {
  return read_security_event(kind, typ_of(kind), claims, policy, kEventNow);
}

inline std::optional<EventDefect> event_defect(SignedEventKind kind, std::string_view claims,
                                               const EventPolicy& policy = event_policy()) {
  const auto event = read_event(kind, claims, policy);
  return event ? std::nullopt : std::optional(event.error());
}

// `text` with one part replaced, which must be there.
inline std::string changed(std::string_view text, std::string_view part, std::string_view by) {
  const std::size_t at = text.find(part);
  REQUIRE_MESSAGE(at != std::string_view::npos, std::string(part));
  return std::string(text.substr(0, at)).append(by).append(text.substr(at + part.size()));
}

inline ClaimMatch match_sub(std::string sub) { return ClaimMatch{.sub = std::move(sub), .sid = {}, .client_id = {}, .jti = {}}; }

inline Signal signal_of(SignalKind kind, ClaimMatch match, std::int64_t event_time) {
  Signal signal;
  signal.kind = kind;
  signal.match = std::move(match);
  signal.event_time = event_time;
  return signal;
}

}  // namespace introspectd::oauth
