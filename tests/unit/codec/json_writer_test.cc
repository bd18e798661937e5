#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "codec/json_value.h"

namespace introspectd::codec {

TEST_CASE("json_writer: commas stand between members and items, nowhere else") {
  JsonWriter w;
  w.begin_object();
  w.key("a");
  w.begin_array();
  w.number(std::int64_t{-1});
  w.begin_object();
  w.end_object();
  w.begin_array();
  w.end_array();
  w.null();
  w.end_array();
  w.key("b");
  w.begin_object();
  w.key("c");
  w.boolean(true);
  w.key("d");
  w.boolean(false);
  w.end_object();
  w.key("e");
  w.string("x");
  w.end_object();
  CHECK(w.text() == R"({"a":[-1,{},[],null],"b":{"c":true,"d":false},"e":"x"})");
}

TEST_CASE("json_writer: numbers are exact to both ends of their types") {
  JsonWriter w;
  w.begin_array();
  w.number(std::numeric_limits<std::int64_t>::min());
  w.number(std::numeric_limits<std::uint64_t>::max());
  w.decimal(0.5);
  w.decimal(std::numeric_limits<double>::quiet_NaN());
  w.decimal(-std::numeric_limits<double>::infinity());
  w.end_array();
  CHECK(w.text() == "[-9223372036854775808,18446744073709551615,0.5,0,0]");
}

TEST_CASE("json_writer: the largest and smallest doubles are written whole") {
  JsonWriter w;
  w.begin_object();
  w.key("a");
  w.decimal(-std::numeric_limits<double>::max());
  w.key("b");
  w.decimal(-std::numeric_limits<double>::denorm_min());
  w.end_object();
  CHECK(JsonValue::read(w.text(), {}));
}

TEST_CASE("json_writer: strings are escaped, bytes that are no UTF-8 become U+FFFD") {
  JsonWriter w;
  w.string(std::string_view("\"\\/\n\x00\x1F\x7F \xC3\xB6 \xFF\xC3 \xED\xA0\x80", 17));
  CHECK(w.text() == "\"\\\"\\\\/\\u000a\\u0000\\u001f\x7F \xC3\xB6 \xEF\xBF\xBD\xEF\xBF\xBD "
                    "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST_CASE("json_writer: names are escaped as well") {
  JsonWriter w;
  w.begin_object();
  w.key("a\"b");
  w.null();
  w.end_object();
  CHECK(w.text() == R"({"a\"b":null})");
}

TEST_CASE("json_writer: whatever the bytes, what is written is read back") {
  for (unsigned first = 0; first < 256; ++first) {
    for (const unsigned second : {0x00U, 0x22U, 0x5CU, 0x7FU, 0x80U, 0xA0U, 0xBFU, 0xC3U, 0xEDU, 0xFFU}) {
      JsonWriter w;
      w.begin_object();
      const std::string bytes{static_cast<char>(first), static_cast<char>(second)};
      w.key(bytes);
      w.string(bytes);
      w.end_object();
      REQUIRE(JsonValue::read(w.text(), {}));
    }
  }
}

}  // namespace introspectd::codec
