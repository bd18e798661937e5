// LogRate: at most `limit` lines in any second (I43), exactly: a ring of the times of the last `limit` lines.
// Threads: one at a time.  Owns: the ring.  Errors: none.  Cost: O(1).
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/time.h"

namespace introspectd::app {

class LogRate {
 public:
  explicit LogRate(std::size_t limit) : times_(limit) {}

  bool admit(MonoTime now) {
    if (times_.empty()) return false;
    std::optional<MonoTime>& oldest = times_[next_];
    if (oldest && now - *oldest < std::chrono::seconds{1}) return false;
    oldest = now;
    next_ = (next_ + 1) % times_.size();
    return true;
  }

 private:
  std::vector<std::optional<MonoTime>> times_;
  std::size_t next_ = 0;
};

}  // namespace introspectd::app
