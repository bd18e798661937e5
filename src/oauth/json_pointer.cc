#include "oauth/json_pointer.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace introspectd::oauth {
namespace {

// ~0 is a tilde and ~1 a slash, read from the left in one pass, so that "~01" is "~1" (RFC 6901 §4).
std::optional<std::string> unescape(std::string_view token) {
  std::string text;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      text.push_back(token[i]);
      continue;
    }
    ++i;
    if (i == token.size() || (token[i] != '0' && token[i] != '1')) return std::nullopt;
    text.push_back(token[i] == '0' ? '~' : '/');
  }
  return text;
}

const codec::JsonValue* item_of(const codec::JsonValue& array, std::string_view token) {
  if (token.empty() || (token.size() > 1 && token.front() == '0')) return nullptr;
  std::size_t index = 0;
  const char* const end = token.data() + token.size();
  const auto [stopped, error] = std::from_chars(token.data(), end, index);
  if (error != std::errc() || stopped != end || index >= array.items().size()) return nullptr;
  return &array.items()[index];
}

}  // namespace

std::optional<JsonPointer> JsonPointer::read(std::string_view text) {
  JsonPointer pointer;
  while (!text.empty()) {
    if (text.front() != '/' || pointer.tokens_.size() == kTokensMost) return std::nullopt;
    text.remove_prefix(1);
    const std::string_view token = text.substr(0, text.find('/'));
    std::optional<std::string> unescaped = unescape(token);
    if (!unescaped) return std::nullopt;
    pointer.tokens_.push_back(*std::move(unescaped));
    text.remove_prefix(token.size());
  }
  return pointer;
}

const codec::JsonValue* JsonPointer::find(const codec::JsonValue& document) const {
  const codec::JsonValue* value = &document;
  for (const std::string& token : tokens_) {
    const bool is_array = value->kind() == codec::JsonValue::Kind::kArray;
    value = is_array ? item_of(*value, token) : value->find(token);
    if (value == nullptr) return nullptr;
  }
  return value;
}

}  // namespace introspectd::oauth
