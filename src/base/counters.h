// CounterBlock<N>: N monotonic 64-bit counters written by one thread and read by any (a scrape sums the blocks of
// all loops). Threads: one writer, many readers.  Owns: the counters.  Errors: none (they wrap after 2^64).
// Cost: a plain load and store, no locked instruction: fit for the hit path. A block starts on its own cache line.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace introspectd {

template <std::size_t N>
class alignas(64) CounterBlock {
 public:
  void add(std::size_t index, std::uint64_t amount = 1) noexcept {
    std::atomic<std::uint64_t>& counter = counters_[index];
    counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  std::uint64_t get(std::size_t index) const noexcept { return counters_[index].load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<std::uint64_t>, N> counters_{};
};

}  // namespace introspectd
