#include "cache/shard.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "cache/shard_index.h"

namespace introspectd::cache {
namespace {

constexpr std::size_t kRingBytes = 32768;
constexpr BootKey kKey{5, 6};

// A shard in memory of its own, small enough to be full at once.
struct SmallShard {
  explicit SmallShard(std::size_t ring_bytes = kRingBytes, std::size_t buckets = 512)
      : index((buckets + 1) * ShardIndex::kBucketBytes + 64), ring(ring_bytes), negatives(96 * 8), dead(96 * 8),
        shard({index, ring, negatives, dead}, kKey) {}

  static Key key(const TokenHash& token, ViewId view = 0) { return {token, place_of(kKey, token), view, 0}; }
  CommitOutcome put(std::string_view token, std::string_view body, Seq seq, Tick dies = 1000, Tick now = 1,
                    oauth::AudienceMask audience = 0) {
    Determination what;
    what.active = what.storable = true;
    what.seq = seq;
    what.dies = dies;
    what.body = body;
    what.audience = audience;
    const TokenHash hash = hash_token(token);
    return shard.commit(key(hash), what, 0, now);
  }
  LookupOutcome look(std::string_view token, Tick now = 1, Seq floor = 0, oauth::AudienceMask audience = 0) {
    const TokenHash hash = hash_token(token);
    marks.floor = floor;
    return shard.lookup(key(hash), {now, WallTime::from_seconds(1000)}, rules(), audience, room).outcome;
  }
  ReadRules rules() const { return {std::chrono::seconds{1}, marks, live}; }

  std::vector<std::byte> index, ring, negatives, dead;
  std::vector<std::byte> live_memory = std::vector<std::byte>(64 * LiveClaims::kSlotBytes);
  ServerMarks marks;
  LiveClaims live{live_memory};
  std::vector<char> room = std::vector<char>(65536);
  Shard shard;
};

}  // namespace

TEST_CASE("shard: served until its last tick, not in the one that it dies in (I13)") {
  SmallShard small;
  small.put("t", "{}", 1, 10);
  CHECK(small.look("t", 9) == LookupOutcome::kHit);
  CHECK(small.look("t", 10) == LookupOutcome::kMiss);
}

TEST_CASE("shard: a floor makes what started at or before it a miss (I6)") {
  SmallShard small;
  small.put("t", "{}", 5);
  CHECK(small.look("t", 1, 4) == LookupOutcome::kHit);
  CHECK(small.look("t", 1, 5) == LookupOutcome::kMiss);
}

TEST_CASE("shard: too little room says how much, and copies nothing") {
  SmallShard small;
  small.put("t", "0123456789", 1);
  const TokenHash hash = hash_token("t");
  std::vector<char> nine(9, 'x');
  const LookupResult result = small.shard.lookup(SmallShard::key(hash), {1, {}}, small.rules(), 0, nine);
  CHECK(result.outcome == LookupOutcome::kTooSmall);
  CHECK(result.body_bytes == 10);
  CHECK(std::string(nine.begin(), nine.end()) == "xxxxxxxxx");
  std::vector<char> ten(10);
  CHECK(small.shard.lookup(SmallShard::key(hash), {1, {}}, small.rules(), 0, ten).outcome == LookupOutcome::kHit);
  CHECK(std::string(ten.begin(), ten.end()) == "0123456789");
}

TEST_CASE("shard: the caller's audience is asked on hits (I22, PEERS 2)") {
  SmallShard small;
  small.put("t", "{}", 1, 1000, 1, 0b01);
  CHECK(small.look("t", 1, 0, 0b01) == LookupOutcome::kHit);
  CHECK(small.look("t", 1, 0, 0b11) == LookupOutcome::kHit);
  CHECK(small.look("t", 1, 0, 0b10) == LookupOutcome::kAudience);
  CHECK(small.look("t", 1, 0, 0) == LookupOutcome::kHit);
  small.put("none", "{}", 2);
  CHECK(small.look("none", 1, 0, 0b10) == LookupOutcome::kAudience);
}

TEST_CASE("shard: of two answers the one that started last stays, in whatever order they end (I20)") {
  SmallShard small;
  CHECK(small.put("t", "new", 8) == CommitOutcome::kStored);
  CHECK(small.put("t", "old", 7) == CommitOutcome::kRefusedNewer);
  small.look("t");
  CHECK(std::string(small.room.data(), 3) == "new");
  Determination inactive;
  inactive.storable = true;
  inactive.seq = 9;
  inactive.dies = 100;
  const TokenHash hash = hash_token("t");
  CHECK(small.shard.commit(SmallShard::key(hash), inactive, 0, 1) == CommitOutcome::kStored);
  CHECK(small.look("t") == LookupOutcome::kNegative);
  CHECK(small.put("t", "old", 8) == CommitOutcome::kRefusedNewer);
  CHECK(small.look("t") == LookupOutcome::kNegative);
}

TEST_CASE("shard: an answer that may not be kept still takes the older one away (I20)") {
  SmallShard small;
  small.put("t", "{}", 1);
  Determination gone;
  gone.seq = 2;
  const TokenHash hash = hash_token("t");
  CHECK(small.shard.commit(SmallShard::key(hash), gone, 0, 1) == CommitOutcome::kNotStorable);
  CHECK(small.look("t") == LookupOutcome::kMiss);
}

TEST_CASE("shard: a refresh of the same length happens in place and keeps the recency") {
  SmallShard small;
  small.put("t", "aaaa", 1);
  const std::uint64_t used = small.shard.counts().used_bytes;
  small.put("t", "bbbb", 2);
  CHECK(small.shard.counts().used_bytes == used);
  CHECK(small.shard.counts().entries == 1);
  small.look("t");
  CHECK(std::string(small.room.data(), 4) == "bbbb");
}

TEST_CASE("shard: what was asked again outlives what was not (second chance)") {
  SmallShard small;
  const std::string body(400, 'b');
  Seq seq = 0;
  small.put("hot", body, ++seq);
  for (int i = 0; i < 1000; ++i) {
    CHECK(small.look("hot") == LookupOutcome::kHit);
    small.put("cold" + std::to_string(i), body, ++seq);
  }
  CHECK(small.look("hot") == LookupOutcome::kHit);
  CHECK(small.look("cold0") == LookupOutcome::kMiss);
  CHECK(small.shard.counts().second_chances > 0);
}

TEST_CASE("shard: a full ring evicts, a full index evicts, and neither grows (the bucket count never changes)") {
  SmallShard by_ring(8192, 512);
  SmallShard by_index(1U << 20U, 40);
  const std::size_t ring_buckets = by_ring.shard.index_buckets();
  const std::size_t index_buckets = by_index.shard.index_buckets();
  for (int i = 0; i < 5000; ++i) {
    by_ring.put(std::to_string(i), std::string(300, 'x'), static_cast<Seq>(i + 1));
    by_index.put(std::to_string(i), "{}", static_cast<Seq>(i + 1));
  }
  CHECK(by_ring.shard.index_buckets() == ring_buckets);
  CHECK(by_index.shard.index_buckets() == index_buckets);
  CHECK(by_ring.shard.counts().evicted > 4900);
  CHECK(by_index.shard.counts().evicted > 4900);
  CHECK(by_index.shard.counts().entries <= index_buckets);
  CHECK(by_ring.look("4999") == LookupOutcome::kHit);
  CHECK(by_index.look("4999") == LookupOutcome::kHit);
}

TEST_CASE("shard: the largest answer that an AS may give fits the smallest shard (64 KiB)") {
  SmallShard small(1U << 20U, 512);
  const std::string body(65536, 'z');
  for (int i = 0; i < 40; ++i) CHECK(small.put(std::to_string(i), body, static_cast<Seq>(i + 1)) == CommitOutcome::kStored);
  CHECK(small.look("39") == LookupOutcome::kHit);
}

TEST_CASE("shard: against a model, whatever is served is what was last committed (I15, I20, I53)") {
  struct Entry {
    std::string body;
    Tick dies;
  };
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Random random(seed);
    SmallShard small;
    std::map<std::string, Entry> model;
    Tick now = 1;
    Seq seq = 0;
    for (int step = 0; step < 20'000; ++step) {
      const std::string token = std::to_string(random.below(200));
      if (random.chance(1, 50)) now += static_cast<Tick>(random.below(20));
      if (random.chance(1, 3)) {
        const std::string body(random.below(600), static_cast<char>('a' + random.below(26)));
        const Tick dies = now + static_cast<Tick>(random.below(100));
        REQUIRE(small.put(token, body, ++seq, dies, now) == CommitOutcome::kStored);
        model[token] = {body, dies};
      } else if (random.chance(1, 20)) {
        const TokenHash hash = hash_token(token);
        const ViewId views[] = {0};
        Shard::Purge purge;
        purge.seq = ++seq;
        purge.until = purge.unknown_until = now;   // not remembered: this model is about entries
        small.shard.purge_token(hash, place_of(kKey, hash), 0, views, purge, now);
        model.erase(token);
      } else if (small.look(token, now) == LookupOutcome::kHit) {
        const auto found = model.find(token);
        REQUIRE(found != model.end());
        REQUIRE(now < found->second.dies);
        REQUIRE(std::string(small.room.data(), found->second.body.size()) == found->second.body);
      }
      const ShardCounts& c = small.shard.counts();
      REQUIRE(c.inserted - c.replaced - c.evicted - c.expired - c.purged == c.entries);
    }
  }
}

}  // namespace introspectd::cache
