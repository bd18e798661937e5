#include "service/fleet_queue.h"

#include <utility>

#include "base/mutant.h"

namespace introspectd::service {
namespace {

std::size_t text_bytes(const FleetEntry& entry) {
  std::size_t bytes = entry.jws.size();
  for (const oauth::Signal& signal : entry.signals) {
    const oauth::ClaimMatch& match = signal.match;
    bytes += match.sub.size() + match.sid.size() + match.client_id.size() + match.jti.size();
  }
  return bytes;
}

std::size_t steps_of(const FleetEntry& entry) {
  return 1 + entry.signals.size() + text_bytes(entry) / FleetQueue::kBytesPerStep;
}

}  // namespace

std::size_t FleetQueue::size_of(const Arrived& arrived) {
  const FleetEntry& entry = arrived.entry;
  return sizeof(Arrived) + text_bytes(entry) + entry.seen.size() * sizeof(std::string) +
         entry.signals.size() * sizeof(oauth::Signal);
}

bool FleetQueue::add(const StreamId& id, FleetEntry entry, cache::ServerId server) {
  Arrived arrived{id, std::move(entry), server, State::kWaiting, parts_.loop.now().mono};
  const std::size_t size = size_of(arrived);
  if (bytes_ + size > kBytesMost) return false;
  bytes_ += size;
  queue_.push_back(std::move(arrived));
  return true;
}

bool FleetQueue::skip(const StreamId& id) {
  if (queue_.empty()) {
    applied_ = id;
    return true;
  }
  if (!add(id, FleetEntry{}, 0)) return false;
  queue_.back().state = State::kApplied;
  return true;
}

void FleetQueue::pump() {
  if (std::exchange(pumping_, true)) return;   // the inbox answered at once
  start_waiting();
  pop_applied();
  pumping_ = false;
}

bool FleetQueue::is_turn_over(const FleetEntry& next) const {
  return spent_ > 0 && spent_ + steps_of(next) > kStepsPerTurn;
}

// The first that costs something in a turn sees to it that the next turn goes on.
void FleetQueue::go_on_next_turn() {
  if (next_turn_) return;
  next_turn_ = parts_.loop.after(Duration::zero(), [this] {
    next_turn_.reset();
    spent_ = left_ = 0;
    pump();
  });
}

void FleetQueue::start_waiting() {
  const std::uint64_t end = front_serial_ + queue_.size();
  while (next_serial_ < end && started_ < kStartedMost) {
    const Arrived& next = queue_[next_serial_ - front_serial_];
    if (is_to_start(next) && is_turn_over(next.entry)) return;
    start(next_serial_++);
  }
}

void FleetQueue::start(std::uint64_t serial) {
  Arrived& arrived = queue_[serial - front_serial_];
  if (!is_to_start(arrived)) return;
  arrived.state = State::kStarted;
  ++started_;
  go_on_next_turn();
  spent_ += steps_of(arrived.entry);
  const auto answer = [this, serial](const EventResult& result) { answered(serial, result); };
  if (arrived.entry.kind == FleetEntryKind::kSigned) {
    SignedEvent event;
    event.kind = arrived.entry.event;
    event.server = arrived.server;
    event.origin = EventOrigin::kFleet;
    event.jws = arrived.entry.jws;
    parts_.inbox.receive(std::move(event), answer);
  } else {
    UnsignedEvent event;
    event.server = arrived.server;
    event.origin = EventOrigin::kFleet;
    event.signals = arrived.entry.signals;
    // What a caller revoked there is as little proven here: made-up tokens must not fill a fleet's memory (F102).
    event.trusted = arrived.entry.origin != EventOrigin::kRevocationEndpoint;
    parts_.inbox.receive_unsigned(std::move(event), answer);
  }
}

void FleetQueue::answered(std::uint64_t serial, const EventResult& result) {
  const EventVerdict verdict = result.verdict;
  Arrived& arrived = queue_[serial - front_serial_];
  --started_;
  ++verdicts_[static_cast<std::size_t>(verdict)];
  const bool verified_there = arrived.entry.authentic;   // by the node that passed it on under the fleet's key
  const bool worth_it = verified_there || !parts_.keyed;
  const bool again = verdict == EventVerdict::kOverloaded || verdict == EventVerdict::kKeysUnavailable ||
                     result.key_may_come;
  const bool our_clock_is_behind = verdict == EventVerdict::kExpired && verified_there;   // a replayed one has no end
  const bool to_try = ((again && worth_it) || our_clock_is_behind) && !MUTANT(overloaded_event_skipped);
  if (to_try && parts_.loop.now().mono - arrived.arrived <= kPatience) {
    retry_later(serial, arrived);
  } else {
    arrived.state = State::kApplied;
    // Our key set is older than its, and the event is one all the same. What nobody has verified is refused, not lost:
    // else whoever writes to a stream without a key could raise floors by made-up events.
    const bool by_our_keys = verdict == EventVerdict::kUnsupportedKey || hangs_on_keys(verdict);
    if (by_our_keys ? verified_there : to_try) parts_.given_up(arrived.server);
  }
  pump();
}

void FleetQueue::retry_later(std::uint64_t serial, Arrived& arrived) {
  arrived.state = State::kWaiting;
  retries_.push_back(serial);
  if (!retry_) retry_ = parts_.loop.after(kRetryAfter, [this] { retry(); });
}

void FleetQueue::retry() {
  retry_.reset();
  for (std::size_t left = retries_.size(); left > 0 && started_ < kStartedMost; --left) {
    const std::uint64_t serial = retries_.front();
    if (serial >= front_serial_ && is_turn_over(queue_[serial - front_serial_].entry)) break;
    retries_.pop_front();
    if (serial >= front_serial_) start(serial);
  }
  if (!retries_.empty() && !retry_) retry_ = parts_.loop.after(kRetryAfter, [this] { retry(); });
  pump();
}

void FleetQueue::pop_applied() {
  while (!queue_.empty() && front_serial_ < next_serial_) {
    Arrived& front = queue_.front();
    if (front.entry.is_event() && front.state != State::kApplied) return;
    const bool control = !front.entry.is_event() && front.state == State::kWaiting;
    if (left_ >= kLeavingPerTurn) return;
    go_on_next_turn();
    left_ += control ? kControlWeight : 1;
    bytes_ -= size_of(front);
    applied_ = front.id;
    const FleetEntry entry = std::move(front.entry);
    queue_.pop_front();
    ++front_serial_;
    if (control) parts_.control(entry);
  }
}

void FleetQueue::begin_at(const StreamId& applied) {
  applied_ = applied;
  for (Arrived& arrived : queue_) arrived.id = applied;
}

void FleetQueue::drop_waiting() {
  for (Arrived& arrived : queue_) {
    if (arrived.entry.is_event() && arrived.state == State::kWaiting) arrived.state = State::kApplied;
  }
}

}  // namespace introspectd::service
