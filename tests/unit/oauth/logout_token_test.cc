#include <vector>

#include "tests/unit/oauth/event_samples.h"

namespace introspectd::oauth {
namespace {

constexpr auto kKind = SignedEventKind::kLogoutToken;

ClaimMatch session_of_user() { return {.sub = "u1", .sid = "s1", .client_id = {}, .jti = {}}; }

std::string logout(std::string_view part, std::string_view by) { return changed(kLogoutClaims, part, by); }

}  // namespace

TEST_CASE("logout_token: it logs out its session, or its subject where it names no session (STD 5.27, 5.29)") {
  const auto event = read_event(kKind, kLogoutClaims);
  REQUIRE(event);
  CHECK(event->jti == "j1");
  CHECK(event->iat == 1799999990);
  CHECK(event->signals == Signals{signal_of(SignalKind::kLogout, session_of_user(), 1799999990)});
  CHECK(event->unknown_events == 0);
  CHECK_FALSE(event->verification_state);
  CHECK(event->action == SecurityEvent::Action::kNone);

  const auto user = read_event(kKind, logout(R"(,"sid":"s1")", ""));
  REQUIRE(user);
  CHECK(user->signals == Signals{signal_of(SignalKind::kLogout, match_sub("u1"), 1799999990)});

  const auto session = read_event(kKind, logout(R"("sub":"u1",)", ""));
  REQUIRE(session);
  ClaimMatch only_sid;
  only_sid.sid = "s1";
  CHECK(session->signals == Signals{signal_of(SignalKind::kLogout, only_sid, 1799999990)});
}

TEST_CASE("logout_token: where on_logout asks, it is a hold (SPEC §6)") {
  EventPolicy policy = event_policy();
  policy.logout_is_cut_off = false;
  const auto event = read_event(kKind, kLogoutClaims, policy);
  REQUIRE(event);
  CHECK(event->signals == Signals{signal_of(SignalKind::kHold, session_of_user(), 1799999990)});
}

TEST_CASE("logout_token: what real servers send is accepted") {
  for (const std::string& claims :
       {logout(R"("aud":"node")", R"("aud":["x","second"])"),               // an array
        logout(R"("aud":"node")", R"("aud":["node"],"trace":{"a":[1,null]})"),   // unknown members
        logout("1799999990", "1799999990.75"), logout("1800000110", "1.80000011e9"),   // NumericDate (STD 3.13)
        logout(R"(logout":{})", R"(logout":{"x":1})"),                       // SHOULD be empty
        logout(R"("jti":"j1")", R"("jti":"j1","typ":"Logout")")}) {         // Keycloak's claim of that name
    CAPTURE(claims);
    const auto event = read_event(kKind, claims);
    REQUIRE(event);
    CHECK(event->signals == Signals{signal_of(SignalKind::kLogout, session_of_user(), 1799999990)});
  }
}

TEST_CASE("logout_token: an event beside the logout is counted and does nothing") {
  const auto event = read_event(
      kKind, logout(R"(logout":{})",
                    R"(logout":{},"https://schemas.openid.net/secevent/risc/event-type/account-disabled":{},"urn:x":{})"));
  REQUIRE(event);
  CHECK(event->unknown_events == 2);
  CHECK(event->signals.size() == 1);
}

TEST_CASE("logout_token: whatever is malformed is refused and changes nothing (STD 5.27)") {
  struct Row {
    std::string_view part, by;
  };
  for (const Row& row : std::vector<Row>{
           {R"("jti":"j1",)", ""},                     // required members, missing or of the wrong type
           {R"("jti":"j1")", R"("jti":7)"},
           {R"("jti":"j1")", R"("jti":"")"},
           {R"("iss":"https://as.example.com",)", ""},
           {R"("iss":"https://as.example.com")", R"("iss":["https://as.example.com"])"},
           {R"("aud":"node",)", ""},
           {R"("aud":"node")", R"("aud":7)"},
           {R"("aud":"node")", R"("aud":null)"},
           {R"("aud":"node")", R"("aud":["node",7])"},
           {R"("aud":"node")", R"("aud":{"node":"node"})"},
           {R"("iat":1799999990,)", ""},
           {R"("iat":1799999990)", R"("iat":"1799999990")"},
           {R"("iat":1799999990)", R"("iat":-1)"},
           {R"("iat":1799999990)", R"("iat":null)"},
           {R"("iat":1799999990)", R"("iat":1e400)"},
           {R"("iat":1799999990)", R"("iat":253402300800)"},
           {R"("exp":1800000110,)", ""},
           {R"("exp":1800000110)", R"("exp":"1800000110")"},
           {R"("exp":1800000110)", R"("exp":-1800000110)"},
           {R"("exp":1800000110)", R"("exp":253402300800)"},
           {R"("exp":1800000110)", R"("exp":true)"},
           {R"("sub":"u1")", R"("sub":"")"},           // an empty claim would match everybody
           {R"("sub":"u1")", R"("sub":7)"},
           {R"("sub":"u1")", R"("sub":null)"},
           {R"("sid":"s1")", R"("sid":"")"},
           {R"("sid":"s1")", R"("sid":["s1"])"},
           {R"(,"events":{"http://schemas.openid.net/event/backchannel-logout":{}})", ""},
           {R"({"http://schemas.openid.net/event/backchannel-logout":{}})", "{}"},
           {R"({"http://schemas.openid.net/event/backchannel-logout":{}})", R"(["http://schemas.openid.net/event/backchannel-logout"])"},
           {R"({"http://schemas.openid.net/event/backchannel-logout":{}})", R"("http://schemas.openid.net/event/backchannel-logout")"},
           {"http://schemas", "https://schemas"},      // the URI is one of http
           {"backchannel-logout", "backchannel-logout/"},
           {R"(logout":{})", R"(logout":true)"},
           {R"(logout":{})", R"(logout":[])"},
           {R"(logout":{})", R"(logout":null)"},
           {R"("jti":"j1")", R"("jti":"j1","nonce":"n")"},   // an ID token has one
           {R"("jti":"j1")", R"("jti":"j1","nonce":null)"},
           {R"("jti":"j1")", R"("jti":"j1","jti":"j1")"},    // twice, at any depth, escaped as well
           {R"("sub":"u1")", R"("sub":"u1","\u0073ub":"u2")"},
           {R"(logout":{})", R"(logout":{"a":1,"a":1})"},
       }) {
    CAPTURE(row.part);
    CAPTURE(row.by);
    CHECK(event_defect(kKind, logout(row.part, row.by)) == EventDefect::kMalformed);
  }
  CHECK(event_defect(kKind, changed(logout(R"(,"sid":"s1")", ""), R"("sub":"u1",)", "")) == EventDefect::kMalformed);
  for (const std::string_view text : {"", "null", "[]", "\"x\"", "{}", "{", "eyJ"}) {
    CAPTURE(text);
    CHECK(event_defect(kKind, text) == EventDefect::kMalformed);
  }
  CHECK(event_defect(kKind, std::string(kLogoutClaims) + "x") == EventDefect::kMalformed);
}

TEST_CASE("logout_token: the issuer is ours, byte for byte") {
  for (const std::string_view issuer :
       {"https://as.example.com/", "https://as.example.co", "https://as.example.com.evil.example", "HTTPS://as.example.com",
        "http://as.example.com", "https://as.example.com:443", " https://as.example.com", "node"}) {
    CAPTURE(issuer);
    CHECK(event_defect(kKind, logout("https://as.example.com", issuer)) == EventDefect::kWrongIssuer);
  }
}

TEST_CASE("logout_token: aud names us") {
  for (const std::string_view aud : {R"("other")", R"("nod")", R"("node ")", R"("NODE")", R"("node second")", R"([])",
                                     R"(["other"])", R"(["nodes","other"])"}) {
    CAPTURE(aud);
    CHECK(event_defect(kKind, logout(R"("node")", aud)) == EventDefect::kWrongAudience);
  }
  EventPolicy policy = event_policy();
  policy.audience.clear();
  CHECK(event_defect(kKind, kLogoutClaims, policy) == EventDefect::kWrongAudience);
}

TEST_CASE("logout_token: exp and iat are judged with the skew, at it and one second past it") {
  CHECK_FALSE(event_defect(kKind, logout("1800000110", "1799999941")));   // now < exp + 60
  CHECK(event_defect(kKind, logout("1800000110", "1799999940")) == EventDefect::kExpired);
  CHECK_FALSE(event_defect(kKind, logout("1800000110", "253402300799")));   // the last date that is one
  CHECK_FALSE(event_defect(kKind, logout("1799999990", "1800000060")));
  CHECK(event_defect(kKind, logout("1799999990", "1800000061")) == EventDefect::kExpired);
  CHECK(event_defect(kKind, logout("1799999990", "1799999990000")) == EventDefect::kMalformed);   // milliseconds
}

TEST_CASE("logout_token: replayed, exp is not judged, all else is (SPEC §6)") {
  EventPolicy policy = event_policy();
  policy.replayed = true;
  CHECK_FALSE(event_defect(kKind, logout("1800000110", "1"), policy));
  CHECK(event_defect(kKind, logout("1799999990", "1800000061"), policy) == EventDefect::kExpired);
  CHECK(event_defect(kKind, logout(R"("exp":1800000110,)", ""), policy) == EventDefect::kMalformed);
  CHECK(event_defect(kKind, logout(R"("node")", R"("x")"), policy) == EventDefect::kWrongAudience);
  CHECK(event_defect(kKind, logout("https://as.example.com", "https://x"), policy) == EventDefect::kWrongIssuer);
}

}  // namespace introspectd::oauth
