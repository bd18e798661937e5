#include "oauth/security_event.h"

#include <algorithm>
#include <array>
#include <vector>

#include "tests/unit/oauth/event_samples.h"

namespace introspectd::oauth {
namespace {

constexpr std::array kKinds{SignedEventKind::kLogoutToken, SignedEventKind::kSecurityEvent,
                            SignedEventKind::kKeycloakAction};

std::string_view sample_of(SignedEventKind kind) {
  switch (kind) {
    case SignedEventKind::kLogoutToken: return kLogoutClaims;
    case SignedEventKind::kSecurityEvent: return kEventClaims;
    case SignedEventKind::kKeycloakAction: return kActionClaims;
  }
  return {};
}

std::optional<EventDefect> defect_of(SignedEventKind kind, std::string_view typ, std::string_view claims) {
  const auto event = read_security_event(kind, typ, claims, event_policy(), kEventNow);
  return event ? std::nullopt : std::optional(event.error());
}

Signals revoked(std::string_view json, const EventPolicy& policy = event_policy()) {
  const auto signals = read_global_token_revocation(json, policy, kEventNow);
  REQUIRE(signals);
  return *signals;
}

}  // namespace

TEST_CASE("security_event: typ is that of the kind, case does not count (RFC 7515 §4.1.9, STD 5.10, 5.27)") {
  struct Row {
    SignedEventKind kind;
    std::string_view typ;
  };
  for (const Row& row : {Row{SignedEventKind::kLogoutToken, ""}, Row{SignedEventKind::kLogoutToken, "JWT"},
                         Row{SignedEventKind::kLogoutToken, "jwt"}, Row{SignedEventKind::kLogoutToken, "logout+jwt"},
                         Row{SignedEventKind::kLogoutToken, "application/logout+jwt"},
                         Row{SignedEventKind::kLogoutToken, "Application/Logout+JWT"},
                         Row{SignedEventKind::kSecurityEvent, "secevent+jwt"},
                         Row{SignedEventKind::kSecurityEvent, "application/SECEVENT+jwt"},
                         Row{SignedEventKind::kKeycloakAction, ""}, Row{SignedEventKind::kKeycloakAction, "JWT"}}) {
    CAPTURE(row.typ);
    CHECK_FALSE(defect_of(row.kind, row.typ, sample_of(row.kind)));
  }
}

TEST_CASE("security_event: when it says it was issued can be asked before its signature is believed") {
  const std::int64_t now = kEventNow.ms() / 1000;
  const auto issued = [&](SignedEventKind kind, const std::string& name, const std::string& date) {
    return issued_at(kind, "{\"" + name + "\":" + date + "}", event_policy(), kEventNow);
  };
  for (const SignedEventKind kind : {SignedEventKind::kLogoutToken, SignedEventKind::kSecurityEvent}) {
    CHECK(issued(kind, "iat", std::to_string(now)) == now);
    CHECK(issued(kind, "iat", std::to_string(now + 60)) == now + 60);
    CHECK_FALSE(issued(kind, "iat", std::to_string(now + 61)));
    CHECK(issued(kind, "iat", "0") == 0);
    for (const char* const no_date : {"-1", "\"1\"", "null", "[]", "1e300"}) CHECK_FALSE(issued(kind, "iat", no_date));
    CHECK_FALSE(issued(kind, "expiration", std::to_string(now)));
  }
  CHECK(issued(SignedEventKind::kKeycloakAction, "expiration", std::to_string(now + 300)) == now + 300);
  CHECK_FALSE(issued(SignedEventKind::kKeycloakAction, "iat", std::to_string(now)));
  CHECK_FALSE(issued_at(SignedEventKind::kLogoutToken, R"({"iat":1,"iat":1})", event_policy(), kEventNow));
  CHECK_FALSE(issued_at(SignedEventKind::kLogoutToken, "", event_policy(), kEventNow));
}

TEST_CASE("security_event: a typ of another kind of token is refused by every reader (RFC 8725 §3.11, STD 3.08)") {
  for (const std::string_view typ :
       {"at+jwt", "application/at+jwt", "dpop+jwt", "token-introspection+jwt", "txntoken+jwt", "client-authentication+jwt",
        "statuslist+jwt", "id_token", "jose", "JWT ", "application/", "application/application/jwt", "logout+jwt+x",
        "text/jwt", "*"}) {
    for (const SignedEventKind kind : kKinds) {
      CAPTURE(typ);
      CAPTURE(static_cast<int>(kind));
      CHECK(defect_of(kind, typ, sample_of(kind)) == EventDefect::kWrongType);
    }
  }
  CHECK(defect_of(SignedEventKind::kLogoutToken, "secevent+jwt", kLogoutClaims) == EventDefect::kWrongType);
  for (const std::string_view typ : {"", "JWT", "logout+jwt"}) {
    CHECK(defect_of(SignedEventKind::kSecurityEvent, typ, kEventClaims) == EventDefect::kWrongType);
  }
  for (const std::string_view typ : {"secevent+jwt", "logout+jwt"}) {
    CHECK(defect_of(SignedEventKind::kKeycloakAction, typ, kActionClaims) == EventDefect::kWrongType);
  }
}

TEST_CASE("security_event: where typ does not tell, the claims keep kinds apart (RFC 8725 §3.11, STD 3.08)") {
  constexpr std::string_view kIdToken =
      R"({"iss":"https://as.example.com","sub":"u1","aud":"node","iat":1799999990,"exp":1800000110,"nonce":"n","sid":"s1",)"
      R"("jti":"j1"})";
  constexpr std::string_view kAccessToken =
      R"({"iss":"https://as.example.com","sub":"u1","aud":"node","iat":1799999990,"exp":1800000110,"jti":"j1",)"
      R"("client_id":"c1","scope":"read","action":"LOGOUT","id":"x","resource":"node","expiration":1800000030})";
  constexpr std::string_view kIntrospection =
      R"({"iss":"https://as.example.com","aud":"node","iat":1799999990,"jti":"j1","token_introspection":{"active":true}})";
  constexpr std::string_view kTransaction =
      R"({"iat":1799999990,"aud":"node","exp":1800000110,"txn":"t","sub":"u1","scope":"x","req_wl":"w","jti":"j1"})";
  constexpr std::string_view kProof = R"({"jti":"j1","htm":"POST","htu":"https://as.example.com","iat":1799999990})";
  for (const SignedEventKind kind : kKinds) {
    CAPTURE(static_cast<int>(kind));
    for (const std::string_view claims : {kIdToken, kAccessToken, kIntrospection, kTransaction, kProof}) {
      CAPTURE(claims);
      CHECK(defect_of(kind, typ_of(kind), claims) == EventDefect::kMalformed);
    }
    for (const SignedEventKind other : kKinds) {
      if (kind == other) continue;
      CHECK(defect_of(kind, typ_of(kind), sample_of(other)) == EventDefect::kMalformed);
    }
  }
}

TEST_CASE("security_event: a payload of 64 KiB is read, one byte more is not (F99)") {
  for (const SignedEventKind kind : kKinds) {
    const std::string_view sample = sample_of(kind);
    const std::string most = std::string(sample) + std::string(65536 - sample.size(), ' ');
    CHECK_FALSE(defect_of(kind, typ_of(kind), most));
    CHECK(defect_of(kind, typ_of(kind), most + " ") == EventDefect::kMalformed);
  }
}

TEST_CASE("security_event: no single byte taken away or changed makes a signal that matches everybody (I24)") {
  for (const SignedEventKind kind : kKinds) {
    const std::string sample(sample_of(kind));
    for (std::size_t i = 0; i < sample.size(); ++i) {
      std::string without = sample;
      without.erase(i, 1);
      std::string other = sample;
      other[i] = other[i] == '"' ? ' ' : '"';
      for (const std::string& claims : {without, other}) {
        const auto event = read_security_event(kind, typ_of(kind), claims, event_policy(), kEventNow);
        if (!event) continue;
        for (const Signal& signal : event->signals) {
          // A Keycloak action without any list of sessions does mean everybody.
          const bool lists = claims.find("keycloakSessionIds") != std::string::npos ||
                             claims.find("adapterSessionIds") != std::string::npos;
          if (kind != SignedEventKind::kKeycloakAction || lists) CHECK_FALSE(signal.match.empty());
        }
      }
    }
  }
}

TEST_CASE("security_event: a global token revocation cuts off its subject at now (STD 5.33)") {
  CHECK(revoked(R"({"sub_id":{"format":"iss_sub","iss":"https://as.example.com","sub":"u1"}})") ==
        Signals{signal_of(SignalKind::kCutOff, match_sub("u1"), kNowSeconds)});
  CHECK(revoked(R"({"sub_id":{"format":"opaque","id":"u1"},"reason":"x"})") ==
        Signals{signal_of(SignalKind::kCutOff, match_sub("u1"), kNowSeconds)});
  CHECK(revoked(R"({"sub_id":{"format":"complex","user":{"format":"opaque","id":"u1"},)"
                R"("device":{"format":"opaque","id":"d1"}}})") ==
        Signals{signal_of(SignalKind::kHold, match_sub("u1"), kNowSeconds)});
}

TEST_CASE("security_event: a global token revocation of nobody we know is no signal, or a flush") {
  constexpr std::string_view kMail = R"({"sub_id":{"format":"email","email":"x@example.com"}})";
  CHECK(revoked(kMail).empty());
  CHECK(revoked(R"({"sub_id":{"format":"iss_sub","iss":"https://other.example.com","sub":"u1"}})").empty());
  EventPolicy policy = event_policy();
  policy.flush_when_unmappable = true;
  CHECK(revoked(kMail, policy) == Signals{signal_of(SignalKind::kFlush, {}, kNowSeconds)});
}

TEST_CASE("security_event: a global token revocation without a subject is malformed") {
  for (const std::string_view body : {"", "{}", "[]", R"({"sub_id":null})", R"({"sub_id":"u1"})", R"({"sub_id":{}})",
                                      R"({"sub_id":{"format":"opaque"}})", R"({"subject":{"format":"opaque","id":"u1"}})",
                                      R"({"sub_id":{"format":"opaque","id":""}})",
                                      R"({"sub_id":{"format":"opaque","id":"u1"},"sub_id":{"format":"opaque","id":"u2"}})"}) {
    CAPTURE(body);
    const auto signals = read_global_token_revocation(body, event_policy(), kEventNow);
    REQUIRE_FALSE(signals);
    CHECK(signals.error() == EventDefect::kMalformed);
  }
}

TEST_CASE("security_event: every defect has a sentence") {
  for (int i = 0; i <= static_cast<int>(EventDefect::kExpired); ++i) {
    CHECK(describe(static_cast<EventDefect>(i)) != "unknown");
  }
}

}  // namespace introspectd::oauth
