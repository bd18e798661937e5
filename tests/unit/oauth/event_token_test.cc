#include <vector>

#include "tests/unit/oauth/event_samples.h"

namespace introspectd::oauth {
namespace {

constexpr auto kKind = SignedEventKind::kSecurityEvent;
constexpr std::string_view kBase = "https://schemas.openid.net/secevent/";
constexpr std::int64_t kIat = 1799999990;

std::string event(std::string_view part, std::string_view by) { return changed(kEventClaims, part, by); }

// A SET with these events, about user u1.
std::string with_events(std::string_view events) {
  return event(R"({"https://schemas.openid.net/secevent/caep/event-type/session-revoked":{"event_timestamp":1799999980}})",
               events);
}
std::string with_event(std::string_view type, std::string_view payload = "{}") {
  return with_events(R"({")" + std::string(kBase) + std::string(type) + R"(":)" + std::string(payload) + "}");
}

Signals signals_of(std::string_view claims, const EventPolicy& policy = event_policy()) {
  const auto read = read_event(kKind, claims, policy);
  REQUIRE(read);
  return read->signals;
}

Signals one(SignalKind kind, std::int64_t time = kIat) { return {signal_of(kind, match_sub("u1"), time)}; }

}  // namespace

TEST_CASE("event_token: a revoked session cuts off what was issued up to its time (STD 5.20, 5.21)") {
  const auto read = read_event(kKind, kEventClaims);
  REQUIRE(read);
  CHECK(read->jti == "j1");
  CHECK(read->iat == kIat);
  CHECK(read->signals == one(SignalKind::kCutOff, 1799999980));
  CHECK(read->unknown_events == 0);
  CHECK(read->unmappable_subjects == 0);
  CHECK_FALSE(read->verification_state);
  CHECK(read->stream == SecurityEvent::Stream::kUnchanged);
}

TEST_CASE("event_token: its time is event_timestamp, else toe, else iat, and never lies ahead") {
  const std::string revoked = "caep/event-type/session-revoked";
  const std::string plain = with_event(revoked);
  const std::string with_toe = changed(plain, R"("jti":"j1")", R"("jti":"j1","toe":1799999970.5)");
  CHECK(signals_of(plain) == one(SignalKind::kCutOff, kIat));
  CHECK(signals_of(with_toe) == one(SignalKind::kCutOff, 1799999970));
  const auto at = [&](std::string_view claims, std::string_view time) {
    return changed(claims, R"(revoked":{})", R"(revoked":{"event_timestamp":)" + std::string(time) + "}");
  };
  CHECK(signals_of(at(with_toe, "1799999960")) == one(SignalKind::kCutOff, 1799999960));
  CHECK(signals_of(at(plain, "1800000060")) == one(SignalKind::kCutOff, 1800000060));
  CHECK(signals_of(at(plain, "1800000061")) == one(SignalKind::kCutOff, kIat));
  CHECK(signals_of(at(with_toe, "1799999980000")) == one(SignalKind::kCutOff, 1799999970));   // milliseconds of a draft
  CHECK(signals_of(at(plain, "1e300")) == one(SignalKind::kCutOff, kIat));
  CHECK(signals_of(changed(plain, R"("jti":"j1")", R"("jti":"j1","toe":1800000061)")) == one(SignalKind::kCutOff, kIat));
}

TEST_CASE("event_token: every type of event of CAEP and RISC means what the table says (STD 5.20, 5.22, 5.23)") {
  struct Row {
    std::string_view type;
    std::string_view payload;
    Signals signals;
  };
  Signals forget{signal_of(SignalKind::kForgetNegatives, {}, kIat)};
  for (const Row& row : std::vector<Row>{
           {"caep/event-type/session-revoked", "{}", one(SignalKind::kCutOff)},
           {"caep/event-type/token-claims-change", R"({"claims":{"role":"ro-admin"}})", one(SignalKind::kHold)},
           {"caep/event-type/assurance-level-change", "{}", one(SignalKind::kHold)},
           {"caep/event-type/device-compliance-change", "{}", one(SignalKind::kHold)},
           {"caep/event-type/risk-level-change", "{}", one(SignalKind::kHold)},
           {"caep/event-type/credential-change", R"({"change_type":"create"})", {}},
           {"caep/event-type/credential-change", R"({"change_type":"revoke"})", one(SignalKind::kCutOff)},
           {"caep/event-type/credential-change", R"({"change_type":"update"})", one(SignalKind::kCutOff)},
           {"caep/event-type/credential-change", R"({"change_type":"delete"})", one(SignalKind::kCutOff)},
           {"caep/event-type/session-established", "{}", {}},
           {"caep/event-type/session-presented", "{}", {}},
           {"risc/event-type/account-disabled", R"({"reason":"hijacking"})", one(SignalKind::kCutOff)},
           {"risc/event-type/account-purged", "{}", one(SignalKind::kCutOff)},
           {"risc/event-type/account-credential-change-required", "{}", one(SignalKind::kCutOff)},
           {"risc/event-type/credential-compromise", R"({"credential_type":"password"})", one(SignalKind::kCutOff)},
           {"risc/event-type/sessions-revoked", "{}", one(SignalKind::kCutOff)},
           {"risc/event-type/identifier-recycled", "{}", one(SignalKind::kCutOff)},
           {"risc/event-type/identifier-changed", R"({"new-value":"x@example.com"})", one(SignalKind::kHold)},
           {"risc/event-type/account-enabled", "{}", forget},
           {"risc/event-type/opt-in", "{}", {}},
           {"risc/event-type/recovery-activated", "{}", {}},
           {"oauth/event-type/tokens-revoked", "{}", one(SignalKind::kCutOff)},
       }) {
    CAPTURE(row.type);
    CAPTURE(row.payload);
    const auto read = read_event(kKind, with_event(row.type, row.payload));
    REQUIRE(read);
    CHECK(read->signals == row.signals);
    CHECK(read->unknown_events == 0);
  }
}

TEST_CASE("event_token: an event of a type that is not known is accepted, counted and ignored (STD 5.25)") {
  const auto read = read_event(
      kKind, with_events(R"({"urn:x":{},"https://schemas.openid.net/secevent/caep/event-type/session-revoked":{},)"
                         R"("http://schemas.openid.net/event/backchannel-logout":{},)"
                         R"("http://schemas.openid.net/secevent/risc/event-type/account-disabled":{}})"));
  REQUIRE(read);
  CHECK(read->unknown_events == 3);
  CHECK(read->signals == one(SignalKind::kCutOff));
}

TEST_CASE("event_token: of several events each does its part, the same one once") {
  CHECK(signals_of(with_events(R"({"https://schemas.openid.net/secevent/risc/event-type/account-disabled":{},)"
                               R"("https://schemas.openid.net/secevent/risc/event-type/sessions-revoked":{},)"
                               R"("https://schemas.openid.net/secevent/caep/event-type/risk-level-change":{}})")) ==
        Signals{signal_of(SignalKind::kCutOff, match_sub("u1"), kIat), signal_of(SignalKind::kHold, match_sub("u1"), kIat)});
}

TEST_CASE("event_token: the subject stands in the SET, or in the event as it used to (STD 5.11)") {
  const std::string_view sub_id = R"("sub_id":{"format":"iss_sub","iss":"https://as.example.com","sub":"u1"},)";
  const auto older = [&](std::string_view subject) {
    return changed(with_event("risc/event-type/account-disabled", R"({"subject":)" + std::string(subject) + "}"), sub_id, "");
  };
  CHECK(signals_of(older(R"({"format":"iss_sub","iss":"https://as.example.com","sub":"u1"})")) == one(SignalKind::kCutOff));
  // Google's way.
  CHECK(signals_of(older(R"({"subject_type":"iss-sub","iss":"https://as.example.com","sub":"u1"})")) ==
        one(SignalKind::kCutOff));
  // Both: the first that maps.
  const std::string both = with_event("risc/event-type/account-disabled",
                                      R"({"subject":{"format":"opaque","id":"u9"}})");
  CHECK(signals_of(both) == one(SignalKind::kCutOff));
  const std::string mail = changed(both, R"({"format":"iss_sub","iss":"https://as.example.com","sub":"u1"})",
                                   R"({"format":"email","email":"x@example.com"})");
  CHECK(signals_of(mail) == Signals{signal_of(SignalKind::kCutOff, match_sub("u9"), kIat)});
}

TEST_CASE("event_token: a subject that is nothing we know is counted, and flushes where the policy says so (STD 5.25)") {
  const std::string mail = event(R"({"format":"iss_sub","iss":"https://as.example.com","sub":"u1"})",
                                 R"({"format":"email","email":"x@example.com"})");
  const auto read = read_event(kKind, mail);
  REQUIRE(read);
  CHECK(read->signals.empty());
  CHECK(read->unmappable_subjects == 1);
  EventPolicy policy = event_policy();
  policy.flush_when_unmappable = true;
  CHECK(signals_of(mail, policy) == Signals{signal_of(SignalKind::kFlush, {}, 1799999980)});
  CHECK(signals_of(kEventClaims, policy) == one(SignalKind::kCutOff, 1799999980));
}

TEST_CASE("event_token: a user of another issuer is not ours, whatever the name (STD 5.14)") {
  const auto read = read_event(kKind, event(R"("iss_sub","iss":"https://as.example.com")",
                                            R"("iss_sub","iss":"https://other.example.com")"));
  REQUIRE(read);
  CHECK(read->signals.empty());
  CHECK(read->unmappable_subjects == 1);
}

TEST_CASE("event_token: where a subject is narrower than what we can match, its tokens are asked, not cut off") {
  const std::string claims = event(
      R"({"format":"iss_sub","iss":"https://as.example.com","sub":"u1"})",
      R"({"format":"complex","user":{"format":"iss_sub","iss":"https://as.example.com","sub":"u1"},)"
      R"("device":{"format":"opaque","id":"d1"}})");
  CHECK(signals_of(claims) == one(SignalKind::kHold, 1799999980));
  EventPolicy policy = event_policy();
  policy.critical_subject_members = {"device"};
  const auto discarded = read_event(kKind, claims, policy);
  REQUIRE(discarded);
  CHECK(discarded->signals.empty());   // STD 5.12
  CHECK(discarded->unmappable_subjects == 1);
}

TEST_CASE("event_token: verification brings our state back (STD 5.18)") {
  const std::string_view sub_id = R"("sub_id":{"format":"iss_sub","iss":"https://as.example.com","sub":"u1"},)";
  for (const std::string_view type :
       {"ssf/event-type/verification", "sse/event-type/verification", "risc/event-type/verification"}) {
    CAPTURE(type);
    const auto read = read_event(kKind, changed(with_event(type, R"({"state":"c3RhdGU"})"), sub_id, ""));
    REQUIRE(read);
    CHECK(read->verification_state == "c3RhdGU");
    CHECK(read->signals.empty());
    CHECK(read->unmappable_subjects == 0);
  }
  const auto without = read_event(kKind, with_event("ssf/event-type/verification"));
  REQUIRE(without);
  CHECK(without->verification_state == "");
  CHECK(event_defect(kKind, with_event("ssf/event-type/verification", R"({"state":7})")) == EventDefect::kMalformed);
  CHECK(event_defect(kKind, with_event("ssf/event-type/verification", R"({"state":null})")) == EventDefect::kMalformed);
}

TEST_CASE("event_token: stream-updated says how the stream is (STD 5.17, 5.19)") {
  using Stream = SecurityEvent::Stream;
  struct Row {
    std::string_view status;
    Stream stream;
  };
  for (const Row& row : {Row{"enabled", Stream::kEnabled}, Row{"paused", Stream::kPaused}, Row{"disabled", Stream::kDisabled}}) {
    CAPTURE(row.status);
    const std::string payload = R"({"status":")" + std::string(row.status) + R"(","reason":"x"})";
    const auto read = read_event(kKind, with_event("ssf/event-type/stream-updated", payload));
    REQUIRE(read);
    CHECK(read->stream == row.stream);
    CHECK(read->signals.empty());
  }
  for (const std::string_view payload : {"{}", R"({"status":"Enabled"})", R"({"status":""})", R"({"status":1})"}) {
    CAPTURE(payload);
    CHECK(event_defect(kKind, with_event("ssf/event-type/stream-updated", payload)) == EventDefect::kMalformed);
  }
}

TEST_CASE("event_token: whatever is malformed is refused and changes nothing (STD 5.01, 5.10)") {
  constexpr std::string_view kEvents =
      R"({"https://schemas.openid.net/secevent/caep/event-type/session-revoked":{"event_timestamp":1799999980}})";
  constexpr std::string_view kSubject = R"({"format":"iss_sub","iss":"https://as.example.com","sub":"u1"})";
  struct Row {
    std::string_view part, by;
  };
  for (const Row& row : std::vector<Row>{
           {R"("iss":"https://as.example.com","aud")", R"("aud")"},
           {R"("iss":"https://as.example.com","aud")", R"("iss":7,"aud")"},
           {R"("iss":"https://as.example.com","aud")", R"("iss":"","aud")"},
           {R"("iat":1799999990,)", ""},
           {R"("iat":1799999990)", R"("iat":"1799999990")"},
           {R"("iat":1799999990)", R"("iat":-1)"},
           {R"("iat":1799999990)", R"("iat":1799999990000)"},
           {R"("jti":"j1",)", ""},
           {R"("jti":"j1")", R"("jti":["j1"])"},
           {R"("jti":"j1")", R"("jti":"")"},
           {R"("jti":"j1")", R"("jti":"j1","sub":"u1")"},         // SSF 1.0 §4.1
           {R"("jti":"j1")", R"("jti":"j1","sub":null)"},
           {R"("jti":"j1")", R"("jti":"j1","exp":1900000000)"},
           {R"("jti":"j1")", R"("jti":"j1","exp":null)"},
           {R"("jti":"j1")", R"("jti":"j1","jti":"j2")"},
           {R"(["other","node"])", "7"},
           {R"(["other","node"])", R"(["node",7])"},
           {R"(["other","node"])", R"(["node",""])"},
           {kEvents, "{}"},
           {kEvents, "[]"},
           {kEvents, R"(["https://schemas.openid.net/secevent/caep/event-type/session-revoked"])"},
           {kEvents, "null"},
           {kEvents, R"({"urn:x":null})"},
           {kEvents, R"({"urn:x":[]})"},
           {kEvents, R"({"urn:x":"y"})"},
           {R"({"event_timestamp":1799999980})", R"({"event_timestamp":"1799999980"})"},
           {R"({"event_timestamp":1799999980})", R"({"event_timestamp":-1})"},
           {R"({"event_timestamp":1799999980})", R"({"event_timestamp":null})"},
           {R"({"event_timestamp":1799999980})", R"({"event_timestamp":1,"event_timestamp":1})"},
           {R"({"event_timestamp":1799999980})", R"({"subject":"u1"})"},
           {R"("jti":"j1")", R"("jti":"j1","toe":"x")"},
           {R"("sub_id":{"format":"iss_sub","iss":"https://as.example.com","sub":"u1"},)", ""},
           {kSubject, "null"},
           {kSubject, R"("u1")"},
           {kSubject, "[]"},
           {kSubject, "{}"},
       }) {
    CAPTURE(row.part);
    CAPTURE(row.by);
    const bool toe = row.by.find("toe") != std::string_view::npos;
    const std::string claims = toe ? changed(event(row.part, row.by), R"({"event_timestamp":1799999980})", "{}")
                                   : event(row.part, row.by);
    CHECK(event_defect(kKind, claims) == EventDefect::kMalformed);
  }
  for (const std::string_view payload :
       {"{}", R"({"change_type":"Create"})", R"({"change_type":"rotate"})", R"({"change_type":1})", R"({"change_type":""})"}) {
    CAPTURE(payload);
    CHECK(event_defect(kKind, with_event("caep/event-type/credential-change", payload)) == EventDefect::kMalformed);
  }
}

TEST_CASE("event_token: one malformed event refuses the whole token") {
  CHECK(event_defect(kKind, with_events(R"({"https://schemas.openid.net/secevent/risc/event-type/account-disabled":{},)"
                                        R"("https://schemas.openid.net/secevent/caep/event-type/credential-change":{}})")) ==
        EventDefect::kMalformed);
}

TEST_CASE("event_token: issuer and audience are ours, iat lies not ahead") {
  CHECK(event_defect(kKind, event(R"("iss":"https://as.example.com","aud")", R"("iss":"https://as.example.com/","aud")")) ==
        EventDefect::kWrongIssuer);
  CHECK(event_defect(kKind, event(R"(["other","node"])", R"(["other"])")) == EventDefect::kWrongAudience);
  CHECK(event_defect(kKind, event(R"("aud":["other","node"],)", "")) == EventDefect::kWrongAudience);
  CHECK_FALSE(event_defect(kKind, event("1799999990", "1800000060")));
  CHECK(event_defect(kKind, event("1799999990", "1800000061")) == EventDefect::kExpired);
  CHECK_FALSE(event_defect(kKind, event("1799999990", "1")));   // a SET does not expire
}

}  // namespace introspectd::oauth
