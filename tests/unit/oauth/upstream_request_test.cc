#include "oauth/upstream_request.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "oauth/token_request.h"

namespace introspectd::oauth {
namespace {

ClientCredential credential(ClientAuth method, bool raw_basic = false) {
  ClientCredential made;
  made.method = method;
  made.client_id = "svc:node 1";
  made.client_secret = Secret("p@ss%w/\xC3\xB6+");
  made.raw_basic = raw_basic;
  return made;
}

}  // namespace

TEST_CASE("upstream_request: client_secret_basic goes into the field, never into the body (STD 2.01, 2.03)") {
  const FormPost post = introspection_post("tok", "", credential(ClientAuth::kClientSecretBasic));
  CHECK(post.authorization.reveal() == "Basic c3ZjJTNBbm9kZSsxOnAlNDBzcyUyNXclMkYlQzMlQjYlMkI=");
  CHECK(post.body.reveal() == "token=tok");
}

TEST_CASE("upstream_request: raw_basic leaves the halves as they stand (STD 2.02)") {
  const FormPost post = introspection_post("tok", "", credential(ClientAuth::kClientSecretBasic, true));
  CHECK(post.authorization.reveal() == "Basic c3ZjOm5vZGUgMTpwQHNzJXcvw7Yr");
}

TEST_CASE("upstream_request: client_secret_post goes into the body, with no field (STD 2.03)") {
  const FormPost post = introspection_post("tok", "", credential(ClientAuth::kClientSecretPost));
  CHECK(post.authorization.empty());
  CHECK(post.body.reveal() == "token=tok&client_id=svc%3Anode+1&client_secret=p%40ss%25w%2F%C3%B6%2B");
}

TEST_CASE("upstream_request: without client authentication only the id is told, if there is one") {
  CHECK(introspection_post("tok", "", credential(ClientAuth::kNone)).body.reveal() == "token=tok&client_id=svc%3Anode+1");
  ClientCredential nobody;
  nobody.method = ClientAuth::kNone;
  const FormPost post = introspection_post("tok", "", nobody);
  CHECK(post.body.reveal() == "token=tok");
  CHECK(post.authorization.empty());
}

TEST_CASE("upstream_request: the hint follows the token when there is one, for both endpoints (STD 1.02, 4.01)") {
  const ClientCredential basic = credential(ClientAuth::kClientSecretBasic);
  CHECK(introspection_post("tok", "access_token", basic).body.reveal() == "token=tok&token_type_hint=access_token");
  CHECK(revocation_post("tok", "refresh_token", basic).body.reveal() == "token=tok&token_type_hint=refresh_token");
  CHECK(revocation_post("tok", "", basic).body.reveal() == "token=tok");
  CHECK(revocation_post("tok", "", basic).authorization.reveal() == introspection_post("tok", "", basic).authorization.reveal());
}

TEST_CASE("upstream_request: the token that arrives is the token that came, whatever its bytes (I21)") {
  std::string token;
  for (int i = 0; i < 256; ++i) token.push_back(static_cast<char>(i));
  const FormPost post = introspection_post(token, "a&b=c", credential(ClientAuth::kClientSecretPost));
  Secret scratch;
  const auto read = read_token_request(post.body.reveal(), scratch);
  REQUIRE(read);
  CHECK(read->token == token);
  CHECK(read->token_type_hint == "a&b=c");
  CHECK(read->client_id == "svc:node 1");
  CHECK(read->client_secret == "p@ss%w/\xC3\xB6+");
}

TEST_CASE("revocation_answer: 200 revokes whatever the body, 400 and 403 refuse, the rest tells nothing (STD 4.02, 4.06)") {
  CHECK(read_revocation_answer(200, "", "").answer == RevocationAnswer::kRevoked);
  CHECK(read_revocation_answer(200, "text/html", "<html>").answer == RevocationAnswer::kRevoked);
  CHECK(read_revocation_answer(400, "", "").answer == RevocationAnswer::kRefused);
  CHECK(read_revocation_answer(403, "", "").answer == RevocationAnswer::kRefused);
  for (const int status : {0, 100, 201, 204, 301, 302, 401, 402, 404, 405, 408, 429, 500, 502, 503, 599}) {
    CAPTURE(status);
    const RevocationReply reply = read_revocation_answer(status, "application/json", R"({"error":"invalid_request"})");
    CHECK(reply.answer == RevocationAnswer::kUnavailable);
    CHECK(reply.error.empty());
  }
}

TEST_CASE("revocation_answer: a plain error code of the AS is relayed, anything else is invalid_request (STD 4.03)") {
  struct Row {
    std::string_view type;
    std::string body;
    std::string_view error;
  };
  const std::string longest(64, 'e');
  for (const Row& row :
       {Row{"application/json", R"({"error":"unsupported_token_type","error_description":"x"})", "unsupported_token_type"},
        Row{"application/json;charset=UTF-8", R"({"error":"invalid_grant"})", "invalid_grant"},
        Row{"text/html", R"({"error":"unsupported_token_type"})", "invalid_request"},
        Row{"application/json", R"({"error":"x\"y"})", "invalid_request"},
        Row{"application/json", R"({"error":"has space"})", "invalid_request"},
        Row{"application/json", R"({"error":""})", "invalid_request"},
        Row{"application/json", R"({"error":7})", "invalid_request"},
        Row{"application/json", R"({"x":{"error":"nested"}})", "invalid_request"},
        Row{"application/json", R"({"error":"a","error":"b"})", "invalid_request"},
        Row{"application/json", R"({"error":"cut)", "invalid_request"}, Row{"application/json", "", "invalid_request"},
        Row{"application/json", R"({"error":")" + longest + R"("})", longest},
        Row{"application/json", R"({"error":"e)" + longest + R"("})", "invalid_request"}}) {
    CAPTURE(row.body);
    const RevocationReply reply = read_revocation_answer(400, row.type, row.body);
    CHECK(reply.answer == RevocationAnswer::kRefused);
    CHECK(reply.error == row.error);
  }
}

TEST_CASE("revocation_answer: a 400 that refuses our own credential says nothing of the token (RFC 6749 §5.2)") {
  const RevocationReply reply = read_revocation_answer(400, "application/json", R"({"error":"invalid_client"})");
  CHECK(reply.answer == RevocationAnswer::kUnavailable);
  CHECK(reply.error.empty());
}

}  // namespace introspectd::oauth
