// Storms of purges by claim: as long as one lasts nothing is lost, and hits of others do not notice.
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "claim_words.h"

namespace introspectd::cache {
namespace {

using oauth::SignalKind;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::apply;
using testing::by_sub;
using testing::CacheWorld;
using testing::of;
using testing::sweep;

// So many purges by sub in each 10 ms, one barrier for all, and a lap of the sweep every 500 ms.
struct Storm {
  explicit Storm(SignalKind of_kind) : kind(of_kind) {}
  void blow(Duration duration, int purges) {
    for (Duration passed{}; passed < duration; passed += milliseconds{10}) {
      for (int i = 0; i < purges; ++i) world.cache().enter_purge(0, by_sub(kind, "u" + std::to_string(said++)), world.now);
      world.cache().barrier();
      world.pass(milliseconds{10});
      if ((passed + milliseconds{10}) % milliseconds{500} == Duration{}) sweep(world);
    }
  }
  TokenCache::PurgeCounts counts() { return world.cache().purge_counts(); }

  SignalKind kind;
  CacheWorld world{{}, 64U << 20U};
  std::uint64_t said = 0;
};

}  // namespace

TEST_CASE("storm: 10,000 cut-offs a second for a minute in 64 MiB raise no floor, and others' hits go on (I6, F100)") {
  Storm storm(SignalKind::kCutOff);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i) storm.world.fetch("t" + std::to_string(i), of(storm.world, "somebody" + std::to_string(i)));
    storm.blow(seconds{20}, 100);
    int hits = 0;
    for (int i = 0; i < 1000; ++i) hits += storm.world.outcome("t" + std::to_string(i)) == LookupOutcome::kHit ? 1 : 0;
    CHECK(hits > 980);   // the filter takes one for another now and then
  }
  REQUIRE(storm.said == 600'000);
  CHECK(storm.counts().floors_raised == 0);
  CHECK(storm.counts().filtered > 100'000);
  // Not one of what was purged within the hold is stored.
  for (std::uint64_t i = storm.said - 99'000; i < storm.said; i += 11) {
    const TokenCache::Commit late = storm.world.fetch("x", of(storm.world, "u" + std::to_string(i)));
    REQUIRE((late.purge.dead || late.outcome == CommitOutcome::kRefusedPurge));
  }
}

TEST_CASE("storm: a flight that began before it ends within it, and is refused whatever has been forgotten since (I2)") {
  Storm storm(SignalKind::kHold);
  storm.blow(seconds{15}, 100);
  const std::string sub = "u" + std::to_string(storm.said + 250);
  const Ticket flight = storm.world.begin("t");
  storm.blow(seconds{3}, 100);
  const TokenCache::Commit late = storm.world.end(flight, of(storm.world, sub));
  CHECK(late.outcome == CommitOutcome::kRefusedPurge);
  CHECK(judge_waiter(flight.seq, late.purge.newest, late.purge) == WaiterFate::kSuccessor);
  CHECK(judge_waiter(flight.seq, flight.seq - 1, late.purge) == WaiterFate::kAnswer);
}

TEST_CASE("storm: past what entries and filter hold a floor rises, said; with the storm's end all is as before (I6)") {
  Storm storm(SignalKind::kHold);
  storm.blow(seconds{14}, 500);
  CHECK(storm.counts().floors_raised > 0);
  CHECK(storm.world.cache().floor(0) > 0);
  storm.world.pass(seconds{15});
  sweep(storm.world);
  CHECK(storm.world.fetch("t", of(storm.world, "somebody")).outcome == CommitOutcome::kStored);
  const std::uint64_t floors = storm.counts().floors_raised;
  storm.blow(seconds{2}, 100);
  CHECK(storm.counts().floors_raised == floors);
  CHECK(storm.world.outcome("t") == LookupOutcome::kHit);
}

TEST_CASE("storm: what only the filter holds is held with its whole AS after a restart, for what is left of it (I6)") {
  Storm storm(SignalKind::kHold);
  storm.blow(seconds{6}, 100);
  REQUIRE(storm.counts().filtered > 0);
  CacheWorld restarted;
  for (const KeptPurge& purge : storm.world.exported()) restarted.cache().import_purge(purge, restarted.now);
  restarted.cache().barrier();
  CHECK(restarted.fetch("t", of(restarted, "u" + std::to_string(storm.said - 1))).outcome ==
        CommitOutcome::kRefusedPurge);
  restarted.pass(seconds{15});
  CHECK(restarted.fetch("t", of(restarted, "somebody")).outcome == CommitOutcome::kStored);
}

TEST_CASE("storm: the sweep is behind when live purges come faster than its lap goes on, and only then") {
  Storm storm(SignalKind::kHold);
  for (int i = 0; i < 50'000; ++i) storm.world.fetch("t" + std::to_string(i), of(storm.world, "somebody"));
  TokenCache& cache = storm.world.cache();
  const auto enter_until_behind = [&] {
    int entered = 0;
    for (; !cache.sweep_behind(); ++entered) apply(storm.world, by_sub(SignalKind::kHold, "v" + std::to_string(storm.said++)));
    return entered;
  };
  CHECK_FALSE(cache.sweep_behind());
  CHECK(enter_until_behind() == 3'495);   // a quarter of a generation is taken
  std::array<Seq, TokenCache::kSliceRecords> by{};
  cache.sweep_slice(storm.world.now, by);
  CHECK_FALSE(cache.sweep_behind());      // a lap has begun, with a generation of its own
  CHECK(enter_until_behind() == 3'495);
  for (int slice = 0; slice < 100; ++slice) cache.sweep_slice(storm.world.now, by);
  CHECK_FALSE(cache.sweep_behind());
  CHECK(enter_until_behind() > 1'000);
  sweep(storm.world);
  CHECK_FALSE(cache.sweep_behind());
  CHECK(storm.counts().floors_raised == 0);
}

TEST_CASE("storm: purges that share a tag and differ in the client raise no floor; the sweep is behind till carried out") {
  CacheWorld world;
  TokenCache& cache = world.cache();
  world.fetch("t", of(world, "bob"));
  for (int i = 0; i < 5'000; ++i) world.fetch("t" + std::to_string(i), of(world, "somebody"));
  const std::size_t most = cache.purge_counts().kept_most;
  const auto say = [&](std::size_t client) {
    oauth::Signal signal = by_sub(SignalKind::kCutOff, "alice");
    signal.match.client_id = "client " + std::to_string(client);
    cache.enter_purge(0, signal, world.now);
  };
  for (std::size_t i = 0; i < most - 1; ++i) say(i);
  CHECK(cache.purge_counts().live == 1);
  CHECK_FALSE(cache.sweep_behind());
  say(most - 1);
  CHECK(cache.sweep_behind());
  const std::size_t filter_most = cache.purge_counts().filter_most;
  for (std::size_t i = 0; i < filter_most + 1000; ++i) say(most + i);
  cache.barrier();
  CHECK(cache.purge_counts().floors_raised == 0);
  CHECK(world.outcome("t") == LookupOutcome::kHit);
  // Those that found no entry hold all of alice's: nothing is stored, whatever its client.
  oauth::IntrospectionAnswer late = of(world, "alice");
  late.client_id = "client " + std::to_string(most + 7);
  CHECK(world.fetch("a", late).outcome == CommitOutcome::kRefusedPurge);
  late.client_id = "client 7";
  CHECK(world.fetch("b", late).purge.dead);
  sweep(world);
  CHECK_FALSE(cache.sweep_behind());   // full as before, but what is oldest may go in its time
  apply(world, by_sub(SignalKind::kHold, "carol"));
  CHECK_FALSE(cache.sweep_behind());
}

}  // namespace introspectd::cache
