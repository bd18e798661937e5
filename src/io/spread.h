// LeastConnections: which loop gets the next connection: the one with the fewest live ones, ties in turn. Pure.
// Threads: one owner (the back loop; front loops post what has closed).  Owns: counts.  Errors: none.
// Cost: one pass over the loops.
#pragma once

#include <cstddef>
#include <vector>

#include "base/assert.h"

namespace introspectd::io {

class LeastConnections {
 public:
  explicit LeastConnections(std::size_t loops) : live_(loops, 0) { CHECK_INVARIANT(loops != 0); }

  // Picks a loop and counts the connection there.
  std::size_t take() {
    std::size_t best = next_;
    for (std::size_t step = 1; step != live_.size(); ++step) {
      const std::size_t candidate = (next_ + step) % live_.size();
      if (live_[candidate] < live_[best]) best = candidate;
    }
    next_ = (best + 1) % live_.size();
    ++live_[best];
    return best;
  }
  // A connection of `loop` has closed.
  void give_back(std::size_t loop) {
    CHECK_INVARIANT(live_.at(loop) != 0);
    --live_[loop];
  }
  std::size_t live(std::size_t loop) const { return live_.at(loop); }
  std::size_t total() const {
    std::size_t sum = 0;
    for (const std::size_t count : live_) sum += count;
    return sum;
  }

 private:
  std::vector<std::size_t> live_;
  std::size_t next_ = 0;  // where the search begins, so that ties go round
};

}  // namespace introspectd::io
