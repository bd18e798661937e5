#include "service/sweeper.h"

#include <doctest/doctest.h>

#include <string>

#include "service_world.h"

namespace introspectd::service {
namespace {

using oauth::Signal;
using testing::request_for;
using testing::ServiceWorld;
using testing::upstream_reply;
using testing::Wire;

Signal hold_of(std::string sub) {
  Signal signal;
  signal.match.sub = std::move(sub);
  return signal;
}

// So many tokens of bob's, whom nobody purges.
void fill(ServiceWorld& world, int count) {
  Wire& wire = world.connect();
  for (int i = 0; i < count; ++i) {
    wire.written.clear();
    world.arrive(wire, request_for(std::to_string(i)));
    world.answer(world.upstream.calls.size() - 1, upstream_reply(200, R"({"active":true,"sub":"bob"})"));
  }
}

}  // namespace

TEST_CASE("sweeper: laps follow each other no faster than its share of a core allows, and go on (I35)") {
  ServiceWorld world;
  fill(world, 6000);
  const Signal alice = hold_of("alice");
  constexpr std::uint64_t kSeconds = 5;
  for (int i = 0; i < 500; ++i) {   // a purge each 10 ms: laps without a pause would check 600,000 a second
    world.node->purger().apply(0, {&alice, 1}, true);
    world.loop.advance(std::chrono::milliseconds{10});
  }
  const cache::TokenCache::PurgeCounts counts = world.node->cache().purge_counts();
  CHECK(counts.checked_records <= (kSeconds + 1) * Sweeper::kRecordsASecond + Sweeper::kRecordsATurn);
  CHECK(counts.checked_records > kSeconds * Sweeper::kRecordsASecond);
  CHECK(counts.laps > 300);
  world.loop.advance(std::chrono::seconds{1});
  CHECK_FALSE(world.node->cache().sweep_wanted());
}

TEST_CASE("sweeper: what a storm took is not owed: the next purge is swept at the usual pace (I35)") {
  ServiceWorld world;
  fill(world, 6000);
  std::uint64_t said = 0;
  for (int ms = 0; ms < 3000; ++ms) {
    for (int i = 0; i < 200; ++i) {
      const Signal user = hold_of("u" + std::to_string(said++ % 3000));
      world.node->purger().apply(0, {&user, 1}, true);
    }
    world.loop.advance(std::chrono::milliseconds{1});
  }
  CHECK(world.node->cache().purge_counts().checked_records > 4 * Sweeper::kRecordsASecond);
  world.loop.advance(std::chrono::milliseconds{200});
  CHECK_FALSE(world.node->cache().sweep_wanted());
  const Signal alice = hold_of("alice");
  world.node->purger().apply(0, {&alice, 1}, true);
  world.loop.advance(std::chrono::milliseconds{200});
  CHECK_FALSE(world.node->cache().sweep_wanted());
}

TEST_CASE("sweeper: live purges that come faster than its share are swept faster, before a floor rises (I6)") {
  ServiceWorld world;
  fill(world, 6000);
  std::uint64_t said = 0;
  for (int ms = 0; ms < 1000; ++ms) {
    for (int i = 0; i < 200; ++i) {   // again and again the same 3,000: the memory of purges takes them
      const Signal user = hold_of("u" + std::to_string(said++ % 3000));
      world.node->purger().apply(0, {&user, 1}, true);
    }
    world.loop.advance(std::chrono::milliseconds{1});
  }
  const cache::TokenCache::PurgeCounts counts = world.node->cache().purge_counts();
  CHECK(counts.floors_raised == 0);
  CHECK(counts.checked_records > 2 * Sweeper::kRecordsASecond);
}

TEST_CASE("sweeper: purges that fill the memory of purges under one live tag are swept without a pause (I6)") {
  ServiceWorld world;
  fill(world, 6000);
  Signal signal = hold_of("alice");
  const auto say = [&](int client) {
    signal.match.client_id = std::to_string(client);
    world.node->purger().apply(0, {&signal, 1}, true);
  };
  for (int i = 0; i < 300; ++i) {   // until the allowance is used up
    say(0);
    world.loop.advance(std::chrono::milliseconds{10});
  }
  const auto most = static_cast<int>(world.node->cache().purge_counts().kept_most);
  for (int i = 1; i < most - 1; ++i) say(i);
  world.loop.advance(std::chrono::milliseconds{1});
  REQUIRE(world.node->cache().purge_counts().kept == static_cast<std::size_t>(most - 1));
  REQUIRE(world.node->cache().sweep_wanted());
  say(most);
  REQUIRE(world.node->cache().sweep_behind());
  world.loop.advance(std::chrono::milliseconds{2});
  CHECK_FALSE(world.node->cache().sweep_wanted());
  CHECK(world.node->cache().purge_counts().floors_raised == 0);
}

}  // namespace introspectd::service
