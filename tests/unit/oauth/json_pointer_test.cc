#include "oauth/json_pointer.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>

namespace introspectd::oauth {
namespace {

// The example document of RFC 6901 §5, and a null.
codec::JsonValue example() {
  auto document = codec::JsonValue::read(
      R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,"~1":9,"none":null})",
      codec::JsonLimits{});
  REQUIRE(document);
  return *std::move(document);
}

std::string number_at(const codec::JsonValue& document, std::string_view text) {
  const auto pointer = JsonPointer::read(text);
  REQUIRE(pointer);
  const codec::JsonValue* const value = pointer->find(document);
  return value == nullptr ? "absent" : std::string(value->number_text().value_or("no number"));
}

}  // namespace

TEST_CASE("json_pointer: the examples of RFC 6901 §5 name what they say") {
  const codec::JsonValue document = example();
  const auto whole = JsonPointer::read("");
  REQUIRE(whole);
  CHECK(whole->find(document) == &document);
  const auto array = JsonPointer::read("/foo");
  REQUIRE(array);
  CHECK(array->find(document)->items().size() == 2);
  const auto item = JsonPointer::read("/foo/0");
  REQUIRE(item);
  CHECK(item->find(document)->string() == "bar");
  CHECK(number_at(document, "/") == "0");
  CHECK(number_at(document, "/a~1b") == "1");
  CHECK(number_at(document, "/c%d") == "2");
  CHECK(number_at(document, "/e^f") == "3");
  CHECK(number_at(document, "/g|h") == "4");
  CHECK(number_at(document, "/i\\j") == "5");
  CHECK(number_at(document, "/k\"l") == "6");
  CHECK(number_at(document, "/ ") == "7");
  CHECK(number_at(document, "/m~0n") == "8");
}

TEST_CASE("json_pointer: ~01 is a tilde and a one, not a slash (RFC 6901 §4)") {
  CHECK(number_at(example(), "/~01") == "9");
}

TEST_CASE("json_pointer: what is not there is not found, a null is") {
  const codec::JsonValue document = example();
  for (const std::string_view text : {"/bar", "/foo/2", "/foo/-", "/foo/00", "/foo/01", "/foo/+1", "/foo/ 1", "/foo/",
                                      "/foo/1x", "/foo/-1", "/foo/18446744073709551616", "/foo/0/x", "/a~1b/0", "//"}) {
    CAPTURE(text);
    CHECK(number_at(document, text) == "absent");
  }
  CHECK(number_at(document, "/none") == "no number");
}

TEST_CASE("json_pointer: without a slash, or with a tilde that stands for nothing, it is none (RFC 6901 §3)") {
  for (const std::string_view text : {"foo", "#/foo", " /foo", "/~", "/~2", "/a~", "/a/~x/b", "/~~0"}) {
    CAPTURE(text);
    CHECK_FALSE(JsonPointer::read(text));
  }
}

TEST_CASE("json_pointer: 16 reference tokens are read, one more is not") {
  std::string text;
  for (std::size_t i = 0; i < JsonPointer::kTokensMost; ++i) text += "/a";
  CHECK(JsonPointer::read(text));
  CHECK_FALSE(JsonPointer::read(text + "/a"));
}

}  // namespace introspectd::oauth
