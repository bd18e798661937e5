// json: strict reading of one JSON object (RFC 8259) and writing of small documents; the only room with RapidJSON.
// Strict: exactly one object, valid UTF-8, no duplicate member at any depth (also when escaped, F49), depth and size
// bounded, nothing but white space behind it, no NaN, no comments, no BOM. Numbers stay text, so that none is too big.
// Threads: functions of values.  Owns: nothing that outlives the call.  Errors: JsonError.  Cost: O(n).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace introspectd::codec {

struct JsonLimits {
  std::size_t bytes = 65536;
  std::size_t depth = 16;
};

enum class JsonError : std::uint8_t {
  kTooLarge, kTooDeep, kSyntax, kEncoding, kDuplicateMember, kNotAnObject, kTrailingBytes,
};
std::string_view describe(JsonError error) noexcept;

// Receives the members of the top object. Views are valid during the call only. A member whose value is an object or
// an array is announced by on_nested; the strings directly in a top-level array arrive by on_array_string.
class JsonMembers {
 public:
  virtual ~JsonMembers() = default;
  virtual void on_string(std::string_view name, std::string_view value) = 0;
  virtual void on_number(std::string_view name, std::string_view text) = 0;
  virtual void on_bool(std::string_view name, bool value) = 0;
  virtual void on_null(std::string_view name) = 0;
  virtual void on_nested(std::string_view name) = 0;                                   // object or array begins
  virtual void on_array_string(std::string_view name, std::string_view value) = 0;
};

tl::expected<void, JsonError> read_object(std::string_view text, const JsonLimits& limits, JsonMembers& members);

// A small document, built in order: JsonWriter w; w.begin_object(); w.key("a"); w.string("b"); w.end_object();
class JsonWriter {
 public:
  void begin_object();
  void end_object();
  void begin_array();
  void end_array();
  void key(std::string_view name);
  void string(std::string_view value);   // invalid UTF-8 is replaced, never emitted
  void number(std::int64_t value);
  void number(std::uint64_t value);
  void decimal(double value);            // 0 when not finite
  void boolean(bool value);
  void null();
  const std::string& text() const { return text_; }

 private:
  void separate();
  std::string text_;
  bool comma_ = false;
};

}  // namespace introspectd::codec
