// JsonValue: a small JSON document as a tree, read as strictly as read_object reads (json.h). Numbers stay text.
// Threads: values, move only.  Owns: its parts; text is overwritten when it is dropped (I44).
// Errors: JsonError; a wrong kind is nullopt or nullptr.  Cost: O(n).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/secret.h"
#include "codec/json.h"

namespace introspectd::codec {

class JsonValue {
 public:
  enum class Kind : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };
  struct Member;

  // The top is always an object.
  static tl::expected<JsonValue, JsonError> read(std::string_view text, const JsonLimits& limits);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  std::optional<bool> boolean() const;
  std::optional<std::string_view> string() const;
  std::optional<std::string_view> number_text() const;
  std::optional<std::int64_t> integer() const;  // a number without fraction or exponent that fits
  // Of an object, in order; empty for every other kind.
  const std::vector<Member>& members() const { return members_; }
  // Of an array, in order; empty for every other kind.
  const std::vector<JsonValue>& items() const { return items_; }
  // The member of that name; nullptr when there is none or this is no object.
  const JsonValue* find(std::string_view name) const;

 private:
  friend class JsonTree;
  Kind kind_ = Kind::kNull;
  bool boolean_ = false;
  Secret text_;  // of a string or a number: it may be a token (I44)
  std::vector<Member> members_;
  std::vector<JsonValue> items_;
};

struct JsonValue::Member {
  std::string name;
  JsonValue value;
};

}  // namespace introspectd::codec
