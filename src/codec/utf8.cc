#include "codec/utf8.h"

namespace introspectd::codec {
namespace {

struct Lead {
  std::size_t size;
  unsigned second_least;  // bounds of the second byte keep out overlong forms, surrogates and what is past U+10FFFF
  unsigned second_most;
};

constexpr Lead lead_of(unsigned byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte >= 0xC2 && byte <= 0xDF) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

std::size_t utf8_sequence_size(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto byte = [text](std::size_t i) -> unsigned { return static_cast<unsigned char>(text[i]); };
  const Lead lead = lead_of(byte(0));
  if (lead.size < 2) return lead.size;
  if (text.size() < lead.size || byte(1) < lead.second_least || byte(1) > lead.second_most) return 0;
  for (std::size_t i = 2; i < lead.size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  return lead.size;
}

}  // namespace introspectd::codec
