#include "codec/base64.h"

#include <algorithm>

namespace introspectd::codec {
namespace {

constexpr std::string_view kStandardAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kForeign = 0xFF;

using Values = std::array<std::uint8_t, 256>;

constexpr Values make_values(std::string_view alphabet) {
  Values values{};
  values.fill(kForeign);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr Values kStandardValues = make_values(kStandardAlphabet);
constexpr Values kUrlValues = make_values(kUrlAlphabet);

std::uint32_t value_of(const Values& values, char character) { return values[static_cast<unsigned char>(character)]; }

// The text without its padding; nullopt when padding stands where it should not.
std::optional<std::string_view> without_padding(std::string_view text) {
  std::string_view digits = text;
  while (!digits.empty() && digits.back() == '=') digits.remove_suffix(1);
  const std::size_t padding = text.size() - digits.size();
  if (digits.size() % 4 == 1) return std::nullopt;
  if (padding != 0 && (padding > 2 || text.size() % 4 != 0)) return std::nullopt;
  return digits;
}

// All characters of the alphabet, and no bits beyond the last whole byte: one text for one value (RFC 4648 §3.5).
bool is_canonical(const Values& values, std::string_view digits) {
  if (!std::ranges::all_of(digits, [&values](char c) { return value_of(values, c) != kForeign; })) return false;
  const std::size_t rest = digits.size() % 4;
  if (rest == 2) return (value_of(values, digits.back()) & 0x0FU) == 0;
  if (rest == 3) return (value_of(values, digits.back()) & 0x03U) == 0;
  return true;
}

// Up to four digits to up to three bytes.
std::size_t decode_group(const Values& values, std::string_view digits, std::array<char, 3>& bytes) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 4; ++i) bits = (bits << 6U) | (i < digits.size() ? value_of(values, digits[i]) : 0U);
  bytes = {static_cast<char>(bits >> 16U & 0xFFU), static_cast<char>(bits >> 8U & 0xFFU),
           static_cast<char>(bits & 0xFFU)};
  return digits.size() - 1;
}

// Up to three bytes to up to four digits.
std::size_t encode_group(std::string_view bytes, std::string_view alphabet, std::array<char, 4>& digits) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    bits = (bits << 8U) | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U);
  }
  for (std::size_t i = 0; i < 4; ++i) digits[i] = alphabet[bits >> (18U - 6U * i) & 0x3FU];
  return bytes.size() + 1;
}

std::optional<std::uint8_t> hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

bool decode_base64(std::string_view text, Secret& decoded) {
  const auto digits = without_padding(text);
  if (!digits || !is_canonical(kStandardValues, *digits)) return false;
  decoded.reserve(decoded.size() + digits->size() / 4 * 3 + 2);
  std::array<char, 3> bytes{};
  for (std::size_t at = 0; at < digits->size(); at += 4) {
    const std::size_t count = decode_group(kStandardValues, digits->substr(at, 4), bytes);
    decoded.append({bytes.data(), count});
  }
  zeroize(bytes.data(), bytes.size());
  return true;
}

void encode_base64(std::string_view bytes, Secret& text) {
  text.reserve(text.size() + (bytes.size() + 2) / 3 * 4);
  std::array<char, 4> digits{};
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = encode_group(bytes.substr(at, 3), kStandardAlphabet, digits);
    std::fill(digits.begin() + static_cast<std::ptrdiff_t>(count), digits.end(), '=');
    text.append({digits.data(), digits.size()});
  }
  zeroize(digits.data(), digits.size());
}

std::string encode_base64url(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::array<char, 4> digits{};
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    text.append(digits.data(), encode_group(bytes.substr(at, 3), kUrlAlphabet, digits));
  }
  return text;
}

std::optional<std::string> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1 || !is_canonical(kUrlValues, text)) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::array<char, 3> group{};
  for (std::size_t at = 0; at < text.size(); at += 4) {
    bytes.append(group.data(), decode_group(kUrlValues, text.substr(at, 4), group));
  }
  return bytes;
}

std::optional<std::array<std::uint8_t, 32>> decode_sha256_hex(std::string_view text) {
  std::array<std::uint8_t, 32> digest{};
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const auto high = hex_value(text[2 * i]);
    const auto low = hex_value(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    digest[i] = static_cast<std::uint8_t>(*high << 4U | *low);
  }
  return digest;
}

std::string encode_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text.push_back(kDigits[value >> 4U]);
    text.push_back(kDigits[value & 0x0FU]);
  }
  return text;
}

}  // namespace introspectd::codec
