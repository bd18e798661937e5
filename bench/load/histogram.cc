#include "load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace introspectd::bench {

std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < kSub) return static_cast<std::size_t>(value);
  const auto power = static_cast<unsigned>(std::bit_width(value)) - 1U - kSubBits;
  const std::size_t bucket = (power + 1U) * kSub + ((value >> power) & (kSub - 1U));
  return std::min(bucket, kBuckets - 1);
}

std::uint64_t Histogram::top_of(std::size_t bucket) {
  if (bucket < kSub) return bucket;
  const std::size_t power = bucket / kSub - 1;
  return ((kSub + bucket % kSub + 1) << power) - 1;
}

void Histogram::record(std::int64_t nanoseconds) {
  const std::int64_t value = std::max<std::int64_t>(nanoseconds, 0);
  ++buckets_[bucket_of(static_cast<std::uint64_t>(value))];
  ++count_;
  max_ = std::max(max_, value);
}

std::int64_t Histogram::quantile_ns(double quantile) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted && seen > 0) return std::min(static_cast<std::int64_t>(top_of(bucket)), max_);
  }
  return max_;
}

}  // namespace introspectd::bench
