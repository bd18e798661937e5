// Negatives: tokens that the AS called inactive, in a segment of their own, so that a flood of made-up tokens never
// evicts a positive (I42). 8-way sets; the first to die goes. No body is kept: the answer is always {"active":false}.
// Threads: one owner (a shard, under its lock).  Owns: nothing; the memory belongs to the cache.
// Errors: none: a full set forgets.  Cost: one set of 8 × 48 B.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "cache/identity.h"
#include "cache/record.h"

namespace introspectd::cache {

struct NegativeSlot {
  TokenHash token;
  Seq seq = 0;
  Tick dies = 0;        // 0: empty
  ViewId view = 0;
  ServerId server = 0;
};
static_assert(sizeof(NegativeSlot) == 48);

class Negatives {
 public:
  static constexpr std::size_t kWays = 8;
  explicit Negatives(std::span<std::byte> memory);

  NegativeSlot* find(std::uint64_t place, const TokenHash& token, ViewId view);
  // Puts the slot in its set, over the same key, a dead one, or the first to die. True when a living one had to go.
  bool insert(std::uint64_t place, const NegativeSlot& slot, Tick now);
  bool erase(std::uint64_t place, const TokenHash& token, ViewId view);
  std::size_t capacity() const { return slots_.size(); }

 private:
  std::span<NegativeSlot> set_of(std::uint64_t place);
  std::span<NegativeSlot> slots_;
};

}  // namespace introspectd::cache
