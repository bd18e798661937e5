#include <vector>

#include "tests/unit/oauth/event_samples.h"

namespace introspectd::oauth {
namespace {

constexpr auto kKind = SignedEventKind::kKeycloakAction;
constexpr std::string_view kNotBefore =
    R"({"id":"a1","expiration":1800000030,"resource":"node","action":"PUSH_NOT_BEFORE","notBefore":1799999000})";

std::string action(std::string_view part, std::string_view by) { return changed(kActionClaims, part, by); }

ClaimMatch match_sid(std::string sid) { return ClaimMatch{.sub = {}, .sid = std::move(sid), .client_id = {}, .jti = {}}; }

Signals signals_of(std::string_view claims, const EventPolicy& policy = event_policy()) {
  const auto event = read_event(kKind, claims, policy);
  REQUIRE(event);
  return event->signals;
}

}  // namespace

TEST_CASE("keycloak_action: LOGOUT ends each of its sessions (STD 5.31, 5.32)") {
  const auto event = read_event(kKind, kActionClaims);
  REQUIRE(event);
  CHECK(event->action == SecurityEvent::Action::kLogout);
  CHECK(event->jti == "a1");
  CHECK(event->iat == kNowSeconds);
  CHECK(event->signals == Signals{signal_of(SignalKind::kLogout, match_sid("s1"), kNowSeconds),
                                  signal_of(SignalKind::kLogout, match_sid("s2"), kNowSeconds)});
  EventPolicy policy = event_policy();
  policy.logout_is_cut_off = false;
  CHECK(signals_of(kActionClaims, policy) == Signals{signal_of(SignalKind::kHold, match_sid("s1"), kNowSeconds),
                                                     signal_of(SignalKind::kHold, match_sid("s2"), kNowSeconds)});
}

TEST_CASE("keycloak_action: LOGOUT without any list of sessions cuts off everything issued so far (STD 5.32)") {
  // And what was fetched before is asked again: it is our clock that dates it (F107).
  const Signals everything{signal_of(SignalKind::kCutOff, {}, kNowSeconds), signal_of(SignalKind::kFlush, {}, kNowSeconds)};
  CHECK(signals_of(R"({"id":"a","expiration":1800000030,"resource":"node","action":"LOGOUT"})") == everything);
  CHECK(signals_of(changed(action(R"(["http-1"])", "null"), R"(["s1","s2"])", "null")) == everything);
}

TEST_CASE("keycloak_action: LOGOUT of no session does nothing, of an adapter's own sessions it is unmappable") {
  const std::string none = changed(action(R"(["s1","s2"])", "[]"), R"(["http-1"])", "[]");
  CHECK(signals_of(none).empty());
  CHECK(signals_of(changed(none, R"("adapterSessionIds":[],)", "")).empty());

  const std::string foreign = action(R"(["s1","s2"])", "null");
  const auto event = read_event(kKind, foreign);
  REQUIRE(event);
  CHECK(event->signals.empty());
  CHECK(event->unmappable_subjects == 1);
  EventPolicy policy = event_policy();
  policy.flush_when_unmappable = true;
  CHECK(signals_of(foreign, policy) == Signals{signal_of(SignalKind::kFlush, {}, kNowSeconds)});
}

TEST_CASE("keycloak_action: PUSH_NOT_BEFORE cuts off what was issued before it, not at it (STD 5.32)") {
  const auto event = read_event(kKind, kNotBefore);
  REQUIRE(event);
  CHECK(event->action == SecurityEvent::Action::kPushNotBefore);
  CHECK(event->signals == Signals{signal_of(SignalKind::kCutOff, {}, 1799998999)});
  CHECK(signals_of(changed(kNotBefore, "1799999000", "1")) == Signals{signal_of(SignalKind::kCutOff, {}, 0)});
  CHECK(signals_of(changed(kNotBefore, "1799999000", "0")).empty());   // no policy
}

TEST_CASE("keycloak_action: a not-before that lies ahead beyond the skew cuts off at now") {
  CHECK(signals_of(changed(kNotBefore, "1799999000", "1800000060")) ==
        Signals{signal_of(SignalKind::kCutOff, {}, 1800000059)});
  CHECK(signals_of(changed(kNotBefore, "1799999000", "1800000061")) ==
        Signals{signal_of(SignalKind::kCutOff, {}, kNowSeconds), signal_of(SignalKind::kFlush, {}, kNowSeconds)});
}

TEST_CASE("keycloak_action: TEST_AVAILABILITY is understood and does nothing") {
  const auto event =
      read_event(kKind, R"({"id":"a1","expiration":1800000030,"resource":"node","action":"TEST_AVAILABILITY"})");
  REQUIRE(event);
  CHECK(event->action == SecurityEvent::Action::kTestAvailability);
  CHECK(event->signals.empty());
}

TEST_CASE("keycloak_action: whatever is malformed, or another kind of token, is refused") {
  struct Row {
    std::string_view part, by;
  };
  for (const Row& row : std::vector<Row>{
           {R"("id":"a1",)", ""},
           {R"("id":"a1")", R"("id":1)"},
           {R"("id":"a1")", R"("id":"")"},
           {R"("expiration":1800000030,)", ""},
           {R"("expiration":1800000030)", R"("expiration":"1800000030")"},
           {R"("expiration":1800000030)", R"("expiration":-1)"},
           {R"("expiration":1800000030)", R"("expiration":1800000030000)"},
           {R"("resource":"node",)", ""},
           {R"("resource":"node")", R"("resource":["node"])"},
           {R"("action":"LOGOUT",)", ""},
           {R"("action":"LOGOUT")", R"("action":"logout")"},
           {R"("action":"LOGOUT")", R"("action":"K_LOGOUT")"},
           {R"("action":"LOGOUT")", R"("action":null)"},
           {R"(["s1","s2"])", R"("s1")"},
           {R"(["s1","s2"])", R"(["s1",2])"},
           {R"(["s1","s2"])", R"(["s1",""])"},    // an empty one would match everybody
           {R"(["s1","s2"])", "{}"},
           {R"(["http-1"])", "7"},
           {R"("id":"a1")", R"("id":"a1","id":"a1")"},
           {R"("id":"a1")", R"("id":"a1","iss":"https://as.example.com")"},   // none of the standard claims
           {R"("id":"a1")", R"("id":"a1","sub":"u1")"},
           {R"("id":"a1")", R"("id":"a1","aud":"node")"},
           {R"("id":"a1")", R"("id":"a1","exp":1800000030)"},
           {R"("id":"a1")", R"("id":"a1","iat":1800000000)"},
           {R"("id":"a1")", R"("id":"a1","events":{})"},
           {R"("id":"a1")", R"("id":"a1","nonce":"n")"},
           {R"("id":"a1")", R"("id":"a1","scope":"openid")"},
       }) {
    CAPTURE(row.part);
    CAPTURE(row.by);
    CHECK(event_defect(kKind, action(row.part, row.by)) == EventDefect::kMalformed);
  }
  for (const std::string_view not_before : {"-1", R"("1799999000")", "null", "1799999000000", "[]"}) {
    CAPTURE(not_before);
    CHECK(event_defect(kKind, changed(kNotBefore, "1799999000", not_before)) == EventDefect::kMalformed);
  }
  CHECK(event_defect(kKind, changed(kNotBefore, R"(,"notBefore":1799999000)", "")) == EventDefect::kMalformed);
}

TEST_CASE("keycloak_action: resource is ours: of the configured ones, or else of the audience") {
  CHECK(event_defect(kKind, action(R"("resource":"node")", R"("resource":"other")")) == EventDefect::kWrongAudience);
  EventPolicy policy = event_policy();
  policy.keycloak_resources = {"other"};
  CHECK(event_defect(kKind, kActionClaims, policy) == EventDefect::kWrongAudience);
  CHECK_FALSE(event_defect(kKind, action(R"("resource":"node")", R"("resource":"other")"), policy));
}

TEST_CASE("keycloak_action: expiration is judged with the skew, but of what is replayed") {
  CHECK_FALSE(event_defect(kKind, action("1800000030", "1799999941")));
  CHECK(event_defect(kKind, action("1800000030", "1799999940")) == EventDefect::kExpired);
  EventPolicy policy = event_policy();
  policy.replayed = true;
  // Later logins than the action stay: it counts as of its expiration.
  CHECK(signals_of(R"({"id":"a","expiration":1700000030,"resource":"node","action":"LOGOUT"})", policy) ==
        Signals{signal_of(SignalKind::kCutOff, {}, 1700000030)});
}

}  // namespace introspectd::oauth
