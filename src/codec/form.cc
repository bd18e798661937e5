#include "codec/form.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace introspectd::codec {
namespace {

constexpr std::uint8_t kNotHex = 0xFF;

constexpr std::uint8_t hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return kNotHex;
}

constexpr bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

void append_decoded(std::string_view encoded, Secret& decoded) {
  while (!encoded.empty()) {
    const std::size_t run = std::min(encoded.find_first_of("%+"), encoded.size());
    decoded.append(encoded.substr(0, run));
    encoded.remove_prefix(run);
    if (encoded.empty()) return;
    if (encoded.front() == '+') {
      decoded.append(" ");
      encoded.remove_prefix(1);
    } else {
      const char byte = static_cast<char>(hex_value(encoded[1]) << 4 | hex_value(encoded[2]));
      decoded.append({&byte, 1});
      encoded.remove_prefix(3);
    }
  }
}

}  // namespace

std::optional<FormPairs::Pair> FormPairs::next() {
  while (!rest_.empty() && rest_.front() == '&') rest_.remove_prefix(1);
  if (rest_.empty()) return std::nullopt;
  const std::string_view pair = rest_.substr(0, rest_.find('&'));
  rest_.remove_prefix(pair.size());
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return Pair{pair, {}};
  return Pair{pair.substr(0, equals), pair.substr(equals + 1)};
}

bool is_plain(std::string_view encoded) noexcept {
  return encoded.find('%') == std::string_view::npos && encoded.find('+') == std::string_view::npos;
}

bool is_well_formed(std::string_view encoded) noexcept {
  for (std::size_t at = encoded.find('%'); at != std::string_view::npos; at = encoded.find('%', at + 3)) {
    if (encoded.size() - at < 3) return false;
    if (hex_value(encoded[at + 1]) == kNotHex || hex_value(encoded[at + 2]) == kNotHex) return false;
  }
  return true;
}

std::optional<std::string_view> decode_component(std::string_view encoded, Secret& decoded) {
  if (is_plain(encoded)) return encoded;
  if (!is_well_formed(encoded)) return std::nullopt;
  const std::size_t begin = decoded.size();
  decoded.reserve(begin + encoded.size());  // one growth at most; none where the caller reserved
  append_decoded(encoded, decoded);
  return decoded.reveal().substr(begin);
}

void encode_component(std::string_view bytes, Secret& encoded) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  while (!bytes.empty()) {
    std::size_t run = 0;
    while (run < bytes.size() && is_unreserved(bytes[run])) ++run;
    encoded.append(bytes.substr(0, run));
    bytes.remove_prefix(run);
    if (bytes.empty()) return;
    if (bytes.front() == ' ') {
      encoded.append("+");
    } else {
      const auto byte = static_cast<unsigned char>(bytes.front());
      const std::array<char, 3> escape{'%', kDigits[byte >> 4U], kDigits[byte & 0x0FU]};
      encoded.append({escape.data(), escape.size()});
    }
    bytes.remove_prefix(1);
  }
}

}  // namespace introspectd::codec
