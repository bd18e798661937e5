// slot_memory: makes an array of empty slots in a piece of the cache's memory, a whole number of sets.
// Threads: one owner.  Owns: nothing.  Errors: memory for less than one set is a fault.  Cost: touches the memory once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

#include "base/assert.h"

namespace introspectd::cache {

template <typename Slot>
std::span<Slot> make_slots(std::span<std::byte> memory, std::size_t ways) {
  static_assert(std::is_trivially_destructible_v<Slot>);
  const std::size_t count = memory.size() / sizeof(Slot) / ways * ways;
  CHECK_INVARIANT(count >= ways);
  auto* const first = reinterpret_cast<Slot*>(memory.data());
  std::uninitialized_value_construct_n(first, count);
  return {std::launder(first), count};
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
