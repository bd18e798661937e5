#include "codec/form.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace introspectd::codec {
namespace {

std::string pairs_of(std::string_view body) {
  std::string text;
  FormPairs pairs(body);
  while (const auto pair = pairs.next()) {
    text.append("[").append(pair->name).append("|").append(pair->value).append("]");
  }
  return text;
}

}  // namespace

TEST_CASE("form: pairs are split at '&' and the first '=', empty pairs are skipped") {
  struct Row {
    std::string_view body;
    std::string_view pairs;
  };
  for (const Row& row : {Row{"", ""}, Row{"a=1", "[a|1]"}, Row{"a=1&b=2", "[a|1][b|2]"}, Row{"a=1=2", "[a|1=2]"},
                         Row{"a", "[a|]"}, Row{"a=", "[a|]"}, Row{"=1", "[|1]"}, Row{"=", "[|]"}, Row{"&", ""},
                         Row{"&&a=1&&&b=2&&", "[a|1][b|2]"}, Row{"a=1;b=2", "[a|1;b=2]"}}) {
    CAPTURE(row.body);
    CHECK(pairs_of(row.body) == row.pairs);
  }
}

TEST_CASE("form: escapes of either case and '+' are decoded") {
  Secret decoded;
  CHECK(decode_component("a+b%20c%2B%2b%00", decoded) == std::string_view("a b c++\0", 8));
  CHECK(decode_component("%C3%B6", decoded) == "\xC3\xB6");
}

TEST_CASE("form: what is plain is not copied") {
  Secret decoded;
  constexpr std::string_view kPlain = "2YotnFZFEjr1zCsicMWpAA";
  CHECK(is_plain(kPlain));
  CHECK(decode_component(kPlain, decoded)->data() == kPlain.data());
  CHECK(decoded.empty());
  CHECK_FALSE(is_plain("a+b"));
  CHECK_FALSE(is_plain("a%20b"));
}

TEST_CASE("form: a malformed escape is refused and leaves nothing behind") {
  Secret decoded;
  for (const std::string_view wrong : {"%", "%2", "a%", "%%20", "%2g", "%g2", "%+1", "% 1", "%-1", "a+%zz", "%20%2"}) {
    CAPTURE(wrong);
    CHECK_FALSE(is_well_formed(wrong));
    CHECK_FALSE(decode_component(wrong, decoded));
  }
  CHECK(decoded.empty());
}

TEST_CASE("form: within the room reserved no view moves") {
  constexpr std::string_view kFirst = "a%20b";
  constexpr std::string_view kSecond = "c%20d";
  Secret decoded;
  decoded.reserve(kFirst.size() + kSecond.size());
  const auto first = decode_component(kFirst, decoded);
  const auto second = decode_component(kSecond, decoded);
  CHECK(first == "a b");
  CHECK(second == "c d");
  CHECK(first->data() + first->size() == second->data());
}

TEST_CASE("form: unreserved characters stand, the rest is %XX in upper case, a space is '+' (STD 2.01)") {
  Secret encoded;
  encode_component("azAZ09-._~", encoded);
  CHECK(encoded.reveal() == "azAZ09-._~");
  encoded.clear();
  encode_component(std::string_view("*!/:&=+% \xC3\xB6\x00\x7F", 13), encoded);
  CHECK(encoded.reveal() == "%2A%21%2F%3A%26%3D%2B%25+%C3%B6%00%7F");
}

TEST_CASE("form: every byte survives encoding and decoding (I21)") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  Secret encoded;
  encode_component(bytes, encoded);
  Secret decoded;
  CHECK(decode_component(encoded.reveal(), decoded) == bytes);
}

}  // namespace introspectd::codec
