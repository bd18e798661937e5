// TimerQueue: callbacks ordered by their deadline; deadlines that are equal run in the order they were added. Pure.
// Threads: one owner.  Owns: callbacks until they run, are cancelled or the queue goes.  Errors: none.
// Cost: add and cancel O(log n), two allocations a timer.
// Contract: the token may outlive the queue; destroying it cancels, then the callback never runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "base/unique_function.h"
#include "ports/event_loop.h"

namespace introspectd::io {

class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue() { clear(); }

  [[nodiscard]] ports::PendingToken add(MonoTime deadline, UniqueFunction<void()> callback);
  std::optional<MonoTime> next_deadline() const;
  // Runs what is due at `now`; what those callbacks add waits for the next call, so that a timer which starts itself
  // again with no delay cannot keep the loop here.
  void run_due(MonoTime now);
  // Drops every callback.
  void clear() noexcept;
  std::size_t size() const { return heap_.size(); }

 private:
  struct Timer;

  static bool earlier(const Timer& a, const Timer& b);
  void remove(std::size_t at) noexcept;
  void sift_up(std::size_t at) noexcept;
  void sift_down(std::size_t at) noexcept;
  void place(Timer* timer, std::size_t at) noexcept;

  std::vector<Timer*> heap_;  // owned by their tokens; a timer knows its place
  std::uint64_t next_number_ = 0;
};

}  // namespace introspectd::io
