#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "claim_words.h"

namespace introspectd::cache {
namespace {

using oauth::SignalKind;
using std::chrono::seconds;
using testing::apply;
using testing::by_sub;
using testing::CacheWorld;
using testing::of;
using testing::sweep;

}  // namespace

TEST_CASE("claim purge: a purge that comes during a lap waits for the next one; the lap's end forgets only its own") {
  CacheWorld world;
  for (int i = 0; i < 2000; ++i) world.fetch(std::to_string(i), of(world, i % 2 == 0 ? "alice" : "bob"));
  const Seq first = apply(world, by_sub(SignalKind::kHold, "alice"));
  std::array<Seq, TokenCache::kSliceRecords> by{};
  world.cache().sweep_slice(world.now, by);
  const Seq second = apply(world, by_sub(SignalKind::kHold, "bob"));
  while (world.cache().swept() < first) world.cache().sweep_slice(world.now, by);
  CHECK(world.cache().swept() < second);
  CHECK(world.cache().sweep_wanted());
  for (int i = 0; i < 2000; ++i) REQUIRE(world.outcome(std::to_string(i)) == LookupOutcome::kMiss);
  sweep(world);
  CHECK(world.cache().swept() >= second);
  CHECK(world.cache().purge_counts().live == 0);
  CHECK(world.cache().purge_counts().laps == 2);
  CHECK(world.cache().counts().entries == 0);
  for (int i = 0; i < 2000; ++i) REQUIRE(world.outcome(std::to_string(i)) == LookupOutcome::kMiss);
}

TEST_CASE("claim purge: a slice checks 256 records at most, under one lock") {
  CacheOptions options;
  options.shards = 1;
  CacheWorld world(options);
  for (int i = 0; i < 1000; ++i) world.fetch(std::to_string(i), of(world, "alice"));
  apply(world, by_sub(SignalKind::kHold, "alice"));
  std::array<Seq, TokenCache::kSliceRecords> by{};
  std::size_t seen = 0;
  int slices = 0;
  while (world.cache().sweep_wanted()) {
    const TokenCache::SweepSlice slice = world.cache().sweep_slice(world.now, by);
    REQUIRE(slice.seen <= 256);
    seen += slice.seen;
    ++slices;
  }
  CHECK(seen == 1000);
  CHECK(slices == 4);
}

TEST_CASE("claim purge: records that move, are refreshed in place or evicted during a lap escape it nowhere") {
  CacheOptions options;
  options.shards = 1;
  CacheWorld world(options);
  int fetched = 0;
  std::vector<std::string> alices;
  const auto fill = [&](int count) {
    for (int i = 0; i < count; ++i, ++fetched) {
      world.fetch(std::to_string(fetched), of(world, fetched % 3 == 0 ? "alice" : "bob"));
      if (fetched % 3 == 0) alices.push_back(std::to_string(fetched));
      if (fetched >= 50) world.outcome(std::to_string(fetched - 50));   // asked again: gets a second chance
    }
  };
  while (world.cache().counts().second_chances == 0) fill(500);   // the ring is full and turns
  for (int round = 0; round < 20; ++round) {
    fill(1000);
    const std::string last = std::to_string(fetched - 1);
    apply(world, by_sub(SignalKind::kHold, "alice"));
    const Seq purge = world.cache().seq();
    std::array<Seq, TokenCache::kSliceRecords> by{};
    while (world.cache().swept() < purge) {
      world.cache().sweep_slice(world.now, by);
      for (int i = 0; i < 200; ++i, ++fetched) world.fetch(std::to_string(fetched), of(world, "carol"));
      world.fetch(last, of(world, "bob"));
    }
    REQUIRE(world.cache().purge_counts().live == 0);   // nothing hides what the lap has left
    for (const std::string& token : alices) {
      if (token != last) REQUIRE(world.outcome(token) == LookupOutcome::kMiss);
    }
    world.pass(seconds{15});
  }
  CHECK(world.cache().counts().second_chances > 1000);
}

TEST_CASE("claim purge: more live purges than fit raise the floor: nothing of the AS outlives them (I6)") {
  CacheWorld world;
  world.fetch("bob", of(world, "bob"));
  std::uint64_t entered = 0;
  while (world.cache().purge_counts().floors_raised == 0) {
    apply(world, by_sub(SignalKind::kHold, "u" + std::to_string(entered++)));
  }
  CHECK(world.outcome("bob") == LookupOutcome::kMiss);
  CHECK(world.cache().floor(0) == world.cache().seq());
  CHECK(entered > 1000);
  sweep(world);
  CHECK(world.cache().purge_counts().live == 0);
}

TEST_CASE("claim purge: where no purge can be kept the AS is floored and held whole (I6)") {
  CacheWorld world;
  std::uint64_t entered = 0;
  // The entries are taken, then the filter; this sub is not one of those that the full filter takes for another.
  while (world.cache().purge_counts().filtered < world.cache().purge_counts().filter_most) {
    apply(world, by_sub(SignalKind::kHold, "u" + std::to_string(entered++)));
    if (entered % 500 == 0) sweep(world);
  }
  CHECK(world.cache().purge_counts().kept == world.cache().purge_counts().kept_most);
  sweep(world);
  REQUIRE(world.fetch("bob", of(world, "bob")).outcome == CommitOutcome::kStored);
  // Those that the filter took for others' have left room for a few.
  std::string last;
  Ticket flight;
  for (int more = 0; world.cache().purge_counts().floors_raised == 0; ++more) {
    REQUIRE(more < 2'000);
    REQUIRE(world.outcome("bob") == LookupOutcome::kHit);
    last = "one more " + std::to_string(more);
    flight = world.begin("t");
    apply(world, by_sub(SignalKind::kHold, last));
    if (more % 500 == 0) sweep(world);
  }
  CHECK(world.cache().purge_counts().floors_raised == 1);
  CHECK(world.outcome("bob") == LookupOutcome::kMiss);
  CHECK(world.end(flight, of(world, last)).outcome == CommitOutcome::kRefusedFloor);
  CHECK(world.fetch("t", of(world, last)).outcome == CommitOutcome::kRefusedPurge);
  world.pass(seconds{15});
  CHECK(world.fetch("t", of(world, last)).outcome == CommitOutcome::kStored);
}

TEST_CASE("sweep: a slice says what it cost: what was checked, what was dropped, and what was live before (I35)") {
  CacheOptions options;
  options.shards = 1;
  CacheWorld world(options, 16U << 20U);
  for (int i = 0; i < 300; ++i) world.fetch(std::to_string(i), of(world, i < 100 ? "alice" : "bob"));
  constexpr std::size_t kLive = TokenCache::kSliceSlots + 9;
  for (std::size_t i = 1; i < kLive; ++i) {
    world.cache().enter_purge(0, by_sub(SignalKind::kHold, "u" + std::to_string(i)), world.now);
  }
  apply(world, by_sub(SignalKind::kHold, "alice"));
  std::array<Seq, TokenCache::kSliceRecords> by{};
  const TokenCache::SweepSlice first = world.cache().sweep_slice(world.now, by);
  CHECK(first.cost() == 256 + 100 * TokenCache::kDropCost);
  const TokenCache::SweepSlice second = world.cache().sweep_slice(world.now, by);   // the lap ends with it
  CHECK(second.forgotten == TokenCache::kSliceSlots);
  CHECK(second.cost() == 44 + TokenCache::kSliceSlots / TokenCache::kSlotsARecord);
  const TokenCache::SweepSlice third = world.cache().sweep_slice(world.now, by);
  CHECK(third.forgotten == 9);
  CHECK(third.cost() == 2);
  CHECK_FALSE(world.cache().sweep_wanted());
}

TEST_CASE("sweep: lookups on other threads see a purge by claim once it is acknowledged, whatever the sweep does (I5)") {
  CacheWorld world;
  constexpr int kRounds = 500;
  std::vector<Question> questions;
  for (int i = 0; i < kRounds; ++i) questions.push_back(world.question("t" + std::to_string(i)));
  std::atomic<int> acknowledged{-1};
  std::atomic<bool> wrong{false};
  std::thread reader([&, now = world.now] {
    std::vector<char> room(4096);
    for (int seen = -1; seen < kRounds - 1;) {
      seen = acknowledged.load(std::memory_order_acquire);
      for (int at = std::max(0, seen - 3); at <= seen; ++at) {
        const LookupResult found = world.cache().lookup(questions[static_cast<std::size_t>(at)], now, room);
        if (found.outcome == LookupOutcome::kHit) wrong = true;
      }
    }
  });
  std::array<Seq, TokenCache::kSliceRecords> by{};
  for (int i = 0; i < kRounds; ++i) {
    world.fetch("t" + std::to_string(i), of(world, "u" + std::to_string(i)));
    apply(world, by_sub(SignalKind::kHold, "u" + std::to_string(i)));
    acknowledged.store(i, std::memory_order_release);
    for (int slices = 0; slices < 3; ++slices) world.cache().sweep_slice(world.now, by);
  }
  reader.join();
  CHECK_FALSE(wrong);
}

}  // namespace introspectd::cache
