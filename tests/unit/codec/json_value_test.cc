#include "codec/json_value.h"

#include <doctest/doctest.h>

#include <string_view>

namespace introspectd::codec {

TEST_CASE("json_value: a nested document is read whole, in order") {
  const auto root = JsonValue::read(R"({"a":{"b":[1,"two",{"c":null},[true]],"d":-7},"e":1e400,"f":{},"g":[]})", {});
  REQUIRE(root);
  REQUIRE(root->members().size() == 4);
  CHECK(root->members()[1].name == "e");
  const JsonValue* const a = root->find("a");
  REQUIRE(a);
  CHECK(a->find("d")->integer() == -7);
  const JsonValue* const b = a->find("b");
  REQUIRE(b->items().size() == 4);
  CHECK(b->items()[0].integer() == 1);
  CHECK(b->items()[1].string() == "two");
  CHECK(b->items()[2].find("c")->is_null());
  CHECK(b->items()[3].items()[0].boolean() == true);
  CHECK(root->find("e")->number_text() == "1e400");
  CHECK(root->find("f")->kind() == JsonValue::Kind::kObject);
  CHECK(root->find("f")->members().empty());
  CHECK(root->find("g")->kind() == JsonValue::Kind::kArray);
  CHECK(root->find("g")->items().empty());
}

TEST_CASE("json_value: a value of another kind says so") {
  const auto root = JsonValue::read(R"({"s":"1","n":1,"b":true})", {});
  REQUIRE(root);
  CHECK_FALSE(root->find("s")->integer());
  CHECK_FALSE(root->find("s")->number_text());
  CHECK_FALSE(root->find("s")->boolean());
  CHECK_FALSE(root->find("n")->string());
  CHECK_FALSE(root->find("b")->string());
  CHECK(root->find("s")->find("x") == nullptr);
  CHECK(root->find("missing") == nullptr);
}

TEST_CASE("json_value: an integer is whole and fits") {
  const auto root = JsonValue::read(
      R"({"most":9223372036854775807,"past":9223372036854775808,"least":-9223372036854775808,"f":1.0,"e":1e3})", {});
  REQUIRE(root);
  CHECK(root->find("most")->integer() == INT64_MAX);
  CHECK(root->find("least")->integer() == INT64_MIN);
  CHECK_FALSE(root->find("past")->integer());
  CHECK_FALSE(root->find("f")->integer());
  CHECK_FALSE(root->find("e")->integer());
}

TEST_CASE("json_value: it is as strict as read_object") {
  CHECK(JsonValue::read("[]", {}).error() == JsonError::kNotAnObject);
  CHECK(JsonValue::read(R"({"a":{"b":1,"\u0062":2}})", {}).error() == JsonError::kDuplicateMember);
  CHECK(JsonValue::read(R"({"a":[[[]]]})", JsonLimits{100, 3}).error() == JsonError::kTooDeep);
  CHECK(JsonValue::read(R"({"a":[[[]]]})", JsonLimits{100, 4}));
  CHECK(JsonValue::read("{}x", {}).error() == JsonError::kTrailingBytes);
}

}  // namespace introspectd::codec
