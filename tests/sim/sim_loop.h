// SimLoop: an EventLoop in virtual time. `now` is constant within a turn; posts arrive after a small random delay in
// the order posted; timers run in BOOTTIME, after a suspend at the latest; a loop can be kept busy for a while.
// Threads: one (the simulation's).  Owns: its mailbox.  Errors: none.  Cost: an event of the world per turn.
#pragma once

#include <deque>
#include <string_view>

#include "ports/event_loop.h"
#include "tests/sim/sim_world.h"

namespace introspectd::sim {

class SimLoop final : public ports::EventLoop {
 public:
  struct Knobs {
    Duration post_delay_most = std::chrono::microseconds{200};
    Duration turn_delay_most = std::chrono::microseconds{50};   // from readiness to the turn that sees it
  };

  SimLoop(SimWorld& world, std::uint64_t id, const Knobs& knobs);
  ~SimLoop() override;

  Now now() const override;
  void post(UniqueFunction<void()> task) override;
  [[nodiscard]] ports::PendingToken after(Duration delay, UniqueFunction<void()> callback) override;

  // A turn of this loop, soon: for streams and the upstream, whose readiness the loop notices.
  [[nodiscard]] ports::PendingToken soon(std::string_view what, UniqueFunction<void()> callback);
  // Runs `callback` at `time` on this loop. The token gives it up.
  [[nodiscard]] ports::PendingToken turn_at(MonoTime time, std::string_view what, UniqueFunction<void()> callback);
  // The thread does not get the CPU for so long.
  void stall(Duration duration);
  // What is still in the mailbox, and all that is posted from now on, is dropped.
  void close();

  SimWorld& world() { return *world_; }
  std::uint64_t turns() const { return turns_; }

 private:
  Now clocks() const;
  void run_turn(std::string_view what, UniqueFunction<void()>& callback);
  void take_mail();
  MonoTime not_before_stall(MonoTime time) const;

  SimWorld* world_;
  std::uint64_t id_;
  Knobs knobs_;
  std::deque<UniqueFunction<void()>> mailbox_;
  std::deque<ports::PendingToken> deliveries_;   // one per task in the mailbox, in order
  MonoTime last_delivery_;
  MonoTime stalled_until_;
  Now turn_now_;
  bool in_turn_ = false;
  bool closed_ = false;
  std::uint64_t turns_ = 0;
};

}  // namespace introspectd::sim
