// TraceHash: FNV-1a over everything that happened in a simulated world, so that one number tells whether two runs were
// the same (I54). Threads: one owner.  Errors: none.  Cost: a few multiplications a word.
#pragma once

#include <cstdint>
#include <string_view>

namespace introspectd::sim {

class TraceHash {
 public:
  void add(std::uint64_t word) {
    for (unsigned shift = 0; shift < 64; shift += 8) add_byte(static_cast<std::uint8_t>(word >> shift));
  }
  void add(std::string_view bytes) {
    add(bytes.size());
    for (const char c : bytes) add_byte(static_cast<std::uint8_t>(c));
  }
  std::uint64_t value() const { return hash_; }

 private:
  void add_byte(std::uint8_t byte) { hash_ = (hash_ ^ byte) * 0x100000001b3ULL; }
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace introspectd::sim
