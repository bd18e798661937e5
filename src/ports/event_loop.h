// EventLoop: what a loop offers to the code that runs on it: the time of the turn, timers, a mailbox.
// Threads: `post` from any thread; everything else on the loop's own thread.  Owns: queued functions.
// Errors: none.  Cost: post = one lock of the mailbox, and a wake-up unless one is under way; send leaves the wake-up to
// the end of the turn, one for all.
#pragma once

#include <memory>
#include <utility>

#include "base/time.h"
#include "base/unique_function.h"

namespace introspectd::ports {

// Something started that can be given up: destroying it cancels, after that its callback never runs (DESIGN §6).
class Pending {
 public:
  Pending() = default;
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  virtual ~Pending() = default;
};
using PendingToken = std::unique_ptr<Pending>;

class EventLoop {
 public:
  EventLoop() = default;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  virtual ~EventLoop() = default;

  // Both clocks as read at the start of this turn.
  virtual Now now() const = 0;
  // Runs `task` on the loop's thread in a later turn, in the order posted. What is posted after the loop has closed is
  // dropped (destroyed, not run).
  virtual void post(UniqueFunction<void()> task) = 0;
  // Posts `task` to `to` on behalf of this loop, from its thread. `to` is woken when this turn ends at the latest, once
  // for all that the turn sends there: a wake-up each would cost both sides more than what is sent.
  virtual void send(EventLoop& to, UniqueFunction<void()> task) { to.post(std::move(task)); }
  // Runs `callback` once, not before `delay` (in BOOTTIME). Destroying the token cancels.
  [[nodiscard]] virtual PendingToken after(Duration delay, UniqueFunction<void()> callback) = 0;
};

}  // namespace introspectd::ports
