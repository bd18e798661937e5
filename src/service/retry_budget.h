// RetryBudget: retries are at most 10 % of the first tries of the last 10 s, and a handful where traffic is low, so
// that a connection that died idle is tried again on a quiet node but a failing AS is never hit twice as hard (I33).
// Threads: one owner.  Errors: none.  Cost: O(1); ten one-second buckets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/mutant.h"
#include "base/time.h"

namespace introspectd::service {

class RetryBudget {
 public:
  static constexpr std::uint64_t kAlways = 10;   // per 10 s, whatever the traffic

  void first_try(MonoTime now) { ++bucket(now).tries; }
  // True when a retry may be made; it is then counted.
  bool take_retry(MonoTime now) {
    bucket(now);
    std::uint64_t tries = 0;
    std::uint64_t retries = 0;
    for (const Bucket& b : buckets_) {
      tries += b.tries;
      retries += b.retries;
    }
    if (retries >= kAlways + tries / 10 && !MUTANT(retry_budget_endless)) return false;
    ++bucket(now).retries;
    return true;
  }

 private:
  struct Bucket {
    std::int64_t second = -1;
    std::uint64_t tries = 0;
    std::uint64_t retries = 0;
  };
  Bucket& bucket(MonoTime now) {
    const std::int64_t second = now.ns() / 1'000'000'000;
    for (Bucket& b : buckets_) {
      if (b.second <= second - static_cast<std::int64_t>(buckets_.size())) b = Bucket{};
    }
    Bucket& current = buckets_[static_cast<std::size_t>(second) % buckets_.size()];
    current.second = second;
    return current;
  }
  std::array<Bucket, 10> buckets_{};
};

}  // namespace introspectd::service
