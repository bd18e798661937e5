#include <array>
#include <charconv>
#include <cmath>

#include "codec/json.h"
#include "codec/utf8.h"

namespace introspectd::codec {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

template <typename Number>
void append_number(Number value, std::string& text) {
  std::array<char, 32> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  text.append(digits.data(), result.ptr);
}

void append_escaped(char c, std::string& text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    text.push_back('\\');
    text.push_back(c);
  } else if (byte < 0x20) {
    text.append("\\u00");
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 0x0FU]);
  } else {
    text.push_back(c);
  }
}

void append_quoted(std::string_view value, std::string& text) {
  text.push_back('"');
  while (!value.empty()) {
    const std::size_t size = utf8_sequence_size(value);
    if (size == 0) text.append(kReplacement);
    if (size == 1) append_escaped(value.front(), text);
    if (size > 1) text.append(value.substr(0, size));
    value.remove_prefix(size == 0 ? 1 : size);
  }
  text.push_back('"');
}

}  // namespace

void JsonWriter::separate() {
  if (comma_) text_.push_back(',');
  comma_ = true;
}

void JsonWriter::begin_object() {
  separate();
  text_.push_back('{');
  comma_ = false;
}

void JsonWriter::end_object() {
  text_.push_back('}');
  comma_ = true;
}

void JsonWriter::begin_array() {
  separate();
  text_.push_back('[');
  comma_ = false;
}

void JsonWriter::end_array() {
  text_.push_back(']');
  comma_ = true;
}

void JsonWriter::key(std::string_view name) {
  separate();
  append_quoted(name, text_);
  text_.push_back(':');
  comma_ = false;
}

void JsonWriter::string(std::string_view value) {
  separate();
  append_quoted(value, text_);
}

void JsonWriter::number(std::int64_t value) {
  separate();
  append_number(value, text_);
}

void JsonWriter::number(std::uint64_t value) {
  separate();
  append_number(value, text_);
}

void JsonWriter::decimal(double value) {
  separate();
  append_number(std::isfinite(value) ? value : 0.0, text_);
}

void JsonWriter::boolean(bool value) {
  separate();
  text_.append(value ? "true" : "false");
}

void JsonWriter::null() {
  separate();
  text_.append("null");
}

}  // namespace introspectd::codec
