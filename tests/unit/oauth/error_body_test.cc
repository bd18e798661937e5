#include "oauth/error_body.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "codec/json_value.h"

namespace introspectd::oauth {

TEST_CASE("error_body: code and description, or the code alone (RFC 6749 §5.2)") {
  CHECK(error_body("invalid_request", "token is missing") ==
        R"({"error":"invalid_request","error_description":"token is missing"})");
  CHECK(error_body("invalid_client", "") == R"({"error":"invalid_client"})");
}

TEST_CASE("error_body: characters outside the charset of a description are dropped (STD 2.04)") {
  std::string every;
  for (int i = 0; i < 256; ++i) every.push_back(static_cast<char>(i));
  std::string allowed;
  for (int i = 0x20; i <= 0x7E; ++i) {
    if (i != '"' && i != '\\') allowed.push_back(static_cast<char>(i));
  }
  const std::string body = error_body("e", every);
  CHECK(body == R"({"error":"e","error_description":")" + allowed + R"("})");
  CHECK(codec::JsonValue::read(body, {}));
}

TEST_CASE("error_body: the inactive answer is one member, nothing else (STD 1.08)") {
  CHECK(kInactiveBody == R"({"active":false})");
}

}  // namespace introspectd::oauth
