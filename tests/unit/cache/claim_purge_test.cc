#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "cache_world.h"

namespace introspectd::cache {
namespace {

using oauth::Signal;
using oauth::SignalKind;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::CacheWorld;

constexpr std::int64_t kIssued = 1'799'999'000;

oauth::IntrospectionAnswer of(CacheWorld& world, std::string sub, std::string sid = {}, std::int64_t iat = kIssued) {
  oauth::IntrospectionAnswer answer = world.active();
  answer.sub = std::move(sub);
  answer.sid = std::move(sid);
  answer.client_id = "shop";
  if (iat != 0) answer.iat = iat;
  return answer;
}

Signal by_sub(SignalKind kind, std::string sub, std::int64_t event_time = kIssued) {
  Signal signal;
  signal.kind = kind;
  signal.match.sub = std::move(sub);
  signal.event_time = event_time;
  return signal;
}

Seq apply(CacheWorld& world, const Signal& signal, ServerId server = 0) {
  const Seq seq = world.cache().enter_purge(server, signal, world.now);
  world.cache().barrier();
  return seq;
}

std::vector<Seq> sweep(CacheWorld& world) {
  std::vector<Seq> dropped;
  std::array<Seq, TokenCache::kSliceRecords> by{};
  while (world.cache().sweep_wanted()) {
    const TokenCache::SweepSlice slice = world.cache().sweep_slice(world.now, by);
    dropped.insert(dropped.end(), by.begin(), by.begin() + static_cast<std::ptrdiff_t>(slice.dropped));
  }
  return dropped;
}

}  // namespace

TEST_CASE("claim purge: a purge by sub hides every record of the sub at once, and the sweep drops them (I1, F104)") {
  CacheWorld world;
  for (int i = 0; i < 100; ++i) world.fetch("alice" + std::to_string(i), of(world, "alice"));
  world.fetch("bob", of(world, "bob"));
  const Seq seq = apply(world, by_sub(SignalKind::kHold, "alice"));
  CHECK(world.outcome("alice0") == LookupOutcome::kMiss);
  CHECK(world.outcome("alice99") == LookupOutcome::kMiss);
  CHECK(world.outcome("bob") == LookupOutcome::kHit);
  const std::vector<Seq> dropped = sweep(world);
  CHECK(dropped == std::vector<Seq>(100, seq));
  CHECK(world.cache().counts().purged == 100);
  CHECK(world.outcome("alice0") == LookupOutcome::kMiss);
  CHECK(world.outcome("bob") == LookupOutcome::kHit);
}

TEST_CASE("claim purge: what started before is not stored, what starts within the hold neither, after it is (I2)") {
  CacheWorld world;
  const Ticket before = world.begin("t");
  apply(world, by_sub(SignalKind::kHold, "alice"));
  const TokenCache::Commit older = world.end(before, of(world, "alice"));
  CHECK(older.outcome == CommitOutcome::kRefusedPurge);
  CHECK(older.worth.active);
  CHECK_FALSE(older.purge.dead);
  CHECK(judge_waiter(before.seq, before.seq, older.purge) == WaiterFate::kAnswer);
  CHECK(judge_waiter(before.seq, older.purge.newest, older.purge) == WaiterFate::kSuccessor);
  world.pass(milliseconds{9'984});
  const Ticket within = world.begin("t");
  world.pass(seconds{1});   // its answer comes after the hold's end
  const TokenCache::Commit held = world.end(within, of(world, "alice"));
  CHECK(held.outcome == CommitOutcome::kRefusedPurge);
  CHECK(judge_waiter(within.seq, within.seq + 5, held.purge) == WaiterFate::kAnswer);
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
  CHECK(world.fetch("t", of(world, "alice")).outcome == CommitOutcome::kStored);
  CHECK(world.outcome("t") == LookupOutcome::kHit);
}

TEST_CASE("claim purge: a cut-off kills what was issued at its time or before, and spares the next second (I4)") {
  CacheWorld world;
  apply(world, by_sub(SignalKind::kCutOff, "alice", kIssued));
  CHECK(world.fetch("old", of(world, "alice", {}, kIssued - 1)).purge.dead);
  CHECK(world.fetch("same", of(world, "alice", {}, kIssued)).purge.dead);
  CHECK(world.outcome("same") == LookupOutcome::kMiss);
  const TokenCache::Commit login = world.fetch("new", of(world, "alice", {}, kIssued + 1));
  CHECK(login.outcome == CommitOutcome::kStored);
  CHECK_FALSE(login.purge.dead);
  CHECK(world.outcome("new") == LookupOutcome::kHit);
  world.pass(minutes{10} - milliseconds{32});
  CHECK(world.fetch("late", of(world, "alice")).purge.dead);
  world.pass(milliseconds{80});
  CHECK_FALSE(world.fetch("later", of(world, "alice")).purge.dead);
}

}  // namespace introspectd::cache
