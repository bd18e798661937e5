#include "tests/sim/sim_loop.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"

namespace introspectd::sim {
namespace {

Duration up_to(SimWorld& world, Duration most) {
  return Duration{static_cast<std::int64_t>(world.random().below(static_cast<std::uint64_t>(most.count()) + 1))};
}

}  // namespace

SimLoop::SimLoop(SimWorld& world, std::uint64_t id, const Knobs& knobs) : world_(&world), id_(id), knobs_(knobs) {}

SimLoop::~SimLoop() { close(); }

// The one place where the simulation chooses a clock: CLOCK_MONOTONIC would stand still in a suspend (I12).
Now SimLoop::clocks() const {
  Now now = world_->now();
  if (MUTANT(monotonic_for_boottime)) now.mono = now.mono - world_->slept();
  return now;
}

Now SimLoop::now() const { return in_turn_ ? turn_now_ : clocks(); }

MonoTime SimLoop::not_before_stall(MonoTime time) const { return std::max(time, stalled_until_); }

void SimLoop::run_turn(std::string_view what, UniqueFunction<void()>& callback) {
  CHECK_INVARIANT(!in_turn_);   // a turn never runs inside a turn
  in_turn_ = true;
  turn_now_ = clocks();
  ++turns_;
  world_->trace().add(id_);
  world_->trace().add(what);
  callback();
  in_turn_ = false;
}

void SimLoop::post(UniqueFunction<void()> task) {
  if (closed_) return;
  mailbox_.push_back(std::move(task));
  last_delivery_ = std::max(last_delivery_, not_before_stall(world_->mono() + up_to(*world_, knobs_.post_delay_most)));
  deliveries_.push_back(world_->cancellable(last_delivery_, "mail", [this] { take_mail(); }));
}

void SimLoop::take_mail() {
  UniqueFunction<void()> task = std::move(mailbox_.front());
  mailbox_.pop_front();
  deliveries_.pop_front();
  run_turn("mail", task);
}

ports::PendingToken SimLoop::after(Duration delay, UniqueFunction<void()> callback) {
  return turn_at(world_->mono() + std::max(delay, Duration::zero()) + up_to(*world_, knobs_.turn_delay_most), "timer",
                 std::move(callback));
}

ports::PendingToken SimLoop::soon(std::string_view what, UniqueFunction<void()> callback) {
  return turn_at(world_->mono() + up_to(*world_, knobs_.turn_delay_most), what, std::move(callback));
}

ports::PendingToken SimLoop::turn_at(MonoTime time, std::string_view what, UniqueFunction<void()> callback) {
  return world_->cancellable(not_before_stall(time), what,
                             [this, what, callback = std::move(callback)]() mutable { run_turn(what, callback); });
}

void SimLoop::stall(Duration duration) { stalled_until_ = std::max(stalled_until_, world_->mono() + duration); }

void SimLoop::close() {
  closed_ = true;
  deliveries_.clear();
  mailbox_.clear();
}

}  // namespace introspectd::sim
