#include "cache/shard_index.h"

#include <doctest/doctest.h>

#include <new>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"

namespace introspectd::cache {
namespace {

constexpr BootKey kKey{5, 6};
constexpr std::size_t kRecord = sizeof(RecordHeader);

// An index over a ring with one record after the other, each of a token of its own.
struct IndexedRing {
  IndexedRing(std::size_t buckets, std::size_t records, const std::string& name = "t")
      : memory(buckets * ShardIndex::kBucketBytes), ring_memory(records * kRecord) {
    for (std::size_t i = 0; i < records; ++i) {
      auto* const record = ::new (ring.at(ring.append(kRecord))) RecordHeader{};
      record->token = hash_token(name + std::to_string(i));
      places.push_back(place_of(kKey, record->token));
    }
  }
  RecordHeader& record(std::size_t i) { return *reinterpret_cast<RecordHeader*>(ring.at(i * kRecord)); }
  void insert(std::size_t i) { index.insert(places[i], record(i).view, i * kRecord); }
  void erase(std::size_t i) { index.erase(places[i], record(i).token, record(i).view); }
  bool has(std::size_t i) {
    RecordHeader* const found = index.find(places[i], record(i).token, record(i).view);
    REQUIRE((found == nullptr || found == &record(i)));
    return found != nullptr;
  }

  std::vector<std::byte> memory, ring_memory;
  Ring ring{ring_memory};
  ShardIndex index{memory, ring};
  std::vector<std::uint64_t> places;
};

}  // namespace

TEST_CASE("shard_index: against a model, what was inserted is found until it is erased, at any load") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    const std::size_t buckets = 3 + random.below(60);   // few: many wrap round the end
    IndexedRing world(buckets, 100, std::to_string(seed) + ".");
    for (std::size_t i = 0; i < 100; ++i) world.record(i).view = static_cast<ViewId>(i % 3);
    std::set<std::size_t> model;
    for (int step = 0; step < 4000; ++step) {
      const std::size_t i = random.below(100);
      if (model.contains(i)) {
        world.erase(i);
        model.erase(i);
      } else if (!world.index.full()) {
        world.insert(i);
        model.insert(i);
      }
      REQUIRE(world.index.size() == model.size());
      const std::size_t other = random.below(100);
      REQUIRE(world.has(other) == model.contains(other));
    }
    for (std::size_t i = 0; i < 100; ++i) REQUIRE(world.has(i) == model.contains(i));
    REQUIRE(world.index.buckets() == buckets);
  }
}

TEST_CASE("shard_index: nine tenths of the buckets, then it is full, and what is not there is still told") {
  IndexedRing world(100, 200);
  std::size_t inserted = 0;
  for (; !world.index.full(); ++inserted) world.insert(inserted);
  CHECK(inserted == 90);
  for (std::size_t i = 0; i < 200; ++i) CHECK(world.has(i) == (i < inserted));
}

TEST_CASE("shard_index: all who share one home are found, behind the end too, whoever of them goes first") {
  // The same place of all: of the last bucket, or of the first.
  for (const std::uint64_t place : {~std::uint64_t{0}, std::uint64_t{0}}) {
    for (std::size_t gone = 0; gone < 6; ++gone) {
      IndexedRing world(10, 6);
      for (std::uint64_t& each : world.places) each = place;
      for (std::size_t i = 0; i < 6; ++i) world.insert(i);
      CHECK(world.index.longest_probe() == 5);
      world.erase(gone);
      for (std::size_t i = 0; i < 6; ++i) CHECK(world.has(i) == (i != gone));
      CHECK(world.index.longest_probe() == 4);
    }
  }
}

TEST_CASE("shard_index: the same token and place in another view is another key") {
  IndexedRing world(20, 2);
  world.record(1).token = world.record(0).token;
  world.places[1] = world.places[0];
  world.record(1).view = 1;
  world.insert(0);
  CHECK_FALSE(world.has(1));
  world.insert(1);
  CHECK(world.has(0));
  world.erase(0);
  CHECK(world.has(1));
  CHECK_FALSE(world.has(0));
}

TEST_CASE("shard_index: a record that moves is found where it went, the first of the ring too") {
  IndexedRing world(20, 2);
  world.insert(1);
  std::uint32_t& unit = world.index.unit_of(world.places[1], world.record(1).token, 0);
  world.record(0) = world.record(1);
  unit = ShardIndex::to_unit(0);
  CHECK(world.index.find(world.places[1], world.record(1).token, 0) == &world.record(0));
}

TEST_CASE("shard_index: probes stay short for any tokens chosen without the key (I41)") {
  // Tokens that share the first bytes of their names; the key scatters them.
  IndexedRing world(60'000, 54'000, "chosen");
  for (std::size_t i = 0; i < 54'000; ++i) world.insert(i);
  REQUIRE(world.index.full());
  CHECK(world.index.longest_probe() <= 64);
}

}  // namespace introspectd::cache
