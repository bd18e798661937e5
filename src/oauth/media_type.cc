#include "oauth/media_type.h"

#include <algorithm>
#include <cstddef>

namespace introspectd::oauth {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_in_any_case(std::string_view text, std::string_view lower_case) {
  return std::ranges::equal(text, lower_case, {}, lower);
}

bool is_token_character(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const char l = lower(c);
  return (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9') || kMarks.find(c) != std::string_view::npos;
}

std::string_view without_white_space(std::string_view text) {
  constexpr std::string_view kWhite = " \t";
  const std::size_t first = text.find_first_not_of(kWhite);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhite) - first + 1);
}

}  // namespace

bool is_json_media_type(std::string_view content_type) noexcept {
  constexpr std::string_view kApplication = "application/";
  constexpr std::string_view kSuffix = "+json";
  const std::string_view type = without_white_space(content_type.substr(0, content_type.find(';')));
  if (!equal_in_any_case(type.substr(0, kApplication.size()), kApplication)) return false;
  const std::string_view subtype = type.substr(kApplication.size());
  if (equal_in_any_case(subtype, "json")) return true;
  if (subtype.size() <= kSuffix.size() || !std::ranges::all_of(subtype, is_token_character)) return false;
  return equal_in_any_case(subtype.substr(subtype.size() - kSuffix.size()), kSuffix);
}

}  // namespace introspectd::oauth
