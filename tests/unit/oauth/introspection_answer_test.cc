#include "oauth/introspection_answer.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

namespace introspectd::oauth {
namespace {

constexpr std::string_view kJson = "application/json";

tl::expected<IntrospectionAnswer, AnswerDefect> read(std::string_view body, const AudienceNames& audiences = {}) {
  return read_introspection_answer(200, kJson, body, audiences);
}

std::optional<AnswerDefect> defect_of(std::string_view body) {
  const auto answer = read(body);
  return answer ? std::nullopt : std::optional(answer.error());
}

}  // namespace

TEST_CASE("introspection_answer: a real answer is read, its body kept byte for byte (STD 1.07)") {
  constexpr std::string_view kBody =
      R"( {"tenant":"t1", "client_id":"app","exp":1700000300,"iat":1700000000,"nbf":1699999999, "sub":"u1","sid":"s1","jti":"j1",)"
      R"("big":123456789012345678901234567890,"x":1e400,"cnf":{"jkt":"y"},"active":true,"scope":"read"} )";
  const auto answer = read(kBody);
  REQUIRE(answer);
  CHECK(answer->active);
  CHECK(answer->body == kBody);
  CHECK(answer->exp == 1700000300);
  CHECK(answer->iat == 1700000000);
  CHECK(answer->nbf == 1699999999);
  CHECK(answer->sub == "u1");
  CHECK(answer->sid == "s1");
  CHECK(answer->client_id == "app");
  CHECK(answer->jti == "j1");
}

TEST_CASE("introspection_answer: without exp, sub and jti an answer is one all the same (F62)") {
  const auto answer = read(R"({"active":true,"exp":null,"nbf":null,"iat":null,"sub":null})");
  REQUIRE(answer);
  CHECK(answer->active);
  CHECK_FALSE(answer->exp);
  CHECK_FALSE(answer->nbf);
  CHECK_FALSE(answer->iat);
  CHECK(answer->sub.empty());
  CHECK(answer->jti.empty());
}

TEST_CASE("introspection_answer: beside active:false every claim is dropped (STD 1.08, F60)") {
  for (const std::string_view body :
       {R"({"active":false})", R"({"active":false,"sub":"u1","exp":1700000000,"aud":"orders","iat":1,"jti":"j"})",
        R"({"exp":"never","iat":-1,"active":false})"}) {
    CAPTURE(body);
    AudienceNames audiences;
    REQUIRE(audiences.add("orders"));
    const auto answer = read(body, audiences);
    REQUIRE(answer);
    CHECK_FALSE(answer->active);
    CHECK(answer->body.empty());
    CHECK(answer->sub.empty());
    CHECK(answer->jti.empty());
    CHECK_FALSE(answer->exp);
    CHECK_FALSE(answer->iat);
    CHECK(answer->audience == 0);
  }
}

TEST_CASE("introspection_answer: no status but 200 determines anything (I17, I18)") {
  struct Row {
    int status;
    AnswerDefect defect;
  };
  for (const Row& row :
       {Row{400, AnswerDefect::kBadRequest}, Row{401, AnswerDefect::kCredentialRefused},
        Row{403, AnswerDefect::kCredentialRefused}, Row{404, AnswerDefect::kNotAnEndpoint},
        Row{405, AnswerDefect::kNotAnEndpoint}, Row{429, AnswerDefect::kRateLimited}, Row{500, AnswerDefect::kServerError},
        Row{502, AnswerDefect::kServerError}, Row{503, AnswerDefect::kServerError}, Row{599, AnswerDefect::kServerError},
        Row{600, AnswerDefect::kUnexpectedStatus}, Row{100, AnswerDefect::kUnexpectedStatus},
        Row{201, AnswerDefect::kUnexpectedStatus}, Row{204, AnswerDefect::kUnexpectedStatus},
        Row{206, AnswerDefect::kUnexpectedStatus}, Row{301, AnswerDefect::kUnexpectedStatus},
        Row{302, AnswerDefect::kUnexpectedStatus}, Row{304, AnswerDefect::kUnexpectedStatus},
        Row{307, AnswerDefect::kUnexpectedStatus}, Row{402, AnswerDefect::kUnexpectedStatus},
        Row{418, AnswerDefect::kUnexpectedStatus}, Row{0, AnswerDefect::kUnexpectedStatus}}) {
    CAPTURE(row.status);
    for (const std::string_view body : {R"({"active":false})", R"({"active":true})", ""}) {
      const auto answer = read_introspection_answer(row.status, kJson, body, {});
      REQUIRE_FALSE(answer);
      CHECK(answer.error() == row.defect);
    }
  }
}

TEST_CASE("introspection_answer: a 200 of another media type is a captive portal, not an answer (F46)") {
  for (const std::string_view type : {"text/html", "", "text/json", "application/jwt"}) {
    CAPTURE(type);
    const auto answer = read_introspection_answer(200, type, R"({"active":true})", {});
    REQUIRE_FALSE(answer);
    CHECK(answer.error() == AnswerDefect::kMediaType);
  }
  CHECK(read_introspection_answer(200, "Application/JSON; charset=UTF-8", R"({"active":true})", {}));
  CHECK(read_introspection_answer(200, "application/token-introspection+json", R"({"active":true})", {}));
}

TEST_CASE("introspection_answer: a body that is not one strict object is malformed (F47, F48, F51, F52)") {
  const std::string deep = R"({"active":true,"a":)" + std::string(10000, '[') + std::string(10000, ']') + "}";
  for (const std::string_view body :
       {std::string_view(""), std::string_view(R"({"active":true)"), std::string_view(R"({"active":true}x)"),
        std::string_view(R"({"active":true}{"active":true})"), std::string_view(R"({"active":tru})"),
        std::string_view(R"({"active":true,"exp":NaN})"), std::string_view(R"({"active":true/**/})"),
        std::string_view("\xEF\xBB\xBF{\"active\":true}"), std::string_view("{\"active\":true,\"a\":\"\xFF\"}"),
        std::string_view(R"({"active":true,"a":"\ud800"})"), std::string_view(R"([{"active":true}])"),
        std::string_view("true"), std::string_view(R"("active")"), std::string_view("<html>"),
        std::string_view("{\"active\":true}\0", 16), std::string_view(deep)}) {
    CAPTURE(body.substr(0, 40));
    CHECK(defect_of(body) == AnswerDefect::kMalformed);
  }
}

TEST_CASE("introspection_answer: a member that stands twice is refused, also when escaped (F49)") {
  for (const std::string_view body :
       {R"({"active":true,"active":true})", R"({"active":false,"\u0061ctive":true})",
        R"({"active":true,"exp":1,"exp":2})", R"({"active":true,"x":{"a":1,"a":2}})",
        R"({"active":false,"sub":"a","sub":"b"})"}) {
    CAPTURE(body);
    CHECK(defect_of(body) == AnswerDefect::kDuplicateMember);
  }
}

TEST_CASE("introspection_answer: active is a boolean at the top or there is no answer (F50)") {
  for (const std::string_view body :
       {R"({})", R"({"active":null})", R"({"active":"true"})", R"({"active":"false"})", R"({"active":1})",
        R"({"active":0})", R"({"active":[]})", R"({"active":[true]})", R"({"active":{}})", R"({"Active":true})",
        R"({"token_introspection":{"active":true}})", R"({"a":[{"active":true}]})", R"({"active ":true})"}) {
    CAPTURE(body);
    CHECK(defect_of(body) == AnswerDefect::kActiveMissing);
  }
  CHECK(read(R"({"\u0061ctive":true})"));
}

TEST_CASE("introspection_answer: a time that is none is a defect (F55, PEERS defect 4)") {
  for (const std::string_view name : {"exp", "nbf", "iat"}) {
    for (const std::string_view value : {"\"1700000000\"", "\"\"", "-1", "-0.1", "1e400", "9223372036854775808", "true",
                                         "false", "[]", "[1700000000]", "{}"}) {
      const std::string body = R"({"active":true,")" + std::string(name) + "\":" + std::string(value) + "}";
      CAPTURE(body);
      CHECK(defect_of(body) == AnswerDefect::kBadTime);
    }
  }
}

TEST_CASE("introspection_answer: a fractional time is floored (F56)") {
  const auto answer = read(R"({"active":true,"exp":1700000000.9,"nbf":1.5e1,"iat":0})");
  REQUIRE(answer);
  CHECK(answer->exp == 1700000000);
  CHECK(answer->nbf == 15);
  CHECK(answer->iat == 0);
}

TEST_CASE("introspection_answer: a claim that is a number is its digits: events name it as a string (F104)") {
  const auto answer = read(R"({"active":true,"sub":42,"client_id":7})");
  REQUIRE(answer);
  CHECK(answer->sub == "42");
  CHECK(answer->client_id == "7");
}

TEST_CASE("introspection_answer: a claim that is neither string nor number counts as absent") {
  const auto answer = read(R"({"active":true,"sub":false,"sid":["s"],"client_id":{"x":"y"},"jti":true})");
  REQUIRE(answer);
  CHECK(answer->sub.empty());
  CHECK(answer->sid.empty());
  CHECK(answer->client_id.empty());
  CHECK(answer->jti.empty());
}

TEST_CASE("introspection_answer: claims of an object within are not claims of the token") {
  const auto answer = read(R"({"active":true,"act":{"sub":"actor","exp":"x","aud":"orders"},"exp":5})");
  REQUIRE(answer);
  CHECK(answer->sub.empty());
  CHECK(answer->exp == 5);
}

TEST_CASE("introspection_answer: aud is a string or an array, only configured names count") {
  AudienceNames audiences;
  const AudienceMask orders = audiences.add("orders").value();
  const AudienceMask payments = audiences.add("payments").value();
  struct Row {
    std::string_view aud;
    AudienceMask mask;
  };
  for (const Row& row :
       {Row{R"("orders")", orders}, Row{R"("other")", 0}, Row{R"(["orders","other","payments"])", orders | payments},
        Row{R"([])", 0}, Row{R"(["payments"])", payments}, Row{R"([["orders"],{"aud":"orders"},7])", 0},
        Row{R"({"orders":"orders"})", 0}, Row{R"("orders payments")", 0}, Row{"null", 0}, Row{"7", 0},
        Row{R"("\u006frders")", orders}}) {
    CAPTURE(row.aud);
    const auto answer = read(R"({"active":true,"aud":)" + std::string(row.aud) + "}", audiences);
    REQUIRE(answer);
    CHECK(answer->audience == row.mask);
  }
}

TEST_CASE("introspection_answer: 64 KiB are read, one byte more is too large (I17, F53)") {
  const std::string head = R"({"active":true,"a":")";
  const std::string most = head + std::string(65536 - head.size() - 2, 'x') + "\"}";
  REQUIRE(most.size() == 65536);
  CHECK_FALSE(defect_of(most));
  CHECK(defect_of(most + " ") == AnswerDefect::kTooLarge);
}

TEST_CASE("introspection_answer: every defect has a sentence") {
  for (int i = 0; i <= static_cast<int>(AnswerDefect::kTooLarge); ++i) {
    CHECK(describe(static_cast<AnswerDefect>(i)) != "unknown");
  }
}

TEST_CASE("introspection_answer: offline_access is a word of scope, not a part of one (OIDC Core 11)") {
  const auto offline = [](std::string_view scope) {
    const auto answer = read(R"({"active":true,"scope":)" + std::string(scope) + "}");
    REQUIRE(answer);
    return answer->offline_access;
  };
  CHECK(offline(R"("offline_access")"));
  CHECK(offline(R"("openid offline_access")"));
  CHECK(offline(R"("offline_access openid")"));
  CHECK(offline(R"("a offline_access b")"));
  CHECK(offline(R"("no_offline_access offline_access")"));
  CHECK(offline(R"(["openid","offline_access"])"));
  CHECK_FALSE(offline(R"("openid")"));
  CHECK_FALSE(offline(R"("offline_access_x")"));
  CHECK_FALSE(offline(R"("x:offline_access y")"));
  CHECK_FALSE(offline(R"("")"));
  CHECK_FALSE(offline("null"));
  CHECK_FALSE(offline(R"(["offline_access openid"])"));
  CHECK_FALSE(read(R"({"active":true,"other":"offline_access"})")->offline_access);
}

}  // namespace introspectd::oauth
