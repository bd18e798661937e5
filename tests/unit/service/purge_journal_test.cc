#include "service/purge_journal.h"

#include <doctest/doctest.h>

#include "journal_world.h"
#include "service/durable_relay.h"

namespace introspectd::testing {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

}  // namespace

TEST_CASE("purge_journal: dead tokens, cut-offs and holds come back after a start, determinations do not (I4, I52)") {
  Lives life;
  life->world->now = life.loop.now();
  life->world->fetch("kept", life->world->active());
  life->world->purge("dead");
  life->apply(cut_off("alice", kIssued));
  life->apply(cut_off("", kIssued - 100));
  REQUIRE(life->save());
  life.again();
  CHECK(life->is_dead("dead"));
  CHECK(life->is_cut_off("alice", kIssued));
  CHECK_FALSE(life->is_cut_off("alice", kIssued + 1));
  CHECK_FALSE(life->is_cut_off("bob", kIssued));
  CHECK(life->is_cut_off("bob", kIssued - 100));
  CHECK(life->world->outcome("kept") == cache::LookupOutcome::kMiss);
  CHECK(life->journal->figures().restored == 4);   // the cut-off of the whole AS is a mark and a hold
}

TEST_CASE("purge_journal: what was not saved is lost by a crash, but a cut-off is durable when it is acknowledged") {
  Lives life;
  REQUIRE(life->save());
  life->world->now = life.loop.now();
  life->world->purge("dead");
  life->apply(cut_off("alice", kIssued));
  REQUIRE(life->keep_cut_offs());
  CHECK(life.disk.appends == 1);
  life.again();
  CHECK_FALSE(life->is_dead("dead"));
  CHECK(life->is_cut_off("alice", kIssued));
}

TEST_CASE("purge_journal: the first cut-off of a life writes the whole, since nothing stands behind a torn end") {
  Lives life;
  life->apply(cut_off("alice", kIssued));
  REQUIRE(life->keep_cut_offs());
  CHECK(life.disk.appends == 0);
  life.again();
  CHECK(life->is_cut_off("alice", kIssued));
}

TEST_CASE("purge_journal: a purge that was over meanwhile is dropped, and one that was not lasts as long as it had") {
  Lives life;
  life->world->now = life.loop.now();
  life->world->purge("dead");
  REQUIRE(life->save());
  life.loop.run_for(minutes{9});
  life.again();
  CHECK(life->is_dead("dead"));
  REQUIRE(life->save());
  life.loop.run_for(minutes{2});
  CHECK_FALSE(life->is_dead("dead"));
  life.again();
  CHECK(life->journal->figures().restored == 0);
  CHECK(life->journal->figures().dropped == 1);
}

TEST_CASE("purge_journal: a wall clock that was set back shortens nothing (I11)") {
  Lives life;
  life->world->now = life.loop.now();
  life->world->purge("dead");
  REQUIRE(life->save());
  life.loop.wall_ahead = -hours{10};
  life.again();
  CHECK(life->is_dead("dead"));
  life.loop.run_for(minutes{10} + seconds{1});
  CHECK_FALSE(life->is_dead("dead"));
}

TEST_CASE("purge_journal: ASs are known by their names, those that are gone are dropped") {
  Lives life;
  life->world->now = life.loop.now();
  life->world->purge("dead of main", 0);
  life->world->purge("dead of other", 1);
  const oauth::Signal signal = cut_off("alice", kIssued);
  life->apply(1, std::span(&signal, 1));
  REQUIRE(life->save());
  life.again({"other", "third"});
  CHECK(life->is_dead("dead of other", 0));
  CHECK_FALSE(life->is_dead("dead of main", 0));
  CHECK_FALSE(life->is_dead("dead of main", 1));
  CHECK(life->is_cut_off("alice", kIssued, 0));
  CHECK_FALSE(life->is_cut_off("alice", kIssued, 1));
  CHECK(life->journal->figures().dropped == 1);
}

TEST_CASE("purge_journal: a damaged file is refused aloud, and the next snapshot replaces it") {
  Lives life;
  life->world->now = life.loop.now();
  life->world->purge("dead");
  REQUIRE(life->save());
  SUBCASE("its head") { life.disk.files.at("purges")[15] ^= 1; }
  SUBCASE("all of it") { life.disk.files.at("purges") = "not ours"; }
  SUBCASE("one that cannot be read") { life.disk.files.at("purges").clear(); }
  life.again();
  CHECK(life->journal->figures().refused);
  CHECK(life->sink.text.find("kept purges unreadable") != std::string::npos);
  CHECK_FALSE(life->is_dead("dead"));
  life->world->purge("another");
  CHECK(life->save());
  life.again();
  CHECK(life->is_dead("another"));
}

TEST_CASE("purge_journal: half an append at the end is passed over") {
  Lives life;
  REQUIRE(life->save());
  life->apply(cut_off("alice", kIssued));
  REQUIRE(life->keep_cut_offs());
  life->apply(cut_off("bob", kIssued));
  life.disk.half_lands = true;
  life->journal->keep_cut_offs([](bool) {});   // the crash comes before it is done
  life.again();
  CHECK(life->is_cut_off("alice", kIssued));
  CHECK_FALSE(life->is_cut_off("bob", kIssued));
  CHECK(life->sink.text.find("kept purges torn") != std::string::npos);
  life->apply(cut_off("carol", kIssued));
  REQUIRE(life->keep_cut_offs());
  life.again();
  CHECK(life->is_cut_off("alice", kIssued));
  CHECK(life->is_cut_off("carol", kIssued));
}

TEST_CASE("purge_journal: a failing disk is told, and a cut-off not acknowledged, until it works") {
  Lives life;
  REQUIRE(life->save());
  life.disk.failing = life.disk.half_lands = true;
  life->apply(cut_off("alice", kIssued));
  CHECK_FALSE(life->keep_cut_offs());
  CHECK(life->journal->figures().failing);
  life.disk.failing = false;
  life->apply(cut_off("bob", kIssued));
  CHECK(life->keep_cut_offs());
  CHECK_FALSE(life->journal->figures().failing);
  life.again();
  CHECK(life->is_cut_off("alice", kIssued));
  CHECK(life->is_cut_off("bob", kIssued));
}

TEST_CASE("purge_journal: nothing is written while nothing changes") {
  Lives life;
  life->journal->start();
  life.loop.run_for(seconds{6});
  const std::uint64_t writes = life.disk.replaces;
  life.loop.run_for(minutes{1});
  CHECK(life.disk.replaces == writes);
  life->world->now = life.loop.now();
  life->world->purge("dead");
  life.loop.run_for(seconds{6});
  CHECK(life.disk.replaces == writes + 1);
}

TEST_CASE("purge_journal: purges by claim need the claim key that made their tags; dead tokens do not") {
  Lives life;
  life->world->now = life.loop.now();
  life->world->purge("dead");
  life->apply(cut_off("alice", kIssued));
  REQUIRE(life->save());
  life.disk.files.at("claim.key") = "broken";
  life.again();
  CHECK(life->sink.text.find("claim key unreadable") != std::string::npos);
  CHECK(life->sink.text.find("another claim key") != std::string::npos);
  CHECK(life->is_dead("dead"));
  CHECK_FALSE(life->is_cut_off("alice", kIssued));
}

TEST_CASE("purge_journal: a logout is durable when it is acknowledged, as a cut-off is; its hold begins anew") {
  Lives life;
  REQUIRE(life->save());
  const auto kept = life->keep(logout("alice", kIssued));
  CHECK_FALSE(kept->has_value());
  life.loop.run_for(milliseconds{10});
  CHECK(*kept == std::optional(true));
  CHECK(life.disk.appends == 1);
  life.again();
  CHECK(life->is_cut_off("alice", kIssued));
  CHECK_FALSE(life->is_cut_off("alice", kIssued + 1));
  life.loop.run_for(seconds{11});
  CHECK_FALSE(life->is_cut_off("alice", kIssued));
}

TEST_CASE("durable_relay: alone, a cut-off waits for the disk, everything else for nothing, and proofs count at once") {
  Lives life;
  REQUIRE(life->save());
  std::vector<MonoTime> proofs;
  service::DurableRelay relay(life.loop, [&proofs](cache::ServerId, MonoTime dated) { proofs.push_back(dated); });
  relay.use(life->journal.get(), nullptr, nullptr);
  std::optional<bool> done;
  relay.relay_signed({}, [&done](bool durable) { done = durable; });
  CHECK(done == std::optional(true));
  life->apply(cut_off("alice", kIssued));
  done.reset();
  relay.relay_signed({}, [&done](bool durable) { done = durable; });
  CHECK_FALSE(done.has_value());
  life.loop.run_for(milliseconds{10});
  CHECK(done == std::optional(true));
  relay.relay_proof(0, seconds{2});
  CHECK(proofs == std::vector{life.loop.now().mono - seconds{2}});
}

TEST_CASE("durable_relay: the event that brings a word of the stream waits for it too; with a disk that fails it is not durable") {
  Lives life;
  REQUIRE(life->save());
  service::KeptStreams streams(life.loop, {"main"}, life->storage.get(), Log(life->sink));
  service::DurableRelay relay(life.loop, [](cache::ServerId, MonoTime) {});
  relay.use(life->journal.get(), &streams, nullptr);
  const auto relayed = [&](Duration after) {
    auto done = std::make_shared<std::optional<bool>>();
    relay.relay_signed({}, [done](bool durable) { *done = durable; });
    life.loop.run_for(after);
    return *done;
  };
  streams.hear(0, true, 100);
  life->apply(cut_off("alice", kIssued));
  CHECK_FALSE(relayed(Duration{}).has_value());
  std::optional<bool> other;
  relay.relay_unsigned(0, service::EventOrigin::kAdmin, {}, [&other](bool durable) { other = durable; });
  CHECK(other == std::optional(true));          // it brings none
  life.loop.run_for(milliseconds{10});
  CHECK_FALSE(streams.has_words());
  life.disk.failing = true;
  streams.hear(0, false, 101);
  CHECK(relayed(milliseconds{10}) == std::optional(false));
  std::optional<bool> all;
  relay.keep_all([&all](bool durable) { all = durable; });
  life.loop.run_for(milliseconds{10});
  CHECK(all == std::optional(false));
  life.disk.failing = false;
  streams.hear(0, false, 101);                  // the same event once more
  CHECK(relayed(milliseconds{10}) == std::optional(true));
  relay.keep_all([&all](bool durable) { all = durable; });
  life.loop.run_for(milliseconds{10});
  CHECK(all == std::optional(true));
}

}  // namespace introspectd::testing
