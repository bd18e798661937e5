#include "app/toml_guard.h"

#include <algorithm>
#include <string>

namespace introspectd::app {
namespace {

std::uint32_t line_at(std::string_view text, std::size_t offset) {
  return 1 + static_cast<std::uint32_t>(
                 std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

// The end of the string or comment that begins at `start`; an unterminated one ends with its line or the
// file.
std::size_t end_of_string(std::string_view text, std::size_t start) {
  const char mark = text[start];
  const std::string triple(3, mark);
  const bool is_long = text.substr(start, 3) == triple;
  std::size_t at = start + (is_long ? 3U : 1U);
  while (at < text.size()) {
    if (mark == '"' && text[at] == '\\') {
      at += 2;
    } else if (is_long && text.substr(at, 3) == triple) {
      return at + 3;
    } else if (!is_long && (text[at] == mark || text[at] == '\n')) {
      return at + 1;
    } else {
      ++at;
    }
  }
  return text.size();
}

// Offset of a key with too many parts, or npos.
std::size_t find_deep_key(std::string_view text) {
  constexpr std::string_view kEndsKey = "=,{}[]\n";
  int dots = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = end_of_string(text, at);
      continue;
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (c == '.') ++dots;
    if (dots >= kKeyPartsMost) return at;
    if (kEndsKey.find(c) != std::string_view::npos) dots = 0;
    ++at;
  }
  return std::string_view::npos;
}

}  // namespace

std::optional<ConfigProblem> refuse_before_parsing(std::string_view toml) {
  if (toml.size() > kConfigBytesMost) return ConfigProblem{1, "syntax", "expected at most 1MiB, got more"};
  if (toml.starts_with("\xEF\xBB\xBF"))
    return ConfigProblem{1, "syntax", "expected plain UTF-8, got a byte order mark"};
  if (const std::size_t nul = toml.find('\0'); nul != std::string_view::npos) {
    return ConfigProblem{line_at(toml, nul), "syntax", "expected text, got a NUL byte"};
  }
  if (const std::size_t deep = find_deep_key(toml); deep != std::string_view::npos) {
    return ConfigProblem{line_at(toml, deep), "syntax",
                         "expected a key of at most " + std::to_string(kKeyPartsMost) + " parts, got more"};
  }
  return std::nullopt;
}

}  // namespace introspectd::app
