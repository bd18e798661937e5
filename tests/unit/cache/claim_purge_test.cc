#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "claim_words.h"

namespace introspectd::cache {
namespace {

using oauth::Signal;
using oauth::SignalKind;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::apply;
using testing::by_sub;
using testing::CacheWorld;
using testing::kIssued;
using testing::of;
using testing::sweep;

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

TEST_CASE("claim purge: what seems to be issued after the cut-off is asked again once, then it lives (F107)") {
  CacheWorld world;
  world.fetch("new", of(world, "alice", {}, kIssued + 1));
  world.fetch("old", of(world, "alice", {}, kIssued));
  const Seq seq = apply(world, by_sub(SignalKind::kCutOff, "alice", kIssued));
  CHECK(world.outcome("new") == LookupOutcome::kMiss);
  CHECK(sweep(world) == std::vector<Seq>{seq, seq});
  CHECK(world.outcome("new") == LookupOutcome::kMiss);
  CHECK(world.outcome("old") == LookupOutcome::kMiss);
  CHECK(world.fetch("new", of(world, "alice", {}, kIssued + 1)).outcome == CommitOutcome::kStored);
  CHECK(world.fetch("old", of(world, "alice", {}, kIssued)).purge.dead);
  CHECK(sweep(world).empty());
  CHECK(world.outcome("new") == LookupOutcome::kHit);
}

TEST_CASE("claim purge: without iat a cut-off asks within the hold only") {
  CacheWorld world;
  world.fetch("t", of(world, "alice", {}, 0));
  apply(world, by_sub(SignalKind::kCutOff, "alice", kIssued));
  sweep(world);
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
  const TokenCache::Commit held = world.fetch("t", of(world, "alice", {}, 0));
  CHECK(held.outcome == CommitOutcome::kRefusedPurge);
  CHECK_FALSE(held.purge.dead);
  world.pass(seconds{10} + milliseconds{32});
  CHECK(world.fetch("t", of(world, "alice", {}, 0)).outcome == CommitOutcome::kStored);
}

TEST_CASE("claim purge: a logout kills within its hold; offline_access is asked and not stored; then the AS decides") {
  CacheWorld world;
  oauth::IntrospectionAnswer online = of(world, "alice");
  oauth::IntrospectionAnswer offline = of(world, "alice");
  offline.offline_access = true;
  world.fetch("online", online);
  world.fetch("offline", offline);
  apply(world, by_sub(SignalKind::kLogout, "alice", kIssued));
  CHECK(sweep(world).size() == 2);
  CHECK(world.fetch("online", online).purge.dead);
  const TokenCache::Commit asked = world.fetch("offline", offline);
  CHECK_FALSE(asked.purge.dead);
  CHECK(asked.outcome == CommitOutcome::kRefusedPurge);
  CHECK(world.fetch("login", of(world, "alice", {}, kIssued + 1)).outcome == CommitOutcome::kStored);
  world.pass(seconds{10} + milliseconds{32});
  CHECK(world.fetch("online", online).outcome == CommitOutcome::kStored);
  CHECK(world.fetch("offline", offline).outcome == CommitOutcome::kStored);
}

TEST_CASE("claim purge: a session is named by its sid; answers without one are matched by sub, which is said (STD 5.29)") {
  CacheWorld world;
  world.fetch("session", of(world, "alice", "s1"));
  world.fetch("other session", of(world, "alice", "s2"));
  world.fetch("no sid", of(world, "alice"));
  world.fetch("bob", of(world, "bob"));
  Signal logout = by_sub(SignalKind::kLogout, "alice");
  logout.match.sid = "s1";
  apply(world, logout);
  CHECK(sweep(world).size() == 2);
  CHECK(world.outcome("session") == LookupOutcome::kMiss);
  CHECK(world.outcome("no sid") == LookupOutcome::kMiss);
  CHECK(world.outcome("other session") == LookupOutcome::kHit);
  CHECK(world.outcome("bob") == LookupOutcome::kHit);
  CHECK(world.fetch("no sid", of(world, "alice")).by_sub);
  CHECK_FALSE(world.fetch("session", of(world, "alice", "s1")).by_sub);
  CHECK(world.fetch("session", of(world, "alice", "s1")).purge.dead);
  CHECK_FALSE(world.fetch("other session", of(world, "alice", "s2")).purge.dead);
}

TEST_CASE("claim purge: sub and client_id narrow each other; each alone is wide; jti is one token") {
  CacheWorld world;
  oauth::IntrospectionAnswer elsewhere = of(world, "alice");
  elsewhere.client_id = "bank";
  Signal of_client = by_sub(SignalKind::kHold, "alice");
  of_client.match.client_id = "shop";
  world.fetch("shop", of(world, "alice"));
  world.fetch("bank", elsewhere);
  apply(world, of_client);
  CHECK(sweep(world).size() == 1);
  CHECK(world.outcome("shop") == LookupOutcome::kMiss);
  CHECK(world.outcome("bank") == LookupOutcome::kHit);
  oauth::IntrospectionAnswer named = elsewhere;
  named.jti = "j1";
  world.fetch("named", named);
  Signal by_jti;
  by_jti.match.jti = "j1";
  apply(world, by_jti);
  CHECK(world.outcome("named") == LookupOutcome::kMiss);
  CHECK(world.outcome("bank") == LookupOutcome::kHit);
  Signal by_client;
  by_client.match.client_id = "bank";
  apply(world, by_client);
  CHECK(world.outcome("bank") == LookupOutcome::kMiss);
}

TEST_CASE("claim purge: a purge of one server touches no other, by claim or as a whole") {
  CacheOptions options;
  options.servers = 2;
  CacheWorld world(options);
  for (const ViewId view : {ViewId{0}, ViewId{1}}) world.fetch("t", of(world, "alice"), view);
  apply(world, by_sub(SignalKind::kCutOff, "alice"), 0);
  CHECK(world.outcome("t", 0) == LookupOutcome::kMiss);
  CHECK(world.outcome("t", 1) == LookupOutcome::kHit);
  CHECK(sweep(world).size() == 1);
  CHECK_FALSE(world.fetch("u", of(world, "alice"), 1).purge.dead);
  Signal all;
  all.kind = SignalKind::kFlush;
  apply(world, all, 0);
  CHECK(world.outcome("t", 1) == LookupOutcome::kHit);
}

TEST_CASE("claim purge: issued-before kills what the AS issued by then, spares the rest, and only moves forward") {
  CacheWorld world;
  world.fetch("old", of(world, "alice", {}, kIssued));
  world.fetch("new", of(world, "bob", {}, kIssued + 1));
  world.fetch("undated", of(world, "carol", {}, 0));
  Signal before;
  before.kind = SignalKind::kCutOff;
  before.event_time = kIssued;
  apply(world, before);
  CHECK(world.outcome("old") == LookupOutcome::kMiss);
  CHECK(world.outcome("new") == LookupOutcome::kHit);
  CHECK(world.outcome("undated") == LookupOutcome::kMiss);
  CHECK(sweep(world).size() == 2);
  CHECK(world.fetch("undated", of(world, "carol", {}, 0)).outcome == CommitOutcome::kRefusedPurge);
  before.event_time = kIssued - 100;
  apply(world, before);
  CHECK(world.fetch("old", of(world, "alice", {}, kIssued)).purge.dead);
  world.pass(minutes{30});   // it is never forgotten
  CHECK(world.fetch("old", of(world, "alice", {}, kIssued)).purge.dead);
  CHECK(world.fetch("undated", of(world, "carol", {}, 0)).outcome == CommitOutcome::kStored);
}

TEST_CASE("claim purge: a logout of all sessions floors the AS and kills within the hold") {
  CacheWorld world;
  world.fetch("t", of(world, "alice"));
  Signal logout;
  logout.kind = SignalKind::kLogout;
  logout.event_time = kIssued;
  apply(world, logout);
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
  CHECK(world.fetch("t", of(world, "alice")).purge.dead);
  world.pass(seconds{10} + milliseconds{32});
  CHECK(world.fetch("t", of(world, "alice")).outcome == CommitOutcome::kStored);
}

TEST_CASE("claim purge: forgotten negatives are asked again, and what was under way is not stored (RISC)") {
  CacheWorld world;
  world.fetch("n", CacheWorld::inactive());
  world.fetch("t", of(world, "alice"));
  const Ticket under_way = world.begin("m");
  Signal enabled;
  enabled.kind = SignalKind::kForgetNegatives;
  apply(world, enabled);
  CHECK(world.outcome("n") == LookupOutcome::kMiss);
  CHECK(world.outcome("t") == LookupOutcome::kHit);
  const TokenCache::Commit older = world.end(under_way, CacheWorld::inactive());
  CHECK(older.outcome == CommitOutcome::kRefusedPurge);
  CHECK(judge_waiter(under_way.seq, older.purge.newest, older.purge) == WaiterFate::kSuccessor);
  CHECK(world.outcome("m") == LookupOutcome::kMiss);
  world.fetch("m", CacheWorld::inactive());
  CHECK(world.outcome("m") == LookupOutcome::kNegative);
}

TEST_CASE("claim purge: a taint that was known before is judged together with the claims") {
  CacheWorld world;
  const Ticket flight = world.begin("t");
  apply(world, by_sub(SignalKind::kCutOff, "alice"));
  const TokenCache::Commit commit =
      world.cache().commit(flight, of(world, "alice"), world.now, {flight.seq + 1, false, false});
  CHECK(commit.purge.dead);
  CHECK(commit.outcome == CommitOutcome::kRefusedPurge);
}

TEST_CASE("claim purge: the answer of a call that outlived the memory of purges is not kept (I2, I6, F108)") {
  CacheWorld world;
  const Ticket flight = world.begin("t");
  const Seq seq = apply(world, by_sub(SignalKind::kHold, "alice"));
  sweep(world);
  world.pass(seconds{20});                             // a suspend: the purge's time passes, the call's reply waits
  apply(world, by_sub(SignalKind::kHold, "bob"));      // which makes room by forgetting it
  CHECK(world.cache().purge_counts().kept == 1);
  const TokenCache::Commit late = world.end(flight, of(world, "alice"));
  CHECK(late.outcome == CommitOutcome::kRefusedPurge);
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
  CHECK(judge_waiter(flight.seq, seq, late.purge) == WaiterFate::kSuccessor);
  CHECK(judge_waiter(flight.seq, flight.seq - 1, late.purge) == WaiterFate::kAnswer);
}

TEST_CASE("claim purge: kept purges match again in another process, whatever the order of the configuration") {
  CacheOptions options;
  options.servers = 2;
  options.traits = {{"main", false}, {"partner", false}};
  options.claim_key = {7, 8};
  CacheWorld world(options);
  apply(world, by_sub(SignalKind::kCutOff, "alice"), 1);
  apply(world, by_sub(SignalKind::kHold, "bob"), 1);
  Signal before;
  before.kind = SignalKind::kCutOff;
  before.event_time = kIssued - 500;
  apply(world, before, 0);
  world.purge("dead", 1);
  const std::vector<KeptPurge> kept = world.exported();
  REQUIRE(kept.size() == 5);   // issued-before is also remembered for what has no iat
  std::swap(options.traits[0], options.traits[1]);
  CacheWorld restarted(options);
  for (KeptPurge purge : kept) {
    std::visit([](auto& value) { value.server = value.server == 0 ? ServerId{1} : ServerId{0}; }, purge);
    restarted.cache().import_purge(purge, restarted.now);
  }
  restarted.cache().barrier();
  CHECK(restarted.outcome("dead", 0) == LookupOutcome::kDead);
  CHECK(restarted.outcome("dead", 1) == LookupOutcome::kMiss);
  CHECK(restarted.fetch("a", of(restarted, "alice"), 0).purge.dead);
  CHECK_FALSE(restarted.fetch("a", of(restarted, "alice"), 1).purge.dead);
  CHECK(restarted.fetch("b", of(restarted, "bob"), 0).outcome == CommitOutcome::kRefusedPurge);
  CHECK(restarted.fetch("c", of(restarted, "carol", {}, kIssued - 500), 1).purge.dead);
  CHECK(restarted.fetch("d", of(restarted, "carol", {}, kIssued - 499), 1).outcome == CommitOutcome::kStored);
  CHECK(restarted.exported().size() == kept.size());
}

}  // namespace introspectd::cache
