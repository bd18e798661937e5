#include "oauth/subject_identifier.h"

#include <vector>

#include "codec/json_value.h"
#include "tests/unit/oauth/event_samples.h"

namespace introspectd::oauth {
namespace {

constexpr std::string_view kUser = R"({"format":"iss_sub","iss":"https://as.example.com","sub":"u1"})";

tl::expected<Subject, EventDefect> read(std::string_view json, const EventPolicy& policy = event_policy()) {
  const auto document = codec::JsonValue::read(R"({"s":)" + std::string(json) + "}", codec::JsonLimits{});
  REQUIRE(document);
  return read_subject(*document->find("s"), policy);
}

// "exact sub=u1 sid=s1", or "unmappable", or "malformed".
std::string told(std::string_view json, const EventPolicy& policy = event_policy()) {
  const auto subject = read(json, policy);
  if (!subject) return subject.error() == EventDefect::kMalformed ? "malformed" : "another defect";
  if (subject->reach == SubjectReach::kUnmappable) return subject->match.empty() ? "unmappable" : "unmappable, matches";
  std::string text = subject->reach == SubjectReach::kExact ? "exact" : "wider";
  const ClaimMatch& match = subject->match;
  for (const auto& [name, value] : {std::pair{" sub=", &match.sub}, std::pair{" sid=", &match.sid},
                                    std::pair{" client=", &match.client_id}, std::pair{" jti=", &match.jti}}) {
    if (!value->empty()) text += name + *value;
  }
  return text;
}

std::string complex(std::string_view members) { return R"({"format":"complex",)" + std::string(members) + "}"; }
std::string member(std::string_view name, std::string_view subject) {
  return "\"" + std::string(name) + "\":" + std::string(subject);
}
std::string user() { return member("user", kUser); }

}  // namespace

TEST_CASE("subject_identifier: the formats of RFC 9493 and SSF map to claims, or to nothing (STD 5.14)") {
  struct Row {
    std::string_view subject, told;
  };
  for (const Row& row : std::vector<Row>{
           {kUser, "exact sub=u1"},
           {R"({"format":"opaque","id":"u1"})", "exact sub=u1"},
           {R"({"format":"jwt_id","iss":"https://as.example.com","jti":"t1"})", "exact jti=t1"},
           {R"({"subject_type":"iss-sub","iss":"https://as.example.com","sub":"u1"})", "exact sub=u1"},
           {R"({"subject_type":"iss_sub","iss":"https://as.example.com","sub":"u1"})", "exact sub=u1"},
           {R"({"format":"opaque","subject_type":"email","id":"u1"})", "exact sub=u1"},
           {R"({"format":"email","email":"u1@example.com"})", "unmappable"},
           {R"({"format":"account","uri":"acct:u1@example.com"})", "unmappable"},
           {R"({"format":"phone_number","phone_number":"+12065550100"})", "unmappable"},
           {R"({"format":"did","url":"did:example:123456"})", "unmappable"},
           {R"({"format":"uri","uri":"urn:uuid:4e851e98"})", "unmappable"},
           {R"({"format":"saml_assertion_id","issuer":"https://as.example.com","assertion_id":"a1"})", "unmappable"},
           {R"({"format":"ip-addresses","ip-addresses":["10.29.37.75"]})", "unmappable"},
           {R"({"format":"of_tomorrow","sub":"u1"})", "unmappable"},
           {R"({"subject_type":"id_token_claims","email":"u1@example.com"})", "unmappable"},
       }) {
    CAPTURE(row.subject);
    CHECK(told(row.subject) == row.told);
  }
}

TEST_CASE("subject_identifier: an issuer within a subject is ours, byte for byte, or it is somebody else's name") {
  for (const std::string_view issuer : {"https://as.example.com/", "https://other.example.com", "https://as.example.co"}) {
    CAPTURE(issuer);
    CHECK(told(changed(kUser, "https://as.example.com", issuer)) == "unmappable");
    CHECK(told(R"({"format":"jwt_id","jti":"t1","iss":")" + std::string(issuer) + "\"}") == "unmappable");
    CHECK(told(complex(member("application", changed(kUser, "https://as.example.com", issuer)))) == "unmappable");
  }
}

TEST_CASE("subject_identifier: of aliases the first that maps counts (RFC 9493 §3.2.8)") {
  const auto aliases = [](std::string_view items) {
    return R"({"format":"aliases","identifiers":[)" + std::string(items) + "]}";
  };
  CHECK(told(aliases(std::string(R"({"format":"email","email":"x@example.com"},)") + std::string(kUser))) == "exact sub=u1");
  CHECK(told(aliases(std::string(kUser) + R"(,{"format":"opaque","id":"u2"})")) == "exact sub=u1");
  CHECK(told(aliases(changed(kUser, "as.example", "other.example") + R"(,{"format":"opaque","id":"u2"})")) ==
        "exact sub=u2");
  CHECK(told(aliases(R"({"format":"email","email":"x@example.com"})")) == "unmappable");
  CHECK(told(complex(member("user", aliases(kUser)))) == "exact sub=u1");
  CHECK(told(complex(member("session", aliases(std::string(kUser) + R"(,{"format":"opaque","id":"s1"})")))) ==
        "exact sid=s1");
  CHECK(told(aliases("")) == "malformed");
  CHECK(told(R"({"format":"aliases"})") == "malformed");
  CHECK(told(R"({"format":"aliases","identifiers":{}})") == "malformed");
  CHECK(told(aliases(R"("u1")")) == "malformed");
  CHECK(told(aliases(std::string(kUser) + ",7")) == "malformed");
  CHECK(told(aliases(aliases(kUser))) == "malformed");
  CHECK(told(aliases(complex(user()))) == "malformed");
}

TEST_CASE("subject_identifier: a complex subject narrows by each member that is there (STD 5.13)") {
  const std::string session = member("session", R"({"format":"opaque","id":"s1"})");
  const std::string client = member("application", R"({"format":"opaque","id":"c1"})");
  CHECK(told(complex(user())) == "exact sub=u1");
  CHECK(told(complex(session)) == "exact sid=s1");
  CHECK(told(complex(client)) == "exact client=c1");
  CHECK(told(complex(user() + "," + session)) == "exact sub=u1 sid=s1");
  CHECK(told(complex(user() + "," + session + "," + client)) == "exact sub=u1 sid=s1 client=c1");
  CHECK(told(complex(member("application", kUser))) == "exact client=u1");
  CHECK(told(complex(member("session", R"({"format":"jwt_id","iss":"https://as.example.com","jti":"t1"})"))) ==
        "exact jti=t1");
  // As the drafts wrote them.
  CHECK(told("{" + user() + "," + session + "}") == "exact sub=u1 sid=s1");
}

TEST_CASE("subject_identifier: what only a device, tenant, unit or group names is unmappable") {
  for (const std::string_view name : {"device", "tenant", "org_unit", "group", "of_tomorrow"}) {
    CAPTURE(name);
    CHECK(told(complex(member(name, R"({"format":"opaque","id":"x"})"))) == "unmappable");
  }
}

TEST_CASE("subject_identifier: a member that narrows beyond what we know makes the match wider than the subject") {
  const std::string id = R"({"format":"opaque","id":"x"})";
  for (const std::string_view name : {"device", "org_unit", "group", "of_tomorrow"}) {
    CAPTURE(name);
    CHECK(told(complex(user() + "," + member(name, id))) == "wider sub=u1");
    CHECK(told(complex(member(name, id) + "," + user())) == "wider sub=u1");
    CHECK(told(complex(user() + "," + member(name, id) + "," + member("session", id))) == "exact sub=u1 sid=x");
  }
  CHECK(told(complex(user() + "," + member("session", R"({"format":"email","email":"a@b"})"))) == "wider sub=u1");
  CHECK(told(complex(user() + "," + member("session", kUser))) == "wider sub=u1");
  // The tenant of a user of this issuer says nothing more; that of a client's users does.
  CHECK(told(complex(user() + "," + member("tenant", id))) == "exact sub=u1");
  CHECK(told(complex(member("application", id) + "," + member("tenant", id))) == "wider client=x");
}

TEST_CASE("subject_identifier: a user that is not understood is never widened to all tokens of a client") {
  const std::string mail = member("user", R"({"format":"email","email":"x@example.com"})");
  const std::string client = member("application", R"({"format":"opaque","id":"c1"})");
  CHECK(told(complex(mail + "," + client)) == "unmappable");
  CHECK(told(complex(mail + "," + member("session", R"({"format":"opaque","id":"s1"})"))) == "exact sid=s1");
}

TEST_CASE("subject_identifier: with a critical member that is not understood the subject is dropped (STD 5.12)") {
  EventPolicy policy = event_policy();
  policy.critical_subject_members = {"tenant", "user"};
  const std::string tenant = member("tenant", R"({"format":"opaque","id":"x"})");
  const std::string session = member("session", R"({"format":"opaque","id":"s1"})");
  CHECK(told(complex(user() + "," + tenant), policy) == "unmappable");
  CHECK(told(complex(session + "," + tenant), policy) == "unmappable");
  CHECK(told(complex(user() + "," + session), policy) == "exact sub=u1 sid=s1");
}

TEST_CASE("subject_identifier: whatever lacks a member or has an empty one is malformed, never everybody") {
  for (const std::string_view subject :
       {"7", "null", "[]", R"("u1")", "{}", R"({"format":""})", R"({"format":7})", R"({"subject_type":["iss_sub"]})",
        R"({"iss":"https://as.example.com","sub":"u1"})", R"({"format":"iss_sub"})",
        R"({"format":"iss_sub","iss":"https://as.example.com"})", R"({"format":"iss_sub","sub":"u1"})",
        R"({"format":"iss_sub","iss":"https://as.example.com","sub":""})",
        R"({"format":"iss_sub","iss":"https://as.example.com","sub":7})", R"({"format":"iss_sub","iss":"","sub":"u1"})",
        R"({"format":"opaque"})", R"({"format":"opaque","id":""})", R"({"format":"opaque","id":null})",
        R"({"format":"jwt_id","iss":"https://as.example.com"})", R"({"format":"email"})", R"({"format":"email","email":1})",
        R"({"format":"account"})", R"({"format":"phone_number"})", R"({"format":"did"})", R"({"format":"uri","uri":""})",
        R"({"format":"saml_assertion_id","issuer":"x"})", R"({"format":"ip-addresses","ip-addresses":[]})",
        R"({"format":"ip-addresses"})", R"({"format":"ip-addresses","ip-addresses":"10.0.0.1"})",
        R"({"format":"complex"})", R"({"format":"complex","user":"u1"})", R"({"format":"complex","user":{}})",
        R"({"format":"complex","user":null})", R"({"format":"complex","device":7})"}) {
    CAPTURE(subject);
    CHECK(told(subject) == "malformed");
  }
  CHECK(told(complex(member("user", complex(user())))) == "malformed");
}

}  // namespace introspectd::oauth
