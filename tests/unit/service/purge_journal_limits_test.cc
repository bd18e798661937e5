// What a snapshot holds and how long it takes, and a disk that does not answer.
#include <doctest/doctest.h>

#include "journal_world.h"

namespace introspectd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// More than a slice can hold.
constexpr int kSlices = 4;
constexpr int kManyPurges = kSlices * static_cast<int>(service::PurgeSnapshot::kLooksPerTurn /
                                                       service::PurgeSnapshot::kLooksAPurge);

}  // namespace

TEST_CASE("purge_journal: a snapshot is built over turns, as of its beginning, and loses nothing that comes meanwhile (I35)") {
  Lives life({.cache_bytes = 64U << 20U});
  REQUIRE(life->save());
  for (int i = 0; i < kManyPurges; ++i) life->apply(cut_off("user " + std::to_string(i), kIssued));
  life->purge("dead");
  const std::uint64_t turns = life.loop.turns;
  std::optional<bool> all;
  const std::uint64_t replaces = life.disk.replaces;
  life->journal->keep_all([&all](bool durable) { all = durable; });
  CHECK(life.disk.replaces == replaces);   // it is not built yet
  // Said while it is built: one that the slices have passed already, a new one, and a token.
  const auto again = life->keep(cut_off("user 0", kIssued + 50));
  const auto fresh = life->keep(cut_off("late", kIssued));
  life->purge("late");
  life.loop.run_for(milliseconds{1});
  CHECK(life.disk.replaces == replaces + 1);
  CHECK(life.loop.turns >= turns + kSlices - 1);
  CHECK_FALSE(all.has_value());
  life.loop.run_for(milliseconds{10});
  CHECK(all == std::optional(true));
  CHECK(*again == std::optional(true));
  CHECK(*fresh == std::optional(true));
  life.again();
  CHECK(life->is_dead("dead"));
  CHECK(life->is_cut_off("user 0", kIssued + 50));
  CHECK(life->is_cut_off("user 1", kIssued));
  CHECK(life->is_cut_off("user " + std::to_string(kManyPurges - 1), kIssued));
  CHECK(life->is_cut_off("late", kIssued));
}

TEST_CASE("purge_journal: what was purged while a snapshot was built is in the next one") {
  Lives life({.cache_bytes = 64U << 20U});
  for (int i = 0; i < kManyPurges; ++i) life->apply(cut_off("user " + std::to_string(i), kIssued));
  std::optional<bool> first, second;
  life->journal->keep_all([&first](bool durable) { first = durable; });
  life->purge("late");
  life->journal->keep_all([&second](bool durable) { second = durable; });
  life.loop.run_for(milliseconds{3});
  CHECK(first == std::optional(true));
  CHECK_FALSE(second.has_value());
  life.loop.run_for(milliseconds{10});
  CHECK(second == std::optional(true));
  life.again();
  CHECK(life->is_dead("late"));
}

TEST_CASE("purge_journal: a snapshot ends at its limit; what finds no room holds its server after a start (I6)") {
  constexpr std::size_t kMost = 20'000;
  Lives life({.bytes = kMost});
  SUBCASE("all fits") {
    for (int i = 0; i < 90; ++i) life->purge("dead " + std::to_string(i));   // 72 bytes each
    for (int i = 0; i < 90; ++i) life->apply(cut_off("user " + std::to_string(i), kIssued));   // 108
    REQUIRE(life->save());
    CHECK(life->journal->figures().shed == 0);
    life.again();
    CHECK(life->stores());
    CHECK(life->is_dead("dead 89"));
    CHECK(life->is_cut_off("user 89", kIssued));
  }
  SUBCASE("tokens too many") {
    for (int i = 0; i < 300; ++i) life->purge("dead " + std::to_string(i));
    REQUIRE(life->save());
    const std::uint64_t shed = life->journal->figures().shed;
    CHECK(shed > 0);
    CHECK(shed < 300 - kMost / 80);
    CHECK(life->journal->figures().bytes < kMost + 1000);
    CHECK(life->sink.text.find("purges not kept for want of room") != std::string::npos);
    life.again();
    CHECK(life->journal->figures().restored == 300 - shed + 1);
    CHECK_FALSE(life->stores());
    life.loop.run_for(seconds{11});
    CHECK(life->stores());
  }
  SUBCASE("purges by claim too many: tokens have their half, holds that are over need no other") {
    for (int i = 0; i < 300; ++i) life->apply(cut_off("user " + std::to_string(i), kIssued));
    for (int i = 0; i < 100; ++i) life->purge("dead " + std::to_string(i));
    SUBCASE("within the hold") {
      REQUIRE(life->save());
      CHECK(life->journal->figures().shed > 0);
      life.again();
      CHECK(life->is_dead("dead 0"));
      CHECK(life->is_dead("dead 99"));
      CHECK_FALSE(life->stores());
    }
    SUBCASE("past it") {
      life.loop.run_for(seconds{11});
      REQUIRE(life->save());
      CHECK(life->journal->figures().shed > 0);
      life.again();
      CHECK(life->stores());
    }
  }
}

TEST_CASE("purge_journal: while the disk does not answer, cut-offs wait up to a limit; one more is refused and counted") {
  constexpr std::size_t kMost = 2000;
  Lives life({.cut_off_bytes = kMost});
  REQUIRE(life->save());
  life.disk.hangs = true;
  std::vector<std::shared_ptr<std::optional<bool>>> kept;
  // The first ones are appended, then a snapshot is to have them all, then there is no room.
  while (kept.empty() || !kept.back()->has_value()) {
    REQUIRE(kept.size() < 100);
    kept.push_back(life->keep(cut_off("user " + std::to_string(100 + kept.size()), kIssued)));
    life.loop.run_for(milliseconds{200});
  }
  CHECK(*kept.back() == std::optional(false));
  CHECK(kept.size() > kMost / 200);
  CHECK(life->journal->figures().cut_offs_refused == 1);
  CHECK(*life->keep(cut_off("another", kIssued)) == std::optional(false));
  life.disk.hangs = false;
  life.loop.run_for(seconds{1});
  kept.pop_back();
  for (const auto& one : kept) CHECK(*one == std::optional(true));
  const auto again = life->keep(cut_off("another", kIssued));   // sent again
  life.loop.run_for(milliseconds{10});
  CHECK(*again == std::optional(true));
  life.again();
  for (std::size_t i = 0; i < kept.size(); ++i) CHECK(life->is_cut_off("user " + std::to_string(100 + i), kIssued));
  CHECK(life->is_cut_off("another", kIssued));
}

TEST_CASE("purge_journal: who finds no room waits for the next snapshot, and is refused only when the disk hangs") {
  Lives life({.cut_off_bytes = 300});
  REQUIRE(life->save());
  life.disk.hangs = true;
  std::vector<std::shared_ptr<std::optional<bool>>> kept;
  const std::uint64_t replaces = life.disk.replaces;
  while (life.disk.replaces == replaces) kept.push_back(life->keep(cut_off("user " + std::to_string(kept.size()), kIssued)));
  kept.push_back(life->keep(cut_off("at once", kIssued)));
  life.loop.run_for(service::PurgeJournal::kHangsAfter);
  kept.push_back(life->keep(cut_off("at the last moment", kIssued)));
  for (const auto& one : kept) CHECK_FALSE(one->has_value());
  life.loop.run_for(milliseconds{1});
  CHECK(*life->keep(cut_off("too late", kIssued)) == std::optional(false));
  CHECK(life->journal->figures().cut_offs_refused == 1);
  life.disk.hangs = false;
  life.loop.run_for(milliseconds{20});
  for (const auto& one : kept) CHECK(*one == std::optional(true));
  life.again();
  CHECK(life->is_cut_off("user 0", kIssued));
  CHECK(life->is_cut_off("at the last moment", kIssued));
}

TEST_CASE("purge_journal: more than there is room for while a snapshot is built is in the next one, refused to nobody") {
  Lives life({.cut_off_bytes = 1000, .cache_bytes = 64U << 20U});
  for (int i = 0; i < kManyPurges; ++i) life->apply(cut_off("user " + std::to_string(i), kIssued));
  life->journal->keep_all([](bool) {});
  const std::uint64_t replaces = life.disk.replaces;
  std::vector<std::shared_ptr<std::optional<bool>>> kept;
  for (int i = 0; i < 30; ++i) kept.push_back(life->keep(cut_off("late " + std::to_string(i), kIssued)));
  REQUIRE(life.disk.replaces == replaces);   // it is still being built
  life.loop.run_for(milliseconds{20});
  for (const auto& one : kept) CHECK(*one == std::optional(true));
  CHECK(life->journal->figures().cut_offs_refused == 0);
  life.again();
  for (int i = 0; i < 30; ++i) CHECK(life->is_cut_off("late " + std::to_string(i), kIssued));
}

TEST_CASE("purge_journal: what nobody waits for is appended at its turn's end, and never takes the room of who waits") {
  constexpr std::size_t kMost = 4000;
  Lives life({.cut_off_bytes = kMost});
  REQUIRE(life->save());
  const std::uint64_t replaces = life.disk.replaces;
  const std::uint64_t appends = life.disk.appends;
  const std::size_t file = life.disk.files.at("purges").size();
  SUBCASE("a disk that is well has it all, and no snapshot is needed for that") {
    for (int i = 100; i < 300; ++i) {
      life->apply(cut_off("user " + std::to_string(i), kIssued));
      life.loop.run_for(milliseconds{3});
    }
    CHECK(*life->keep(cut_off("who waits", kIssued)) == std::nullopt);
    life.loop.run_for(milliseconds{3});
    CHECK(life.disk.appends == appends + 201);
    CHECK(life.disk.replaces == replaces);
    life.again();
    CHECK(life->is_cut_off("user 100", kIssued));
    CHECK(life->is_cut_off("user 299", kIssued));
    CHECK(life->is_cut_off("who waits", kIssued));
  }
  SUBCASE("a disk that is slow: half of the room, and the next snapshot for the rest") {
    life.disk.hangs = true;
    for (int i = 100; i < 200; ++i) {
      life->apply(cut_off("user " + std::to_string(i), kIssued));
      life.loop.run_for(milliseconds{1});
    }
    const std::uint64_t others = life.disk.appends - appends;
    const auto waits = life->keep(cut_off("user 200", kIssued));
    CHECK(life.disk.appends == appends + others + 1);
    CHECK(life.disk.replaces == replaces);
    life.disk.hangs = false;
    life.loop.run_for(milliseconds{5});
    CHECK(*waits == std::optional(true));
    const std::size_t size = (life.disk.files.at("purges").size() - file) / (others + 1);
    CHECK(others * size <= kMost / 2);
    CHECK((others + 1) * size > kMost / 2);
    REQUIRE(life->save());
    life.again();
    for (int i = 100; i <= 200; ++i) CHECK(life->is_cut_off("user " + std::to_string(i), kIssued));
  }
}

TEST_CASE("purge_journal: a smaller cache keeps the purges that last longest, and holds the others (I6)") {
  constexpr int kOld = 2000, kAll = 4000;
  Lives life({.cache_bytes = 16U << 20U});
  const auto apply = [&life](int from, int to) {
    for (int i = from; i < to; ++i) life->apply(cut_off("user " + std::to_string(i), kIssued));
  };
  apply(0, kOld);
  life.loop.run_for(seconds{5});
  apply(kOld, kAll);
  REQUIRE(life->save());
  life.limits.cache_bytes = 8U << 20U;
  life.again();
  const cache::TokenCache::PurgeCounts counts = life->world->cache().purge_counts();
  REQUIRE(counts.kept_most < static_cast<std::size_t>(kAll));
  REQUIRE(counts.kept_most > static_cast<std::size_t>(kAll - kOld));
  CHECK(counts.kept == counts.kept_most);
  CHECK(counts.filtered == static_cast<std::size_t>(kAll) - counts.kept_most);
  CHECK(life->sink.text.find("more by claim than this cache remembers") != std::string::npos);
  for (int i = kOld; i < kAll; ++i) REQUIRE(life->is_cut_off("user " + std::to_string(i), kIssued));
  for (int i = 0; i < kOld; ++i) {
    life->world->now = life.loop.now();
    oauth::IntrospectionAnswer answer = life->world->active();
    answer.sub = "user " + std::to_string(i);
    answer.iat = kIssued;
    const auto commit = life->world->fetch("some token", answer);
    REQUIRE((commit.purge.dead || commit.outcome == cache::CommitOutcome::kRefusedPurge));
  }
}

TEST_CASE("purge_journal: a snapshot counts every place it looks at, not what it finds there (I35)") {
  Lives life({.cache_bytes = 64U << 20U});
  life->purge("dead");
  const std::size_t places = life->world->cache().shard_count() * cache::TokenCache::kExportSlots;
  const std::uint64_t turns = life.loop.turns;
  const std::uint64_t replaces = life.disk.replaces;
  life->journal->keep_all([](bool) {});
  while (life.disk.replaces == replaces) life.loop.run_for(Duration::zero());
  CHECK(life.loop.turns - turns >= places / service::PurgeSnapshot::kLooksPerTurn - 1);
}

TEST_CASE("purge_journal: what is appended behind a snapshot that fails is not believed durable until one succeeds") {
  Lives life;
  REQUIRE(life->save());
  life.disk.failing = life.disk.half_lands = true;
  const auto torn = life->keep(cut_off("alice", kIssued));
  life.loop.run_for(milliseconds{3});   // the append has failed and left a half, a snapshot is on its way
  std::optional<bool> all;
  const auto behind = life->keep(cut_off("bob", kIssued));
  life->journal->keep_all([&all](bool durable) { all = durable; });
  life.loop.run_for(milliseconds{1});   // the snapshot has failed, the next one is on its way
  CHECK(*torn == std::optional(false));
  life.disk.failing = false;
  life.loop.run_for(milliseconds{1});   // the append lands behind the half
  CHECK_FALSE(behind->has_value());
  SUBCASE("a crash now loses it, and nobody was told otherwise") {
    life.again();
    CHECK_FALSE(life->is_cut_off("bob", kIssued));
  }
  SUBCASE("the next snapshot has it") {
    life.loop.run_for(milliseconds{10});
    CHECK(*behind == std::optional(true));
    life.again();
    CHECK(life->is_cut_off("bob", kIssued));
  }
}

}  // namespace introspectd::testing
