#include "codec/json_value.h"

#include <charconv>
#include <utility>

#include "base/assert.h"
#include "codec/json_events.h"

namespace introspectd::codec {

// Builds the tree. Open values wait in `open_` and enter their parent when they end, so that no pointer into a growing
// vector is kept.
class JsonTree final : public JsonEvents {
 public:
  void begin_object() override { begin(JsonValue::Kind::kObject); }
  void end_object() override { end(); }
  void begin_array() override { begin(JsonValue::Kind::kArray); }
  void end_array() override { end(); }
  void key(std::string_view name) override { open_.back().name = name; }
  void string(std::string_view value) override { add_text(JsonValue::Kind::kString, value); }
  void number(std::string_view text) override { add_text(JsonValue::Kind::kNumber, text); }
  void boolean(bool value) override {
    JsonValue leaf;
    leaf.kind_ = JsonValue::Kind::kBool;
    leaf.boolean_ = value;
    add(std::move(leaf));
  }
  void null() override { add(JsonValue()); }

  JsonValue take() { return std::move(root_); }

 private:
  struct Open {
    JsonValue value;
    std::string name;  // of the member that comes next
  };

  void begin(JsonValue::Kind kind) {
    open_.emplace_back();
    open_.back().value.kind_ = kind;
  }
  void end() {
    JsonValue value = std::move(open_.back().value);
    open_.pop_back();
    if (open_.empty()) {
      root_ = std::move(value);
    } else {
      add(std::move(value));
    }
  }
  void add_text(JsonValue::Kind kind, std::string_view text) {
    JsonValue leaf;
    leaf.kind_ = kind;
    leaf.text_ = Secret(text);
    add(std::move(leaf));
  }
  void add(JsonValue value) {
    CHECK_INVARIANT(!open_.empty());
    Open& parent = open_.back();
    if (parent.value.kind_ == JsonValue::Kind::kArray) {
      parent.value.items_.push_back(std::move(value));
    } else {
      parent.value.members_.push_back({std::move(parent.name), std::move(value)});
    }
  }

  std::vector<Open> open_;
  JsonValue root_;
};

tl::expected<JsonValue, JsonError> JsonValue::read(std::string_view text, const JsonLimits& limits) {
  JsonTree tree;
  if (const auto result = read_events(text, limits, tree); !result) return tl::unexpected(result.error());
  return tree.take();
}

std::optional<bool> JsonValue::boolean() const {
  if (kind_ != Kind::kBool) return std::nullopt;
  return boolean_;
}

std::optional<std::string_view> JsonValue::string() const {
  if (kind_ != Kind::kString) return std::nullopt;
  return text_.reveal();
}

std::optional<std::string_view> JsonValue::number_text() const {
  if (kind_ != Kind::kNumber) return std::nullopt;
  return text_.reveal();
}

std::optional<std::int64_t> JsonValue::integer() const {
  if (kind_ != Kind::kNumber) return std::nullopt;
  std::int64_t value = 0;
  const std::string_view text = text_.reveal();
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

const JsonValue* JsonValue::find(std::string_view name) const {
  for (const Member& member : members_) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

}  // namespace introspectd::codec
