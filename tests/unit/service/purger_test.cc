#include "service/purger.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "../counting.h"
#include "service_world.h"

namespace introspectd::service {
namespace {

using oauth::Signal;
using oauth::SignalKind;
using testing::request_for;
using testing::ServiceWorld;
using testing::upstream_reply;
using testing::Wire;

bool has(const Wire& wire, std::string_view text) { return wire.written.find(text) != std::string::npos; }

std::string active(std::string_view claims) { return R"({"active":true,"iat":1799999000,)" + std::string(claims) + "}"; }

Signal by_sub(SignalKind kind, std::string sub) {
  Signal signal;
  signal.kind = kind;
  signal.match.sub = std::move(sub);
  signal.event_time = 1'799'999'000;
  return signal;
}

std::uint64_t count_of(ServiceWorld& world, Counter counter) {
  return world.node->figures().counters[static_cast<std::size_t>(counter)];
}

// Asks, and answers as the AS; -1: nobody was asked.
void fetch(ServiceWorld& world, Wire& wire, const std::string& token, std::string_view claims) {
  const std::size_t call = world.upstream.calls.size();
  wire.written.clear();
  world.arrive(wire, request_for(token));
  if (world.upstream.calls.size() > call) world.answer(call, upstream_reply(200, active(claims)));
}

void pass(ServiceWorld& world, Duration d) {
  world.loop.time = {world.loop.time.mono + d, world.loop.time.wall + d};
}

}  // namespace

TEST_CASE("purger: signals of every kind in one call cost one barrier, and are counted by what they name (I5)") {
  ServiceWorld world;
  Purger& purger = world.node->purger();
  std::array<Signal, 8> signals;
  for (Signal& signal : signals) signal.kind = SignalKind::kHold;
  signals[0].match.sub = "a";
  signals[1].match = {"a", "s", {}, {}};
  signals[2].match.client_id = "c";
  signals[3].match.jti = "j";
  signals[4].kind = SignalKind::kCutOff;
  signals[5].kind = SignalKind::kForgetNegatives;
  signals[6].kind = SignalKind::kFlush;
  signals[7] = by_sub(SignalKind::kLogout, "b");
  const std::uint64_t locks = testing::mutex_locks();
  const Purger::Applied applied = purger.apply(0, signals, true);
  const std::uint64_t locks_after = testing::mutex_locks();
  CHECK(locks_after - locks == (testing::counts() ? world.node->cache().shard_count() : 0U));
  CHECK(applied.last - applied.first == 7);
  CHECK(count_of(world, Counter::kPurgesBySub) == 2);
  CHECK(count_of(world, Counter::kPurgesBySid) == 1);
  CHECK(count_of(world, Counter::kPurgesByClientId) == 1);
  CHECK(count_of(world, Counter::kPurgesByJti) == 1);
  CHECK(count_of(world, Counter::kPurgesIssuedBefore) == 1);
  CHECK(count_of(world, Counter::kForgottenNegatives) == 1);
  CHECK(count_of(world, Counter::kFlushes) == 1);
}

TEST_CASE("purger: no signals purge nothing, and who waits is told so in a later turn") {
  ServiceWorld world;
  const Purger::Applied applied = world.node->purger().apply(0, {}, true);
  CHECK(applied.last == 0);
  std::uint64_t records = 99;
  world.node->purger().when_swept(applied, [&](std::uint64_t swept) { records = swept; });
  CHECK(records == 99);
  world.loop.run_posted();
  CHECK(records == 0);
}

TEST_CASE("purger: who waits for the sweep is told how many records these purges dropped") {
  ServiceWorld world;
  Wire& wire = world.connect();
  for (int i = 0; i < 300; ++i) fetch(world, wire, "a" + std::to_string(i), R"("sub":"alice")");
  for (int i = 0; i < 20; ++i) fetch(world, wire, "b" + std::to_string(i), R"("sub":"bob")");
  const Signal alice = by_sub(SignalKind::kCutOff, "alice");
  const Signal bob = by_sub(SignalKind::kHold, "bob");
  std::uint64_t alices = 0;
  std::uint64_t bobs = 0;
  Purger& purger = world.node->purger();
  purger.when_swept(purger.apply(0, {&alice, 1}, true), [&](std::uint64_t records) { alices = records; });
  purger.when_swept(purger.apply(0, {&bob, 1}, true), [&](std::uint64_t records) { bobs = records; });
  CHECK(alices == 0);
  world.loop.run_posted();
  CHECK(alices == 300);
  CHECK(bobs == 20);
  CHECK(count_of(world, Counter::kSweptRecords) == 320);
  CHECK(world.node->figures().cache.entries == 0);
}

TEST_CASE("purger: the sweep works a bounded share of each turn, and stops when nothing is live") {
  ServiceWorld world;
  Wire& wire = world.connect();
  for (int i = 0; i < 6000; ++i) fetch(world, wire, std::to_string(i), R"("sub":"alice")");
  REQUIRE(world.node->figures().cache.entries > Sweeper::kRecordsATurn);
  const Signal alice = by_sub(SignalKind::kHold, "alice");
  world.node->purger().apply(0, {&alice, 1}, true);
  constexpr std::uint64_t kCost = 1 + cache::TokenCache::kDropCost;
  int turns = 0;
  while (!world.loop.tasks.empty()) {
    REQUIRE(world.loop.tasks.size() == 1);   // one of its own, not one a purge
    const std::uint64_t before = count_of(world, Counter::kSweptRecords);
    auto task = std::move(world.loop.tasks.front());
    world.loop.tasks.pop_front();
    task();
    CHECK((count_of(world, Counter::kSweptRecords) - before) * kCost <=
          Sweeper::kRecordsATurn + cache::TokenCache::kSliceRecords * kCost);
    ++turns;
  }
  CHECK(turns == 6);   // 6,000 of them, each dropped
  CHECK(world.node->cache().purge_counts().live == 0);
}

TEST_CASE("purger: a purge by claim is judged at the flight's end: before it answered, after it a successor (I3)") {
  ServiceWorld world;
  Wire& before = world.connect();
  Wire& after = world.connect();
  world.arrive(before, request_for("t"));
  const Signal hold = by_sub(SignalKind::kHold, "alice");
  world.node->purger().apply(0, {&hold, 1}, true);
  world.arrive(after, request_for("t"));               // joins: nobody knows yet whose token it is
  REQUIRE(world.upstream.calls.size() == 1);
  world.answer(0, upstream_reply(200, active(R"("sub":"alice","n":1)")));
  CHECK(has(before, R"("n":1)"));
  CHECK(after.written.empty());
  REQUIRE(world.upstream.calls.size() == 2);
  world.answer(1, upstream_reply(200, active(R"("sub":"alice","n":2)")));
  CHECK(has(after, R"("n":2)"));
  CHECK(count_of(world, Counter::kSuccessorFlights) == 1);
  fetch(world, before, "t", R"("sub":"alice","n":3)");  // within the hold: asked again
  CHECK(world.upstream.calls.size() == 3);
  pass(world, std::chrono::seconds{11});
  fetch(world, before, "t", R"("sub":"alice","n":4)");
  fetch(world, before, "t", "");
  CHECK(world.upstream.calls.size() == 4);
  CHECK(has(before, R"("n":4)"));
}

TEST_CASE("purger: a cut-off that comes during a flight makes its answer false for everybody (I4)") {
  ServiceWorld world;
  Wire& before = world.connect();
  Wire& after = world.connect();
  world.arrive(before, request_for("t"));
  const Signal cut_off = by_sub(SignalKind::kCutOff, "alice");
  world.node->purger().apply(0, {&cut_off, 1}, true);
  world.arrive(after, request_for("t"));
  world.answer(0, upstream_reply(200, active(R"("sub":"alice")")));
  CHECK(has(before, R"({"active":false})"));
  CHECK(has(after, R"({"active":false})"));
  CHECK(world.upstream.calls.size() == 1);
}

TEST_CASE("purger: a logout that the AS's answer can only match by sub is counted (STD 5.29)") {
  ServiceWorld world;
  Wire& wire = world.connect();
  fetch(world, wire, "t", R"("sub":"alice")");
  Signal logout = by_sub(SignalKind::kLogout, "alice");
  logout.match.sid = "s1";
  world.node->purger().apply(0, {&logout, 1}, true);
  world.loop.run_posted();
  CHECK(count_of(world, Counter::kMatchedBySub) == 1);   // the record that the sweep dropped
  fetch(world, wire, "t", R"("sub":"alice")");
  CHECK(has(wire, R"({"active":false})"));
  CHECK(count_of(world, Counter::kMatchedBySub) == 2);
}

}  // namespace introspectd::service
