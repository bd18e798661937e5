#include "http/request.h"

namespace introspectd::http {
namespace {

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

bool same_name(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    // Upper and lower case of a letter differ in one bit; so do other pairs, that are no letters.
    if ((static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])) != 0x20 || !is_letter(a[i])) return false;
  }
  return true;
}

bool is_media_type(std::string_view content_type, std::string_view media_type) noexcept {
  if (content_type == media_type) return true;   // as nearly every client writes it
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && is_blank(type.front())) type.remove_prefix(1);
  while (!type.empty() && is_blank(type.back())) type.remove_suffix(1);
  return same_name(type, media_type);
}

}  // namespace introspectd::http
