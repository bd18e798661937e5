#include "http/field_lines.h"

namespace introspectd::http {
namespace {

constexpr ParseError kBadField{400, "a header field is not valid"};
constexpr ParseError kBadLineEnd{400, "a line does not end in CRLF"};
constexpr ParseError kTooManyFields{431, "there are too many header fields"};

constexpr bool is_crlf(std::string_view text, std::size_t at) {
  return text.size() >= 2 && at <= text.size() - 2 && text[at] == '\r' && text[at + 1] == '\n';
}

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

FieldLines::FieldLines(std::size_t max_count) : max_count_(max_count) {
  lines_.reserve(max_count);
  views_.reserve(max_count);
}

void FieldLines::clear() {
  line_end_ = 0;
  name_ = value_ = Range{};
  lines_.clear();
  views_.clear();
}

const ParseError* FieldLines::complete(std::string_view message, Framing& framing) {
  if (lines_.size() == max_count_) return &kTooManyFields;
  if (name_.size == 0 || name_.start != line_end_) return &kBadField;
  if (!is_crlf(message, line_end_ - 2)) return &kBadLineEnd;
  if (name_.end() >= message.size() || message[name_.end()] != ':') return &kBadField;
  std::size_t start = name_.end() + 1;
  while (start < message.size() && is_blank(message[start])) ++start;
  if (value_.size != 0 && value_.start != start) return &kBadLineEnd;
  std::size_t end = start + value_.size;
  if (!is_crlf(message, end)) return &kBadLineEnd;
  line_end_ = end + 2;
  while (end > start && is_blank(message[end - 1])) --end;
  const Range value{static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(end - start)};
  lines_.push_back(Line{name_, value});
  const ParseError* const why = framing.field(name_.in(message), value.in(message), lines_.size() - 1);
  name_ = value_ = Range{};
  return why;
}

std::span<const Header> FieldLines::views(std::string_view message) {
  views_.clear();
  for (const Line& line : lines_) views_.push_back(Header{line.name.in(message), line.value.in(message)});
  return views_;
}

}  // namespace introspectd::http
