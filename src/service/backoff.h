// Backoff: how long to wait before the next try of something that keeps failing: twice as long each time, up to a
// most, with jitter, so that a fleet does not come back in step (I33).
// Pure.  Threads: one owner.  Owns: nothing.  Errors: none.  Cost: O(1).
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/random.h"
#include "base/time.h"

namespace introspectd::service {

class Backoff {
 public:
  constexpr Backoff(Duration first, Duration most) : first_(first), most_(most), next_(first) {}

  // Between half of the current step and all of it; the step then doubles.
  Duration next(Random& random) {
    const auto half = static_cast<std::uint64_t>(next_.count() / 2);
    const Duration wait{static_cast<std::int64_t>(half + random.below(half + 1))};
    next_ = std::min(next_ * 2, most_);
    return wait;
  }
  void reset() { next_ = first_; }

 private:
  Duration first_;
  Duration most_;
  Duration next_;
};

}  // namespace introspectd::service
