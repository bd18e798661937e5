#include "base/secret.h"

#include <cstdint>
#include <cstring>
#include <utility>

namespace introspectd {

void zeroize(char* bytes, std::size_t size) noexcept {
  if (size != 0) explicit_bzero(bytes, size);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  std::uint64_t difference = 0;
  std::size_t at = 0;
  for (; at + sizeof difference <= a.size(); at += sizeof difference) {   // by words: this is on the hit path
    std::uint64_t x = 0;
    std::uint64_t y = 0;
    std::memcpy(&x, a.data() + at, sizeof x);
    std::memcpy(&y, b.data() + at, sizeof y);
    difference |= x ^ y;
  }
  for (; at < a.size(); ++at) {
    difference |= static_cast<std::uint64_t>(static_cast<unsigned char>(a[at]) ^ static_cast<unsigned char>(b[at]));
  }
  return difference == 0;
}

Secret::Secret(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}

Secret::Secret(Secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    clear();
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

Secret::~Secret() { clear(); }

void Secret::reserve(std::size_t size) {
  if (bytes_.capacity() >= size) return;
  std::vector<char> grown;
  grown.reserve(size);
  grown.assign(bytes_.begin(), bytes_.end());
  zeroize(bytes_.data(), bytes_.size());
  bytes_.swap(grown);
}

void Secret::append(std::string_view bytes) {
  if (bytes_.capacity() - bytes_.size() < bytes.size()) reserve(2 * bytes_.size() + bytes.size());
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

void Secret::clear() noexcept {
  zeroize(bytes_.data(), bytes_.size());
  bytes_.clear();
}

}  // namespace introspectd
