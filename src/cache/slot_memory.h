// slot_memory: a piece of the cache's memory, all zero, as an array of empty slots, a whole number of sets. It is not
// touched: what was never used is not resident.
// Threads: one owner.  Owns: nothing.  Errors: memory for less than one set is a fault.  Cost: O(1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>

#include "base/assert.h"

namespace introspectd::cache {

template <typename Slot>
std::span<Slot> make_slots(std::span<std::byte> memory, std::size_t ways) {
  // An implicit-lifetime type, whose empty value is all zero bytes.
  static_assert(std::is_trivially_copyable_v<Slot> && std::is_trivially_destructible_v<Slot>);
  const std::size_t count = memory.size() / sizeof(Slot) / ways * ways;
  CHECK_INVARIANT(count >= ways);
  return {std::launder(reinterpret_cast<Slot*>(memory.data())), count};
}

// Maps a 64-bit hash evenly to [0, count) by its high bits, for any count.
inline std::size_t scale(std::uint64_t hash, std::size_t count) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::size_t>((static_cast<Wide>(hash) * count) >> 64U);
}

template <typename Slot>
std::span<Slot> set_at(std::span<Slot> slots, std::size_t ways, std::uint64_t hash) {
  return slots.subspan(scale(hash, slots.size() / ways) * ways, ways);
}

// The views of one token share its shard, and spread over the sets and slots within it.
inline std::uint64_t place_in_view(std::uint64_t place, std::uint64_t view) {
  return place ^ (view * 0x9e3779b97f4a7c15ULL);
}

}  // namespace introspectd::cache
