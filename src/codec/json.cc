#include "codec/json.h"

#include "codec/json_events.h"

namespace introspectd::codec {
namespace {

// Narrows the events of the whole document to the members of its top object.
class TopMembers final : public JsonEvents {
 public:
  explicit TopMembers(JsonMembers& members) : members_(members) {}

  void begin_object() override {
    if (depth_ == 1) enter_member(false);
    ++depth_;
  }
  void end_object() override { --depth_; }
  void begin_array() override {
    if (depth_ == 1) enter_member(true);
    ++depth_;
  }
  void end_array() override { --depth_; }
  void key(std::string_view name) override {
    if (depth_ == 1) name_ = name;
  }
  void string(std::string_view value) override {
    if (depth_ == 1) members_.on_string(name_, value);
    if (depth_ == 2 && in_array_) members_.on_array_string(name_, value);
  }
  void number(std::string_view text) override {
    if (depth_ == 1) members_.on_number(name_, text);
  }
  void boolean(bool value) override {
    if (depth_ == 1) members_.on_bool(name_, value);
  }
  void null() override {
    if (depth_ == 1) members_.on_null(name_);
  }

 private:
  void enter_member(bool is_array) {
    members_.on_nested(name_);
    in_array_ = is_array;
  }

  JsonMembers& members_;
  std::string name_;
  std::size_t depth_ = 0;
  bool in_array_ = false;  // the nested member of the top object that was entered last is an array
};

}  // namespace

std::string_view describe(JsonError error) noexcept {
  switch (error) {
    case JsonError::kTooLarge: return "too large";
    case JsonError::kTooDeep: return "nested too deep";
    case JsonError::kSyntax: return "not JSON";
    case JsonError::kEncoding: return "not UTF-8";
    case JsonError::kDuplicateMember: return "a member stands twice";
    case JsonError::kNotAnObject: return "not an object";
    case JsonError::kTrailingBytes: return "bytes behind the object";
  }
  return "unknown";
}

tl::expected<void, JsonError> read_object(std::string_view text, const JsonLimits& limits, JsonMembers& members) {
  TopMembers top(members);
  return read_events(text, limits, top);
}

}  // namespace introspectd::codec
