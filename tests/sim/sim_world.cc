#include "tests/sim/sim_world.h"

#include <algorithm>
#include <utility>

namespace introspectd::sim {
namespace {

// Both clocks begin at odd places, so that nothing works only because a clock began at zero.
constexpr std::int64_t kBootStartNs = 86'400'000'000'123;
constexpr std::int64_t kWallStartMs = 1'767'225'600'789;

std::uint64_t name_hash(std::string_view name) {
  TraceHash hash;
  hash.add(name);
  return hash.value();
}

}  // namespace

// Forgets the event when destroyed. The event itself stays in the heap, empty.
class SimWorld::Cancel final : public ports::Pending {
 public:
  explicit Cancel(std::shared_ptr<Event> event) : event_(std::move(event)) {}
  ~Cancel() override { event_->callback = Callback(); }

 private:
  std::shared_ptr<Event> event_;
};

SimWorld::SimWorld(std::uint64_t seed)
    : seed_(seed), random_(seed * 0x9e3779b97f4a7c15ULL + 1), mono_(MonoTime::from_ns(kBootStartNs)) {
  const Duration offset = std::chrono::milliseconds{kWallStartMs} - Duration{kBootStartNs};
  wall_offsets_.push_back({MonoTime{}, offset});
}

WallTime SimWorld::mono_to_wall(MonoTime mono) const {
  const Duration since_1970 = Duration{mono.ns()} + wall_offsets_.back().offset;
  return WallTime::from_ms(std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count());
}

WallTime SimWorld::true_wall() const {
  const Duration since_1970 = Duration{mono_.ns()} + wall_offsets_.front().offset;
  return WallTime::from_ms(std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count());
}

WallTime SimWorld::least_wall(const Moment& from, const Moment& to) const {
  WallTime least = std::min(from.wall, to.wall);
  for (const WallOffset& change : wall_offsets_) {
    if (change.since < from.mono || change.since > to.mono) continue;
    const Duration since_1970 = Duration{change.since.ns()} + change.offset;
    least = std::min(least,
                     WallTime::from_ms(std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count()));
  }
  return least;
}

WallTime SimWorld::greatest_wall(const Moment& from, const Moment& to) const {
  WallTime greatest = std::max(from.wall, to.wall);
  for (std::size_t i = 1; i < wall_offsets_.size(); ++i) {
    const WallOffset& change = wall_offsets_[i];
    if (change.since < from.mono || change.since > to.mono) continue;
    const Duration before = std::max(wall_offsets_[i - 1].offset, change.offset);
    const Duration since_1970 = Duration{change.since.ns()} + before;
    greatest = std::max(
        greatest, WallTime::from_ms(std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count()));
  }
  return greatest;
}

std::shared_ptr<SimWorld::Event> SimWorld::push(MonoTime time, std::string_view name, Callback callback) {
  auto event = std::make_shared<Event>(Event{std::move(callback)});
  due_.push({std::max(time, mono_), ++sequence_, name_hash(name), event});
  return event;
}

void SimWorld::at(MonoTime time, std::string_view name, Callback callback) { push(time, name, std::move(callback)); }

ports::PendingToken SimWorld::cancellable(MonoTime time, std::string_view name, Callback callback) {
  return std::make_unique<Cancel>(push(time, name, std::move(callback)));
}

bool SimWorld::step() {
  while (!due_.empty()) {
    const Due due = due_.top();
    due_.pop();
    if (!due.event->callback) continue;   // given up
    mono_ = std::max(mono_, due.time);
    ++steps_;
    trace_.add(static_cast<std::uint64_t>(mono_.ns()));
    trace_.add(due.name);
    Callback callback = std::exchange(due.event->callback, Callback());
    callback();
    if (observer_) observer_();
    return true;
  }
  return false;
}

void SimWorld::run_until(MonoTime time) {
  for (;;) {
    while (!due_.empty() && !due_.top().event->callback) due_.pop();
    if (due_.empty() || due_.top().time > time) break;
    step();
  }
  mono_ = std::max(mono_, time);
}

void SimWorld::suspend(Duration duration) {
  mono_ = mono_ + duration;
  slept_ += duration;
  trace_.add(static_cast<std::uint64_t>(duration.count()));
}

void SimWorld::set_wall_forward(Duration by) {
  wall_offsets_.push_back({mono_, wall_offsets_.back().offset + by});
  trace_.add(static_cast<std::uint64_t>(by.count()));
}

}  // namespace introspectd::sim
