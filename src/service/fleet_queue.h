// FleetQueue: the entries that were read of the fleet's stream and have not taken effect yet. Signed events are verified
// by the inbox at its pace and may finish in any order; what says something of all that stands before it (heartbeats,
// proofs) takes effect only when everything before it has; so does the position.
//   added → handed to the inbox (≤ kStartedMost at once) → applied → gone from the front
// Threads: the back loop.  Owns: the entries, within limits.
// What is handed on and what leaves in a turn is bounded by what it costs (I35): signals, bytes that are read once more,
// and entries.
// Errors: add says false when there is no more room. An event that the inbox cannot verify for want of keys or time is
// tried again until kPatience is over; then its authorization server is told of as given up: never silently. Where the
// fleet has no key anybody can write entries: there what our keys refuse is counted as refused, and raises no floor.
// Cost: O(1) an entry.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "base/unique_function.h"
#include "cache/identity.h"
#include "ports/event_loop.h"
#include "service/event_inbox.h"
#include "service/fleet_entry.h"
#include "service/fleet_position.h"

namespace introspectd::service {

class FleetQueue {
 public:
  static constexpr std::size_t kBytesMost = 16U << 20U;   // of entries, what each weighs by itself included
  static constexpr std::size_t kStartedMost = 256;
  // Of a turn: each event, each of its signals, and each kBytesPerStep of either is a step. One event always fits.
  static constexpr std::size_t kStepsPerTurn = 256;
  static constexpr std::size_t kBytesPerStep = 512;
  // … and so many may leave it, of which one that takes effect only then (a heartbeat, a proof) counts for kControlWeight.
  static constexpr std::size_t kLeavingPerTurn = 4096;
  static constexpr std::size_t kControlWeight = 16;
  static constexpr Duration kRetryAfter = std::chrono::milliseconds{250};
  static constexpr Duration kPatience = std::chrono::seconds{60};

  struct Parts {
    ports::EventLoop& loop;
    EventInbox& inbox;
    bool keyed = false;   // the fleet has a key: what is not authentic is tried once
    // All that stands before it has been applied.
    UniqueFunction<void(const FleetEntry&)> control;
    UniqueFunction<void(cache::ServerId)> given_up;
  };
  explicit FleetQueue(Parts parts) : parts_(std::move(parts)) {}
  FleetQueue(FleetQueue&&) = delete;
  FleetQueue& operator=(FleetQueue&&) = delete;

  // `server` is what the entry's name means here. Effects begin with `pump`.
  bool add(const StreamId& id, FleetEntry entry, cache::ServerId server);
  // Nothing to be done with what stands at `id`.
  bool skip(const StreamId& id);
  void pump();
  // Events that were not handed on yet are dropped: the caller has raised floors instead.
  void drop_waiting();

  // Everything up to it has taken effect. nullopt: nothing yet.
  const std::optional<StreamId>& applied() const { return applied_; }
  // The log begins anew there: ids of what is still here say nothing any more.
  void begin_at(const StreamId& applied);
  std::size_t size() const { return queue_.size(); }
  std::uint64_t verdicts(EventVerdict verdict) const { return verdicts_[static_cast<std::size_t>(verdict)]; }

 private:
  enum class State : std::uint8_t { kWaiting, kStarted, kApplied };
  struct Arrived {
    StreamId id;
    FleetEntry entry;
    cache::ServerId server = 0;
    State state = State::kWaiting;
    MonoTime arrived;
  };
  static bool is_to_start(const Arrived& arrived) {
    return arrived.entry.is_event() && arrived.state == State::kWaiting;
  }
  bool is_turn_over(const FleetEntry& next) const;
  void go_on_next_turn();
  void start(std::uint64_t serial);
  void answered(std::uint64_t serial, const EventResult& result);
  void retry_later(std::uint64_t serial, Arrived& arrived);
  void retry();
  void start_waiting();
  void pop_applied();
  static std::size_t size_of(const Arrived& arrived);

  Parts parts_;
  std::deque<Arrived> queue_;
  std::uint64_t front_serial_ = 0;     // of queue_.front()
  std::uint64_t next_serial_ = 0;      // the first that was never started
  std::deque<std::uint64_t> retries_;
  std::size_t started_ = 0;
  std::size_t bytes_ = 0;
  std::optional<StreamId> applied_;
  std::array<std::uint64_t, kEventVerdicts> verdicts_{};
  std::size_t spent_ = 0;              // steps of this turn
  std::size_t left_ = 0;               // what left in it
  bool pumping_ = false;
  ports::PendingToken next_turn_;
  ports::PendingToken retry_;
};

}  // namespace introspectd::service
