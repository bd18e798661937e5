// Histogram: latencies in logarithmic buckets of 1/64 width (HDR-like): at most 1.6 % off, at any size.
// Threads: one owner.  Owns: its buckets.  Errors: none, what is out of range counts in the last bucket.
// Cost: record is a few instructions; 15 KiB.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace introspectd::bench {

class Histogram {
 public:
  void record(std::int64_t nanoseconds);
  std::uint64_t count() const { return count_; }
  std::int64_t max_ns() const { return max_; }
  // The latency that `quantile` (0 … 1) of the recorded ones did not exceed.
  std::int64_t quantile_ns(double quantile) const;

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr std::size_t kSub = 1U << kSubBits;
  static constexpr std::size_t kBuckets = 36 * kSub;

  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t top_of(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::int64_t max_ = 0;
};

}  // namespace introspectd::bench
