#include "service/packed.h"

#include <array>

#include "base/assert.h"
#include "cache/identity.h"

namespace introspectd::service {
namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kNumberBytes = 8;

void append_little_endian(std::string& into, std::uint64_t value, std::size_t bytes) {
  std::array<char, kNumberBytes> digits{};
  for (std::size_t i = 0; i < digits.size(); ++i) digits[i] = static_cast<char>((value >> (8 * i)) & 0xffU);
  into.append(digits.data(), bytes);
}

std::uint64_t read_little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8U | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

// Against torn writes and rot, not against an enemy: whoever writes state_dir is this user.
std::uint64_t checksum(std::string_view bytes) { return cache::siphash({0x696e74726f737065ULL, 1}, bytes); }

}  // namespace

void pack(std::string& into, std::string_view bytes) {
  CHECK_INVARIANT(bytes.size() <= UINT32_MAX);
  append_little_endian(into, bytes.size(), kLengthBytes);
  into.append(bytes);
}

void pack(std::string& into, std::uint64_t number) {
  append_little_endian(into, kNumberBytes, kLengthBytes);
  append_little_endian(into, number, kNumberBytes);
}

std::optional<std::string_view> PackedReader::next() {
  if (broken_ || rest_.empty()) {
    broken_ = true;
    return std::nullopt;
  }
  const std::uint64_t length = read_little_endian(rest_.substr(0, kLengthBytes));
  if (rest_.size() < kLengthBytes || length > rest_.size() - kLengthBytes) {
    broken_ = true;
    return std::nullopt;
  }
  const std::string_view bytes = rest_.substr(kLengthBytes, length);
  rest_.remove_prefix(kLengthBytes + length);
  return bytes;
}

std::uint64_t PackedReader::number() {
  const std::string_view bytes = next().value_or(std::string_view{});
  if (bytes.size() != kNumberBytes) {
    broken_ = true;
    return 0;
  }
  return read_little_endian(bytes);
}

void append_record(std::string& file, std::string_view bytes) {
  CHECK_INVARIANT(bytes.size() <= kRecordMost);
  append_little_endian(file, bytes.size(), kLengthBytes);
  append_little_endian(file, checksum(bytes), kNumberBytes);
  file.append(bytes);
}

std::optional<std::string_view> RecordReader::next() {
  if (rest_.size() < kRecordFrame) return std::nullopt;
  const std::uint64_t length = read_little_endian(rest_.substr(0, kLengthBytes));
  if (length > kRecordMost || length > rest_.size() - kRecordFrame) return std::nullopt;
  const std::string_view bytes = rest_.substr(kRecordFrame, length);
  if (checksum(bytes) != read_little_endian(rest_.substr(kLengthBytes, kNumberBytes))) return std::nullopt;
  rest_.remove_prefix(kRecordFrame + length);
  return bytes;
}

}  // namespace introspectd::service
