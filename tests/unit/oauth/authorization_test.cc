#include "oauth/authorization.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "codec/base64.h"

namespace introspectd::oauth {
namespace {

using Scheme = Authorization::Scheme;

std::string basic_of(std::string_view pair, std::string_view scheme = "Basic ") {
  Secret field(scheme);
  codec::encode_base64(pair, field);
  return std::string(field.reveal());
}

Scheme scheme_of(std::string_view field) {
  Secret scratch;
  return read_authorization(field, scratch).scheme;
}

}  // namespace

TEST_CASE("authorization: the vector of RFC 6749 §2.3.1 goes both ways (STD 2.01)") {
  constexpr std::string_view kField = "Basic c3ZjJTNBbm9kZSsxOnAlNDBzcyUyNXclMkYlQzMlQjYlMkI=";
  Secret scratch;
  const Authorization read = read_authorization(kField, scratch);
  CHECK(read.scheme == Scheme::kBasic);
  CHECK(read.id == "svc:node 1");
  CHECK(read.secret == "p@ss%w/\xC3\xB6+");
  CHECK(read.raw_id == "svc%3Anode+1");
  CHECK(read.raw_secret == "p%40ss%25w%2F%C3%B6%2B");
  CHECK(basic_authorization("svc:node 1", "p@ss%w/\xC3\xB6+", false).reveal() == kField);
}

TEST_CASE("authorization: raw Basic does not form-encode (STD 2.02)") {
  CHECK(basic_authorization("rs-basic", "p@ss w%rd", true).reveal() == basic_of("rs-basic:p@ss w%rd"));
}

TEST_CASE("authorization: Basic splits at the first colon, both halves raw and decoded (STD 2.02)") {
  struct Row {
    std::string_view pair;
    std::string_view id;
    std::string_view secret;
  };
  for (const Row& row : {Row{"a:b", "a", "b"}, Row{"a:b:c", "a", "b:c"}, Row{"a:", "a", ""}, Row{":b", "", "b"},
                         Row{":", "", ""}, Row{"rs%2Dbasic:x", "rs-basic", "x"}, Row{"a%3Ab:c%3Ad", "a:b", "c:d"},
                         Row{"a:100%", "a", "100%"}, Row{"a%zz:b+c", "a%zz", "b c"}}) {
    CAPTURE(row.pair);
    Secret scratch;
    const Authorization read = read_authorization(basic_of(row.pair), scratch);
    CHECK(read.scheme == Scheme::kBasic);
    CHECK(read.id == row.id);
    CHECK(read.secret == row.secret);
    CHECK(read.raw_id == row.pair.substr(0, row.pair.find(':')));
    CHECK(read.raw_secret == row.pair.substr(row.pair.find(':') + 1));
  }
}

TEST_CASE("authorization: all four views stay valid, however long the halves") {
  const std::string half(3000, '+');
  const std::string spaces(3000, ' ');
  Secret scratch;
  const Authorization read = read_authorization(basic_of(half + ":" + half), scratch);
  CHECK(read.id == spaces);
  CHECK(read.secret == spaces);
  CHECK(read.raw_id == half);
  CHECK(read.raw_secret == half);
}

TEST_CASE("authorization: scheme names are case-insensitive, more than one space is no harm") {
  CHECK(scheme_of(basic_of("a:b", "bASIC ")) == Scheme::kBasic);
  CHECK(scheme_of(basic_of("a:b", "BASIC    ")) == Scheme::kBasic);
  CHECK(scheme_of("bearer abc") == Scheme::kBearer);
  CHECK(scheme_of("BEARER  abc") == Scheme::kBearer);
}

TEST_CASE("authorization: no field, another scheme and nonsense are told apart") {
  CHECK(scheme_of("") == Scheme::kNone);
  for (const std::string_view field : {"DPoP abc", "Negotiate YII=", "Digest username=\"a\"", "Basics YTpi", "Token"}) {
    CAPTURE(field);
    CHECK(scheme_of(field) == Scheme::kUnknown);
  }
  for (const std::string_view field : {" ", " Basic YTpi", "Basic", "Basic ", "Bearer", "Bearer ", "Ba(sic YTpi", ":",
                                       "Basic\tYTpi", "Basic YTpi, Bearer x", "Basic YTpi YTpi", "Basic Y*pi",
                                       "Basic YTp=", "Basic YQ=="}) {
    CAPTURE(field);
    CHECK(scheme_of(field) == Scheme::kMalformed);
  }
}

TEST_CASE("authorization: control characters in Basic are refused (RFC 7617 §2)") {
  for (const std::string_view pair : {std::string_view("a\0b:c", 5), std::string_view("a:b\n", 4),
                                      std::string_view("a:\x7F", 3), std::string_view("\x1F:b", 3)}) {
    CHECK(scheme_of(basic_of(pair)) == Scheme::kMalformed);
  }
  CHECK(scheme_of(basic_of("a:\xC3\xB6 ~")) == Scheme::kBasic);
}

TEST_CASE("authorization: a bearer token is a b64token (STD 2.10)") {
  for (const std::string_view token : {"a", "mF_9.B5f-4.1JqM", "a+/~", "abc=", "abc==", "===a", "a=b"}) {
    CAPTURE(token);
    Secret scratch;
    const std::string field = "Bearer " + std::string(token);
    const Authorization read = read_authorization(field, scratch);
    const bool right = token.find('=') == std::string_view::npos || token.starts_with("abc");
    CHECK(read.scheme == (right ? Scheme::kBearer : Scheme::kMalformed));
    if (right) CHECK(read.secret == token);
    if (!right) CHECK(read.secret.empty());
  }
  for (const std::string_view field : {"Bearer =", "Bearer a b", "Bearer a,b", "Bearer a\xC3\xB6", "Bearer \"a\"",
                                       "Bearer a%20b", "Bearer a:b"}) {
    CAPTURE(field);
    CHECK(scheme_of(field) == Scheme::kMalformed);
  }
}

TEST_CASE("authorization: a bearer token of 16384 bytes is read, one more is refused (STD 2.10)") {
  CHECK(scheme_of("Bearer " + std::string(16384, 'a')) == Scheme::kBearer);
  CHECK(scheme_of("Bearer " + std::string(16385, 'a')) == Scheme::kMalformed);
}

TEST_CASE("authorization: what is written is read back, whatever the bytes") {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::string half{'x', static_cast<char>(byte)};
    const Secret field = basic_authorization(half, half, false);
    Secret scratch;
    const Authorization read = read_authorization(field.reveal(), scratch);
    REQUIRE(read.scheme == Scheme::kBasic);
    REQUIRE(read.id == half);
    REQUIRE(read.secret == half);
  }
}

}  // namespace introspectd::oauth
