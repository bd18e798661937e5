#include "service/fleet_queue.h"

#include <doctest/doctest.h>

#include "fleet_world.h"

namespace introspectd::testing {
namespace {

using service::EventVerdict;
using service::FleetEntry;
using service::FleetEntryKind;
using service::FleetQueue;
using service::StreamId;
using std::chrono::milliseconds;

struct QueueWorld {
  TimerLoop loop;
  FakeInbox inbox;
  std::vector<std::string> controls;
  std::vector<cache::ServerId> given_up;
  std::unique_ptr<FleetQueue> queue;
  std::uint64_t next = 0;

  explicit QueueWorld(bool keyed = true) {
    queue = std::make_unique<FleetQueue>(FleetQueue::Parts{
        loop, inbox, keyed, [this](const FleetEntry& entry) { controls.push_back(entry.beat); },
        [this](cache::ServerId server) { given_up.push_back(server); }});
  }
  bool add(FleetEntryKind kind, bool authentic = true, std::size_t bytes = 10) {
    FleetEntry entry;
    entry.kind = kind;
    entry.beat = std::to_string(++next);
    entry.jws = std::string(bytes, 'j');
    entry.authentic = authentic;
    return queue->add(StreamId{next, 0}, std::move(entry), 1);
  }
  void answer(std::size_t index, EventVerdict verdict) {
    auto done = std::move(inbox.waiting.at(index));
    done({verdict, {}, {}});
  }
};

}  // namespace

TEST_CASE("fleet_queue: a heartbeat takes effect only when every event before it has, and the position with it") {
  QueueWorld world;
  world.inbox.held = true;
  world.add(FleetEntryKind::kSigned);
  world.add(FleetEntryKind::kHeartbeat);
  world.add(FleetEntryKind::kSigned);
  world.queue->pump();
  CHECK(world.controls.empty());
  CHECK_FALSE(world.queue->applied().has_value());
  world.answer(1, EventVerdict::kAccepted);   // the later one is ready first
  CHECK(world.controls.empty());
  world.answer(0, EventVerdict::kAccepted);
  CHECK(world.controls == std::vector<std::string>{"2"});
  CHECK(world.queue->applied() == StreamId{3, 0});
  CHECK(world.queue->size() == 0);
}

TEST_CASE("fleet_queue: what it holds is limited in bytes, and room comes back") {
  QueueWorld world;
  world.inbox.held = true;
  std::size_t kept = 0;
  while (world.add(FleetEntryKind::kSigned, true, 60'000)) ++kept;
  CHECK(kept * 60'000 < FleetQueue::kBytesMost);
  CHECK((kept + 1) * 61'000 > FleetQueue::kBytesMost);
  CHECK(world.queue->size() == kept);
  world.queue->pump();
  world.answer(0, EventVerdict::kAccepted);
  CHECK(world.add(FleetEntryKind::kSigned, true, 60'000));
  CHECK_FALSE(world.add(FleetEntryKind::kSigned, true, 60'000));
}

TEST_CASE("fleet_queue: heartbeats weigh as well: an endless row of them behind one event is stopped") {
  QueueWorld world;
  world.inbox.held = true;
  world.add(FleetEntryKind::kSigned);
  std::size_t kept = 0;
  while (kept < 1'000'000 && world.add(FleetEntryKind::kHeartbeat, true, 0)) ++kept;
  CHECK(kept < 1'000'000);
}

TEST_CASE("fleet_queue: so many events are with the inbox at once, and no more") {
  QueueWorld world;
  world.inbox.held = true;
  for (std::size_t i = 0; i < FleetQueue::kStartedMost + 5; ++i) world.add(FleetEntryKind::kSigned);
  world.queue->pump();
  CHECK(world.inbox.waiting.size() == FleetQueue::kStartedMost);
  world.loop.run_for(milliseconds{1});
  CHECK(world.inbox.waiting.size() == FleetQueue::kStartedMost);
  world.answer(7, EventVerdict::kAccepted);
  CHECK(world.inbox.waiting.size() == FleetQueue::kStartedMost + 1);
}

TEST_CASE("fleet_queue: a long queue is worked off over several turns, in steps of signals and bytes (I35)") {
  QueueWorld world;
  const auto add_purge = [&world](std::size_t signals) {
    FleetEntry entry;
    entry.kind = FleetEntryKind::kPurge;
    entry.signals.resize(signals);
    CHECK(world.queue->add(StreamId{++world.next, 0}, std::move(entry), 1));
  };
  SUBCASE("many events") {
    for (std::size_t i = 0; i < FleetQueue::kStepsPerTurn + 1; ++i) world.add(FleetEntryKind::kSigned);
    world.queue->pump();
    CHECK(world.inbox.events.size() == FleetQueue::kStepsPerTurn);
    world.queue->pump();   // the turn is what it was
    CHECK(world.inbox.events.size() == FleetQueue::kStepsPerTurn);
    world.loop.run_for(milliseconds{1});
    CHECK(world.inbox.events.size() == FleetQueue::kStepsPerTurn + 1);
  }
  SUBCASE("many signals: what fits exactly, and one more") {
    add_purge(FleetQueue::kStepsPerTurn / 2 - 1);
    add_purge(FleetQueue::kStepsPerTurn / 2 - 1);
    add_purge(1);
    world.queue->pump();
    CHECK(world.inbox.signals.size() == FleetQueue::kStepsPerTurn - 2);
    world.loop.run_for(milliseconds{1});
    CHECK(world.inbox.signals.size() == FleetQueue::kStepsPerTurn - 1);
  }
  SUBCASE("one event always fits, by itself") {
    add_purge(FleetEntry::kSignalsMost);
    add_purge(FleetEntry::kSignalsMost);
    world.queue->pump();
    CHECK(world.inbox.signals.size() == FleetEntry::kSignalsMost);
    world.loop.run_for(milliseconds{1});
    CHECK(world.inbox.signals.size() == 2 * FleetEntry::kSignalsMost);
  }
  SUBCASE("signals with long claims") {
    for (int i = 0; i < 3; ++i) {
      FleetEntry entry;
      entry.kind = FleetEntryKind::kPurge;
      entry.signals.resize(1);
      entry.signals[0].match.sub = std::string((FleetQueue::kStepsPerTurn / 2 - 2) * FleetQueue::kBytesPerStep, 's');
      CHECK(world.queue->add(StreamId{++world.next, 0}, std::move(entry), 1));
    }
    world.queue->pump();
    CHECK(world.inbox.signals.size() == 2);
    world.loop.run_for(milliseconds{1});
    CHECK(world.inbox.signals.size() == 3);
  }
  SUBCASE("many bytes") {
    const std::size_t half = (FleetQueue::kStepsPerTurn / 2 - 1) * FleetQueue::kBytesPerStep;
    for (int i = 0; i < 3; ++i) world.add(FleetEntryKind::kSigned, true, half);
    world.queue->pump();
    CHECK(world.inbox.events.size() == 2);
    world.loop.run_for(milliseconds{1});
    CHECK(world.inbox.events.size() == 3);
  }
  world.loop.run_for(milliseconds{1});
  CHECK(world.queue->size() == 0);
}

TEST_CASE("fleet_queue: what one slow event held up leaves over turns, heartbeats as what they cost (I35)") {
  QueueWorld world;
  world.inbox.held = true;
  world.add(FleetEntryKind::kSigned);
  SUBCASE("heartbeats: what fits, and the rest in the next turn") {
    constexpr std::size_t kFit = FleetQueue::kLeavingPerTurn / FleetQueue::kControlWeight;
    for (std::size_t i = 0; i < kFit + 1; ++i) world.add(FleetEntryKind::kHeartbeat);
    world.queue->pump();
    world.answer(0, EventVerdict::kAccepted);
    CHECK(world.controls.size() == kFit);
    CHECK(world.queue->applied() == StreamId{kFit + 1, 0});
    world.queue->pump();   // the turn is what it was
    CHECK(world.controls.size() == kFit);
  }
  SUBCASE("what nothing is to be done with") {
    for (std::size_t i = 0; i < FleetQueue::kLeavingPerTurn; ++i) CHECK(world.queue->skip(StreamId{++world.next, 0}));
    world.queue->pump();
    world.answer(0, EventVerdict::kAccepted);
    CHECK(world.queue->size() == 1);
    CHECK(world.queue->applied() == StreamId{FleetQueue::kLeavingPerTurn, 0});
  }
  world.loop.run_for(milliseconds{1});
  CHECK(world.queue->size() == 0);
  CHECK(world.queue->applied() == StreamId{world.next, 0});
}

TEST_CASE("fleet_queue: what is tried again is within the turn's steps too (I35)") {
  QueueWorld world;
  world.inbox.verdict = EventVerdict::kKeysUnavailable;
  const std::size_t bytes = (FleetQueue::kStepsPerTurn / 4 - 1) * FleetQueue::kBytesPerStep;
  for (int i = 0; i < 6; ++i) world.add(FleetEntryKind::kSigned, true, bytes);
  world.queue->pump();
  world.loop.run_for(milliseconds{1});
  CHECK(world.inbox.origins.size() == 6);
  world.inbox.verdict = EventVerdict::kAccepted;
  world.loop.run_for(FleetQueue::kRetryAfter - milliseconds{1});
  CHECK(world.inbox.events.size() == 4);
  world.loop.run_for(FleetQueue::kRetryAfter);
  CHECK(world.inbox.events.size() == 6);
}

TEST_CASE("fleet_queue: the signals of a purge weigh as what they are") {
  QueueWorld world;
  world.inbox.held = true;
  world.add(FleetEntryKind::kSigned);
  std::size_t kept = 0;
  const auto add_purge = [&world] {
    FleetEntry entry;
    entry.kind = FleetEntryKind::kPurge;
    entry.signals.resize(FleetEntry::kSignalsMost);
    for (oauth::Signal& signal : entry.signals) signal.match.sub = std::string(1000, 's');
    return world.queue->add(StreamId{++world.next, 0}, std::move(entry), 1);
  };
  while (kept < 1000 && add_purge()) ++kept;
  CHECK(kept * FleetEntry::kSignalsMost * 1000 <= FleetQueue::kBytesMost);
  CHECK((kept + 1) * FleetEntry::kSignalsMost * (1000 + 2 * sizeof(oauth::Signal)) > FleetQueue::kBytesMost);
}

TEST_CASE("fleet_queue: what is overloaded comes again in order, until patience ends; then its AS is given up aloud") {
  QueueWorld world;
  world.inbox.verdict = EventVerdict::kKeysUnavailable;
  world.add(FleetEntryKind::kSigned);
  world.queue->pump();
  world.loop.run_for(FleetQueue::kPatience - FleetQueue::kRetryAfter);
  CHECK(world.given_up.empty());
  CHECK(world.queue->size() == 1);
  world.loop.run_for(2 * FleetQueue::kRetryAfter);
  CHECK(world.given_up == std::vector<cache::ServerId>{1});
  CHECK(world.queue->applied() == StreamId{1, 0});
}

TEST_CASE("fleet_queue: an event whose key may come yet is tried again; given up aloud only if another node has verified it") {
  for (const bool verified : {false, true}) {
    QueueWorld world(verified);   // without a key nobody's word is proven
    world.inbox.verdict = EventVerdict::kUnknownKey;
    world.inbox.key_may_come = true;
    world.add(FleetEntryKind::kSigned, verified);
    world.queue->pump();
    world.loop.run_for(FleetQueue::kPatience - FleetQueue::kRetryAfter);
    CHECK(world.queue->size() == 1);
    CHECK(world.given_up.empty());
    world.loop.run_for(2 * FleetQueue::kRetryAfter);
    CHECK(world.queue->size() == 0);
    CHECK(world.given_up.size() == (verified ? 1 : 0));
  }
  QueueWorld keyed;
  keyed.inbox.verdict = EventVerdict::kUnknownKey;
  keyed.inbox.key_may_come = true;
  keyed.add(FleetEntryKind::kSigned, false);
  keyed.queue->pump();
  CHECK(keyed.queue->size() == 0);
}

TEST_CASE("fleet_queue: what another node has verified and this one has no key for is given up aloud, not skipped") {
  QueueWorld world;
  world.inbox.verdict = EventVerdict::kUnsupportedKey;
  world.add(FleetEntryKind::kSigned, false);
  world.queue->pump();
  CHECK(world.given_up.empty());   // anybody's
  world.add(FleetEntryKind::kSigned);
  world.queue->pump();
  CHECK(world.given_up == std::vector<cache::ServerId>{1});
  CHECK(world.queue->size() == 0);
}

TEST_CASE("fleet_queue: what another node has verified and our clock takes for the future comes again") {
  QueueWorld world;
  world.inbox.verdict = EventVerdict::kExpired;
  world.add(FleetEntryKind::kSigned, false);
  world.add(FleetEntryKind::kSigned);
  world.queue->pump();
  CHECK(world.queue->size() == 1);
  world.inbox.verdict = EventVerdict::kAccepted;
  world.loop.run_for(2 * FleetQueue::kRetryAfter);
  CHECK(world.queue->size() == 0);
  CHECK(world.given_up.empty());
}

TEST_CASE("fleet_queue: with a key, what is not authentic is tried once and holds nothing up") {
  QueueWorld world;
  world.inbox.verdict = EventVerdict::kKeysUnavailable;
  world.add(FleetEntryKind::kSigned, false);
  world.queue->pump();
  CHECK(world.queue->size() == 0);
  CHECK(world.given_up.empty());
  QueueWorld keyless(false);
  keyless.inbox.verdict = EventVerdict::kKeysUnavailable;
  keyless.add(FleetEntryKind::kSigned, false);
  keyless.queue->pump();
  CHECK(keyless.queue->size() == 1);
}

TEST_CASE("fleet_queue: a refused event is done with and counted") {
  QueueWorld world;
  world.inbox.verdict = EventVerdict::kBadSignature;
  world.add(FleetEntryKind::kSigned);
  world.queue->pump();
  CHECK(world.queue->size() == 0);
  CHECK(world.queue->verdicts(EventVerdict::kBadSignature) == 1);
}

TEST_CASE("fleet_queue: where the log begins anew, what is still here does not set the position back") {
  QueueWorld world;
  world.inbox.held = true;
  world.next = 1000;
  world.add(FleetEntryKind::kSigned);
  world.queue->pump();
  world.queue->begin_at({});
  world.answer(0, EventVerdict::kAccepted);
  CHECK(world.queue->applied() == StreamId{});
}

TEST_CASE("fleet_queue: dropped ones are done with, those under way go on") {
  QueueWorld world;
  world.inbox.held = true;
  for (std::size_t i = 0; i < FleetQueue::kStartedMost + 3; ++i) world.add(FleetEntryKind::kSigned);
  world.queue->pump();
  world.queue->drop_waiting();
  for (std::size_t i = 0; i < FleetQueue::kStartedMost; ++i) world.answer(i, EventVerdict::kAccepted);
  CHECK(world.queue->size() == 0);
  CHECK(world.inbox.events.size() == FleetQueue::kStartedMost);
}

}  // namespace introspectd::testing
