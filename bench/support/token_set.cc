#include "support/token_set.h"

#include <cstring>

#include "base/random.h"

namespace introspectd::bench {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void encode(const std::array<std::uint8_t, 33>& bytes, char* out) {
  // 32 bytes and one of padding: 44 digits, of which the last is left out.
  std::array<char, 44> digits;
  for (std::size_t i = 0, o = 0; i < bytes.size(); i += 3, o += 4) {
    const std::uint32_t three = (std::uint32_t{bytes[i]} << 16U) | (std::uint32_t{bytes[i + 1]} << 8U) | bytes[i + 2];
    digits[o] = kAlphabet[three >> 18U];
    digits[o + 1] = kAlphabet[(three >> 12U) & 63U];
    digits[o + 2] = kAlphabet[(three >> 6U) & 63U];
    digits[o + 3] = kAlphabet[three & 63U];
  }
  std::memcpy(out, digits.data(), kTokenBytes);
}

std::optional<std::uint32_t> digit_value(char digit) {
  if (digit >= 'A' && digit <= 'Z') return static_cast<std::uint32_t>(digit - 'A');
  if (digit >= 'a' && digit <= 'z') return static_cast<std::uint32_t>(digit - 'a') + 26U;
  if (digit >= '0' && digit <= '9') return static_cast<std::uint32_t>(digit - '0') + 52U;
  if (digit == '-') return 62U;
  if (digit == '_') return 63U;
  return std::nullopt;
}

}  // namespace

TokenSet::TokenSet(std::uint64_t seed) : mask_(Random(seed).next()) {}

TokenSet::Words TokenSet::words(std::uint64_t index) const {
  // Seeded by the index and the mask apart, so that another set's token does not fit.
  Random random(index + (mask_ ^ (mask_ << 1U)));
  // The first word alone tells the index; the others make a forged one improbable.
  return {index ^ mask_, random.next(), random.next(), random.next()};
}

void TokenSet::write(std::uint64_t index, char* out) const {
  const Words w = words(index);
  std::array<std::uint8_t, 33> bytes{};
  std::memcpy(bytes.data(), w.data(), sizeof w);
  encode(bytes, out);
}

std::optional<std::uint64_t> TokenSet::index_of(std::string_view token) const {
  if (token.size() != kTokenBytes) return std::nullopt;
  // 11 digits hold the first eight bytes and two bits more.
  std::array<std::uint8_t, 9> bytes{};
  for (std::size_t group = 0; group < 3; ++group) {
    std::uint32_t three = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto value = digit_value(token[group * 4 + i]);
      if (!value) return std::nullopt;
      three = (three << 6U) | *value;
    }
    bytes[group * 3] = static_cast<std::uint8_t>(three >> 16U);
    bytes[group * 3 + 1] = static_cast<std::uint8_t>((three >> 8U) & 255U);
    bytes[group * 3 + 2] = static_cast<std::uint8_t>(three & 255U);
  }
  std::uint64_t first = 0;
  std::memcpy(&first, bytes.data(), sizeof first);
  const std::uint64_t index = first ^ mask_;
  std::array<char, kTokenBytes> again;
  write(index, again.data());
  if (token != std::string_view(again.data(), again.size())) return std::nullopt;
  return index;
}

}  // namespace introspectd::bench
