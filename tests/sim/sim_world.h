// SimWorld: virtual time. Everything that happens in a simulation is an event of its heap (time, sequence, callback);
// the same seed gives the same events in the same order and so the same trace hash (I54).
// BOOTTIME goes on through a suspend (I12); the wall clock can be set (I11). Nothing here reads a real clock.
// Threads: one.  Owns: pending events.  Errors: none.  Cost: O(log pending) an event.
#pragma once

#include <cstdint>
#include <memory>
#include <queue>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "base/unique_function.h"
#include "ports/event_loop.h"
#include "tests/sim/trace_hash.h"

namespace introspectd::sim {

// Which of two things came first, without ties: every recorded happening takes the next number.
using Stamp = std::uint64_t;

// When something happened, by all three measures.
struct Moment {
  Stamp stamp = 0;   // 0: has not happened
  MonoTime mono;
  WallTime wall;
  Duration slept{};  // of the machine, until then

  bool happened() const { return stamp != 0; }
};

class SimWorld {
 public:
  // `name` of an event goes into the trace: it says what kind of thing happened.
  using Callback = UniqueFunction<void()>;

  explicit SimWorld(std::uint64_t seed);
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  std::uint64_t seed() const { return seed_; }
  Random& random() { return random_; }
  MonoTime mono() const { return mono_; }
  WallTime wall() const { return mono_to_wall(mono_); }
  Now now() const { return {mono_, wall()}; }
  // What everybody else's clock says: only the node's own is ever set.
  WallTime true_wall() const;
  // This moment, as one more happening.
  Moment moment() { return {++stamp_, mono_, wall(), slept_}; }
  // How long the machine slept so far: what CLOCK_MONOTONIC would be behind.
  Duration slept() const { return slept_; }
  // The wall clock's least and greatest value within a stretch of time.
  WallTime least_wall(const Moment& from, const Moment& to) const;
  WallTime greatest_wall(const Moment& from, const Moment& to) const;

  // Runs `callback` at `time` (or now, if that has passed); what is due at one instant runs in the order given.
  void at(MonoTime time, std::string_view name, Callback callback);
  void after(Duration delay, std::string_view name, Callback callback) { at(mono_ + delay, name, std::move(callback)); }
  // The same, given up when the token is destroyed.
  [[nodiscard]] ports::PendingToken cancellable(MonoTime time, std::string_view name, Callback callback);

  // Runs the next event; false when there is none.
  bool step();
  // Runs every event due until `time`, which then is the time.
  void run_until(MonoTime time);
  void run_for(Duration duration) { run_until(mono_ + duration); }
  // Called after each event: the oracle looks here.
  void after_each_step(Callback callback) { observer_ = std::move(callback); }

  // The machine sleeps: no event runs, BOOTTIME and the wall clock go on.
  void suspend(Duration duration);
  void set_wall_forward(Duration by);   // negative: back

  TraceHash& trace() { return trace_; }
  std::uint64_t steps() const { return steps_; }

 private:
  struct Event {
    Callback callback;
  };
  struct Due {
    MonoTime time;
    std::uint64_t sequence = 0;
    std::uint64_t name = 0;
    std::shared_ptr<Event> event;
    bool operator>(const Due& other) const {
      return time != other.time ? time > other.time : sequence > other.sequence;
    }
  };
  struct WallOffset {
    MonoTime since;
    Duration offset{};
  };
  class Cancel;

  WallTime mono_to_wall(MonoTime mono) const;
  std::shared_ptr<Event> push(MonoTime time, std::string_view name, Callback callback);

  std::uint64_t seed_;
  Random random_;
  MonoTime mono_;
  Duration slept_{};
  Stamp stamp_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t steps_ = 0;
  std::vector<WallOffset> wall_offsets_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  Callback observer_;
  TraceHash trace_;
};

}  // namespace introspectd::sim
