// FloorHistory: when one AS's floor rose lately. A flight that a floor keeps from being stored may answer who looked
// before the first floor that rose after its start; who looked later waits for a successor, whatever followed.
// Threads: the single writer.  Owns: numbers.  Errors: none: what is forgotten errs to the earlier side.
// Cost: a store to add, kMost comparisons to ask.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/mutant.h"
#include "cache/judgement.h"

namespace introspectd::cache {

class FloorHistory {
 public:
  static constexpr std::size_t kMost = 8;

  // Floors only rise.
  void rose(Seq floor) {
    forgotten_ = raised_[next_];
    raised_[next_] = floor;
    next_ = (next_ + 1) % kMost;
  }
  // The first floor that rose after `flight`, else the earliest that it may have been.
  Seq first_after(Seq flight) const {
    if (MUTANT(only_the_newest_floor_judged)) return *std::max_element(raised_.begin(), raised_.end());
    if (forgotten_ > flight) return flight + 1;
    Seq first = ~Seq{0};
    for (const Seq floor : raised_) {
      if (floor > flight) first = std::min(first, floor);
    }
    return first == ~Seq{0} ? flight + 1 : first;
  }

 private:
  std::array<Seq, kMost> raised_{};
  std::size_t next_ = 0;
  Seq forgotten_ = 0;   // the newest of those that had to go
};

}  // namespace introspectd::cache
