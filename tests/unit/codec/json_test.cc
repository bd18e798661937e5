#include "codec/json.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace introspectd::codec {
namespace {

// Writes down what it is told, so that a test compares one string.
class Transcript final : public JsonMembers {
 public:
  void on_string(std::string_view name, std::string_view value) override { note(name, "s:", value); }
  void on_number(std::string_view name, std::string_view number) override { note(name, "n:", number); }
  void on_bool(std::string_view name, bool value) override { note(name, "b:", value ? "true" : "false"); }
  void on_null(std::string_view name) override { note(name, "null", ""); }
  void on_nested(std::string_view name) override { note(name, "nested", ""); }
  void on_array_string(std::string_view name, std::string_view value) override { note(name, "a:", value); }
  std::string text;

 private:
  void note(std::string_view name, std::string_view kind, std::string_view value) {
    text.append(name).append("=").append(kind).append(value).append(";");
  }
};

std::optional<JsonError> error_of(std::string_view text, const JsonLimits& limits = {}) {
  Transcript transcript;
  const auto result = read_object(text, limits, transcript);
  return result ? std::nullopt : std::optional(result.error());
}

std::string members_of(std::string_view text) {
  Transcript transcript;
  REQUIRE(read_object(text, JsonLimits{}, transcript));
  return transcript.text;
}

std::string nested_objects(std::size_t depth) {
  std::string text;
  for (std::size_t i = 1; i < depth; ++i) text.append(R"({"a":)");
  return text + "{}" + std::string(depth - 1, '}');
}

std::string nested_arrays(std::size_t depth) {
  return R"({"a":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
}

}  // namespace

TEST_CASE("json: the members of the top object arrive by kind, what is nested only by name") {
  CHECK(members_of(R"({})").empty());
  CHECK(members_of(R"( {"s":"x","n":-1.5e3,"t":true,"f":false,"z":null} )") == "s=s:x;n=n:-1.5e3;t=b:true;f=b:false;z=null;");
  CHECK(members_of(R"({"o":{"s":"x","a":["y"]},"after":"z"})") == "o=nested;after=s:z;");
}

TEST_CASE("json: only the strings directly in an array of the top object are announced") {
  CHECK(members_of(R"({"aud":["a","b"]})") == "aud=nested;aud=a:a;aud=a:b;");
  CHECK(members_of(R"({"aud":["a",["no"],{"aud":"no","x":["no"]},1,"b"],"o":{"aud":["no"]}})") ==
        "aud=nested;aud=a:a;aud=a:b;o=nested;");
}

TEST_CASE("json: escapes are decoded, a NUL in a string is a character like others") {
  CHECK(members_of(R"({"\u0061":"\"\\\/\b\f\n\r\t\u00f6\ud83d\ude00"})") ==
        "a=s:\"\\/\b\f\n\r\t\xC3\xB6\xF0\x9F\x98\x80;");
  CHECK(members_of(R"({"a":"x\u0000y"})") == std::string("a=s:x\0y;", 8));
}

TEST_CASE("json: a number stays text, none is too big") {
  const std::string big(400, '9');
  for (const std::string& number : std::initializer_list<std::string>{
           "0", "-0", "1e400", "1E-400", "1e99999999999999999999", "123456789012345678901234567890", "0.1e+7", big,
           "1." + big, "-1.0"}) {
    CAPTURE(number);
    CHECK(members_of(R"({"n":)" + number + "}") == "n=n:" + number + ";");
  }
}

TEST_CASE("json: what is no JSON is refused (F47, F48)") {
  for (const std::string_view wrong :
       {"", " ", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{\"a\" 1}", "{a:1}", "{'a':1}",
        "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":-Infinity}", "{\"a\":nul}", "{\"a\":tru}", "{\"a\":True}",
        "{\"a\":01}", "{\"a\":+1}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":-}", "{\"a\":0x1}",
        "{\"a\":1 2}", "{\"a\":[1,]}", "{\"a\":[1}", "{\"a\":\"x}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\n\"}", "{\"a\":\"\x1f\"}", "/**/{}", "{}//", "{/**/}", "\xEF\xBB\xBF{}", "<html>", "}", "{\"a\":1]",
        "\v{}", "{\"a\":\f1}", "{\"a\":1}\xC2\xA0"}) {
    CAPTURE(wrong);
    const auto error = error_of(wrong);
    REQUIRE(error);
    CHECK((*error == JsonError::kSyntax || *error == JsonError::kTrailingBytes));
  }
}

TEST_CASE("json: a NUL byte is no end and no white space") {
  CHECK(error_of(std::string_view("{\"a\":1}\0", 8)) == JsonError::kTrailingBytes);
  CHECK(error_of(std::string_view("{\"a\":1}\0{}", 10)) == JsonError::kTrailingBytes);
  CHECK(error_of(std::string_view("{\0}", 3)) == JsonError::kSyntax);
  CHECK(error_of(std::string_view("\0{}", 3)) == JsonError::kSyntax);
  CHECK(error_of(std::string_view("{\"a\":\"\0\"}", 9)) == JsonError::kSyntax);
  CHECK(error_of(std::string_view("{\"a\":1\0}", 8)) == JsonError::kSyntax);
}

TEST_CASE("json: nothing but white space stands behind the object (F47)") {
  CHECK_FALSE(error_of("{} \t\r\n"));
  for (const std::string_view wrong : {"{}{}", "{}x", "{},", "{} 1", "{}\"a\"", "{}]"}) {
    CAPTURE(wrong);
    CHECK(error_of(wrong) == JsonError::kTrailingBytes);
  }
}

TEST_CASE("json: only an object may stand on top (F51)") {
  for (const std::string_view wrong : {"[]", "[{}]", "1", "\"a\"", "true", "false", "null", "1e400", " [1]"}) {
    CAPTURE(wrong);
    CHECK(error_of(wrong) == JsonError::kNotAnObject);
  }
}

TEST_CASE("json: bytes that are no UTF-8 are refused, in names too (F48)") {
  for (const std::string_view bytes : {"\x80", "\xC3", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80",
                                       "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                                       "\xFF", "\xC3\x28", "\xE2\x82", "\xF0\x9F\x98"}) {
    CHECK(error_of(R"({"a":")" + std::string(bytes) + R"("})") == JsonError::kEncoding);
    CHECK(error_of(R"({")" + std::string(bytes) + R"(":1})") == JsonError::kEncoding);
  }
  CHECK(error_of("{\"a\":\"\xF0") == JsonError::kEncoding);  // cut within a sequence: nothing is read behind the end
  CHECK_FALSE(error_of("{\"a\":\"\xC3\xB6\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\"}"));
}

TEST_CASE("json: lone surrogates cannot be smuggled in by an escape (F48)") {
  for (const std::string_view escape : {R"(\ud800)", R"(\udbff)", R"(\udc00)", R"(\udfff)", R"(\ud800\ud800)",
                                        R"(\ud800x)", R"(\ud800\u0061)", R"(\udc00\ud800)", R"(x\uDC00y)"}) {
    CAPTURE(escape);
    CHECK(error_of(R"({"a":")" + std::string(escape) + R"("})") == JsonError::kEncoding);
    CHECK(error_of(R"({")" + std::string(escape) + R"(":1})") == JsonError::kEncoding);
    CHECK(error_of(R"({"a":{"b":[")" + std::string(escape) + R"("]}})") == JsonError::kEncoding);
  }
}

TEST_CASE("json: no member stands twice, at no depth, also when escaped (F49)") {
  for (const std::string_view wrong :
       {R"({"a":1,"a":1})", R"({"a":1,"b":2,"a":3})", R"({"active":false,"\u0061ctive":true})", R"({"":1,"":2})",
        R"({"x":{"a":1,"a":2}})", R"({"x":[[{"a":1,"\u0061":2}]]})", R"({"a":1,"x":{"b":1},"a":2})",
        R"({"\u00f6":1,"ö":2})", R"({"a\u0000":1,"a\u0000":2})", R"({"a":{},"a":[]})"}) {
    CAPTURE(wrong);
    CHECK(error_of(wrong) == JsonError::kDuplicateMember);
  }
  for (const std::string_view right :
       {R"({"a":{"a":{"a":1}}})", R"({"a":[{"a":1},{"a":1}],"b":{"a":1}})", R"({"a":1,"A":2,"a ":3,"":4})",
        R"({"a\u0000":1,"a":2,"a\u0001":3})", R"({"x":{"b":1},"b":2})"}) {
    CAPTURE(right);
    CHECK_FALSE(error_of(right));
  }
}

TEST_CASE("json: sixteen levels are read, the seventeenth is refused, ten thousand too (F52)") {
  CHECK_FALSE(error_of(nested_objects(16)));
  CHECK_FALSE(error_of(nested_arrays(16)));
  CHECK(error_of(nested_objects(17)) == JsonError::kTooDeep);
  CHECK(error_of(nested_arrays(17)) == JsonError::kTooDeep);
  CHECK(error_of(nested_objects(10000)) == JsonError::kTooDeep);
  CHECK(error_of(nested_arrays(10000)) == JsonError::kTooDeep);
}

TEST_CASE("json: 65536 bytes are read, one more is refused (F53)") {
  const std::string head = R"({"a":")";
  const std::string tail = R"("})";
  const std::string most = head + std::string(65536 - head.size() - tail.size(), 'x') + tail;
  CHECK_FALSE(error_of(most));
  CHECK(error_of(most + " ") == JsonError::kTooLarge);
  CHECK_FALSE(error_of("{}", JsonLimits{2, 1}));
  CHECK(error_of("{} ", JsonLimits{2, 1}) == JsonError::kTooLarge);
}

TEST_CASE("json: six thousand members cost no more than sorting them, and the last duplicate is still seen") {
  std::string text = "{";
  for (int i = 0; i < 6000; ++i) text.append("\"").append(std::to_string(i)).append("\":0,");
  CHECK_FALSE(error_of(text + "\"x\":0}"));
  CHECK(error_of(text + "\"0\":0}") == JsonError::kDuplicateMember);
}

TEST_CASE("json: every error has a sentence") {
  for (const JsonError error : {JsonError::kTooLarge, JsonError::kTooDeep, JsonError::kSyntax, JsonError::kEncoding,
                                JsonError::kDuplicateMember, JsonError::kNotAnObject, JsonError::kTrailingBytes}) {
    CHECK(describe(error) != "unknown");
  }
}

}  // namespace introspectd::codec
