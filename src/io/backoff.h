// Backoff: how long to wait before the next try: exponential with full jitter between two bounds, so that a fleet that
// lost one server does not come back to it in step. Pure.
// Threads: one owner.  Owns: a seeded generator.  Errors: none.  Cost: a few integer operations.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/random.h"
#include "base/time.h"

namespace introspectd::io {

class Backoff {
 public:
  Backoff(Duration least, Duration most, std::uint64_t seed) : least_(least), most_(most), random_(seed) {}

  // Uniform between the least and a ceiling that doubles with every failure in a row: first twice the least, at most
  // `most`.
  Duration next() {
    ceiling_ = std::min(most_, (ceiling_ == Duration::zero() ? least_ : ceiling_) * 2);
    return least_ + Duration(random_.below(static_cast<std::uint64_t>((ceiling_ - least_).count()) + 1));
  }
  void reset() { ceiling_ = Duration::zero(); }

 private:
  Duration least_;
  Duration most_;
  Duration ceiling_ = Duration::zero();
  Random random_;
};

}  // namespace introspectd::io
