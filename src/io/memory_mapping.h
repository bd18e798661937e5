// MemoryMapping: one anonymous mapping for the cache: zero-filled, touched lazily (resident only where written), huge
// pages asked for where they are filled anyway, left out of core dumps (I44).
// Threads: a value, one owner.  Owns: the mapping.  Errors: nullopt when the OS refuses the address space.
// Cost: three system calls; a page fault at each first touch.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

namespace introspectd::io {

class MemoryMapping {
 public:
  // The first `dense` bytes are for huge pages, the rest for small ones.
  static std::optional<MemoryMapping> reserve(std::size_t size, std::size_t dense);

  MemoryMapping(MemoryMapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MemoryMapping& operator=(MemoryMapping&&) = delete;
  MemoryMapping(const MemoryMapping&) = delete;
  MemoryMapping& operator=(const MemoryMapping&) = delete;
  ~MemoryMapping();

  std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit MemoryMapping(std::span<std::byte> bytes) : bytes_(bytes) {}

  std::span<std::byte> bytes_;
};

}  // namespace introspectd::io
