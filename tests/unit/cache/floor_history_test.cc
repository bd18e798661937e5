#include "cache/floor_history.h"

#include <doctest/doctest.h>

#include "claim_words.h"

namespace introspectd::cache {
namespace {

using oauth::SignalKind;
using testing::apply;
using testing::by_sub;
using testing::CacheWorld;
using testing::of;

// Until a purge by claim finds no room among the live ones; its seq is the floor.
Seq raise_a_floor_for_want_of_room(CacheWorld& world) {
  const std::uint64_t before = world.cache().purge_counts().floors_raised;
  for (int i = 0; world.cache().purge_counts().floors_raised == before; ++i) {
    apply(world, by_sub(SignalKind::kHold, "u" + std::to_string(i)));
  }
  return world.cache().floor(0);
}

}  // namespace

TEST_CASE("floor_history: tells the first floor after a flight's start, and the earliest where it is forgotten") {
  FloorHistory history;
  CHECK(history.first_after(5) == 6);
  for (Seq floor = 10; floor < 10 + 10 * FloorHistory::kMost; floor += 10) history.rose(floor);
  CHECK(history.first_after(5) == 10);
  CHECK(history.first_after(10) == 20);
  CHECK(history.first_after(19) == 20);
  CHECK(history.first_after(79) == 80);
  CHECK(history.first_after(80) == 81);
  history.rose(90);   // 10 is forgotten
  CHECK(history.first_after(5) == 6);
  CHECK(history.first_after(9) == 10);
  CHECK(history.first_after(10) == 20);
}

TEST_CASE("floor_history: who looked between a floor for want of room and a flush has no older answer (I2, I3)") {
  CacheWorld world;
  const Ticket flight = world.begin("t");
  const Seq before = world.look("t").seq;
  const Seq floor = raise_a_floor_for_want_of_room(world);
  const Seq between = world.look("t").seq;
  REQUIRE(between >= floor);
  const Seq flushed = world.cache().flush(0);
  const TokenCache::Commit late =
      world.cache().commit(flight, of(world, "somebody"), world.now, {flushed, false, false});   // tainted by the flush
  CHECK(late.outcome == CommitOutcome::kRefusedFloor);
  CHECK(judge_waiter(flight.seq, between, late.purge) == WaiterFate::kSuccessor);
  CHECK(judge_waiter(flight.seq, flushed, late.purge) == WaiterFate::kSuccessor);
  CHECK(judge_waiter(flight.seq, before, late.purge) == WaiterFate::kAnswer);
}

TEST_CASE("floor_history: who looked between two flushes waits for a successor, who looked before the first does not") {
  CacheWorld world;
  const Ticket flight = world.begin("t");
  const Seq before = world.look("t").seq;
  const Seq first = world.cache().flush(0);
  world.cache().flush(0);
  const TokenCache::Commit late = world.end(flight, of(world, "somebody"));
  CHECK(late.outcome == CommitOutcome::kRefusedFloor);
  CHECK(judge_waiter(flight.seq, before, late.purge) == WaiterFate::kAnswer);
  CHECK(judge_waiter(flight.seq, first, late.purge) == WaiterFate::kSuccessor);
}

}  // namespace introspectd::cache
