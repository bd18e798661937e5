#include "oauth/token_request.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include "../counting.h"

namespace introspectd::oauth {
namespace {

std::optional<TokenRequestError> error_of(std::string_view body) {
  Secret scratch;
  const auto request = read_token_request(body, scratch);
  return request ? std::nullopt : std::optional(request.error());
}

std::string token_of(std::string_view body) {
  Secret scratch;
  const auto request = read_token_request(body, scratch);
  REQUIRE(request);
  return std::string(request->token);
}

std::string parameters(std::size_t count) {
  std::string body = "token=t";
  for (std::size_t i = 1; i < count; ++i) body.append("&p").append(std::to_string(i)).append("=1");
  return body;
}

}  // namespace

TEST_CASE("token_request: the parameters we know are read, in any order, others ignored (STD 1.01, 1.03)") {
  Secret scratch;
  const auto request = read_token_request(
      "x=1&client_secret=s%26t&token_type_hint=access_token&client_id=a+b&token=2YotnFZFEjr1zCsicMWpAA&y", scratch);
  REQUIRE(request);
  CHECK(request->token == "2YotnFZFEjr1zCsicMWpAA");
  CHECK(request->token_type_hint == "access_token");
  CHECK(request->client_id == "a b");
  CHECK(request->client_secret == "s&t");
  CHECK_FALSE(request->token_is_impossible);
}

TEST_CASE("token_request: an empty parameter is an absent one, as Dovecot sends it (STD 1.03)") {
  Secret scratch;
  const auto request = read_token_request("token=t&client_id=&client_secret=&token_type_hint", scratch);
  REQUIRE(request);
  CHECK(request->client_id.empty());
  CHECK(request->client_secret.empty());
  CHECK(request->token_type_hint.empty());
}

TEST_CASE("token_request: no token or an empty one is an error (F15)") {
  for (const std::string_view body : {"", "&", "token", "token=", "token=&x=1", "x=1", "Token=t", "token%20=t", "=t"}) {
    CAPTURE(body);
    CHECK(error_of(body) == TokenRequestError::kTokenMissing);
  }
}

TEST_CASE("token_request: any name that stands twice is an error, escaped, empty or unknown too (F16, STD 1.03)") {
  for (const std::string_view body :
       {"token=a&token=a", "token=a&token=b", "token=a&%74oken=b", "%74oken=a&token=b", "t%6Fken=a&tok%65n=b",
        "token=a&token=", "token=&token=a", "token=a&x=1&x=2", "token=a&x&x", "token=a&x+y=1&x%20y=1", "token=a&=1&=2",
        "client_id=&token=a&client_id="}) {
    CAPTURE(body);
    CHECK(error_of(body) == TokenRequestError::kParameterRepeated);
  }
}

TEST_CASE("token_request: a token of 16384 bytes is read, one more is refused, counted decoded (F17)") {
  CHECK(token_of("token=" + std::string(16384, 'a')).size() == 16384);
  CHECK(error_of("token=" + std::string(16385, 'a')) == TokenRequestError::kTokenTooLong);
  std::string escaped = "token=";
  for (int i = 0; i < 16384; ++i) escaped.append("%61");
  CHECK(token_of(escaped) == std::string(16384, 'a'));
  CHECK(error_of(escaped + "%61") == TokenRequestError::kTokenTooLong);
}

TEST_CASE("token_request: a malformed escape anywhere is an error") {
  for (const std::string_view body : {"token=%", "token=%4", "token=%zz", "token=a&x=%", "token=a&%=1", "token=a%&x=61"}) {
    CAPTURE(body);
    CHECK(error_of(body) == TokenRequestError::kMalformedEscape);
  }
}

TEST_CASE("token_request: thirty-two parameters are read, one more is refused") {
  CHECK_FALSE(error_of(parameters(32)));
  CHECK(error_of(parameters(33)) == TokenRequestError::kTooManyParameters);
  CHECK_FALSE(error_of("&&" + parameters(32) + "&&&"));
}

TEST_CASE("token_request: bytes that no token has are told, decoded and raw, at both ends of the range (F18)") {
  for (const std::string_view body : {std::string_view("token=a%1Fb"), std::string_view("token=%7F"),
                                      std::string_view("token=a%00"), std::string_view("token=%C3%B6"),
                                      std::string_view("token=\xC3\xB6"), std::string_view("token=a\nb"),
                                      std::string_view("token=a\0b", 9), std::string_view("token=%80"),
                                      std::string_view("token=%FF")}) {
    CAPTURE(body);
    Secret scratch;
    const auto request = read_token_request(body, scratch);
    REQUIRE(request);
    CHECK(request->token_is_impossible);
  }
  for (const std::string_view body : {"token=+", "token=%20", "token=%7E~!", "token=a+b%2Bc%25"}) {
    CAPTURE(body);
    Secret scratch;
    const auto request = read_token_request(body, scratch);
    REQUIRE(request);
    CHECK_FALSE(request->token_is_impossible);
  }
}

TEST_CASE("token_request: an impossible byte is seen wherever it stands, and no possible one is taken for it (F18)") {
  for (std::size_t size = 1; size <= 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (unsigned byte = 0; byte < 256; ++byte) {
        if (byte == '%' || byte == '+' || byte == '&') continue;  // these mean something in a form
        for (const char rest : {' ', '~'}) {
          std::string token(size, rest);
          token[at] = static_cast<char>(byte);
          Secret scratch;
          const auto request = read_token_request("token=" + token, scratch);
          REQUIRE(request);
          REQUIRE(request->token_is_impossible == (byte < 0x20 || byte > 0x7E));
        }
      }
    }
  }
}

TEST_CASE("token_request: the token is the one that was encoded (I21)") {
  CHECK(token_of("token=a%2Bb%2Fc%3D%3D") == "a+b/c==");
  CHECK(token_of("token=a+b") == "a b");
  CHECK(token_of("token=a=b=") == "a=b=");
  CHECK(token_of("%74%6f%6B%65%6e=t") == "t");
}

TEST_CASE("token_request: every view stays valid when every part is escaped") {
  std::string body;
  for (const std::string_view name : {"%74oken", "%74oken_type_hint", "%63lient_id", "%63lient_secret"}) {
    body.append(name).append("=");
    for (int i = 0; i < 3000; ++i) body.append("%41");
    body.append("&");
  }
  Secret scratch;
  const auto request = read_token_request(body, scratch);
  REQUIRE(request);
  const std::string expected(3000, 'A');
  CHECK(request->token == expected);
  CHECK(request->token_type_hint == expected);
  CHECK(request->client_id == expected);
  CHECK(request->client_secret == expected);
}

TEST_CASE("token_request: what the scratch held before is gone") {
  Secret scratch("old");
  REQUIRE(read_token_request("token=t", scratch));
  CHECK(scratch.empty());
}

TEST_CASE("token_request: a plain body costs no allocation, nor does an escaped one that fits the scratch") {
  Secret scratch;
  const std::uint64_t before = testing::allocations();
  const auto plain = read_token_request("token=2YotnFZFEjr1zCsicMWpAA&token_type_hint=access_token&x=1", scratch);
  const std::uint64_t after_plain = testing::allocations();
  CHECK(plain.has_value());
  CHECK(after_plain == before);
  scratch.reserve(100);
  const std::uint64_t before_escaped = testing::allocations();
  const auto escaped = read_token_request("token=a%2Bb&client_id=c+d", scratch);
  const std::uint64_t after_escaped = testing::allocations();
  CHECK(escaped.has_value());
  CHECK(after_escaped == before_escaped);
  Secret none;
  const std::uint64_t before_growth = testing::allocations();
  const auto grown = read_token_request("token=a%2Bb", none);
  const std::uint64_t after_growth = testing::allocations();
  CHECK(grown.has_value());
  CHECK(after_growth == before_growth + (testing::counts() ? 1 : 0));  // the counter counts, where it may
}

TEST_CASE("token_request: every error has a sentence within the charset of a description (STD 2.04)") {
  for (int i = 0; i <= static_cast<int>(TokenRequestError::kTooManyParameters); ++i) {
    const std::string_view sentence = describe(static_cast<TokenRequestError>(i));
    CHECK(sentence != "unknown");
    CHECK(sentence.find_first_of("\"\\") == std::string_view::npos);
  }
}

}  // namespace introspectd::oauth
