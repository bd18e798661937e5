// Stories of the cache alone, where the service layer around it would hide what they are about: it holds the same
// promise by itself, with tiny shards.
#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "cache/token_cache.h"

namespace introspectd::sim {
namespace {

using cache::CommitOutcome;
using cache::LookupOutcome;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kShards = 512;   // 16 KiB each: eight dead tokens, two dozen negatives

class CacheStory {
 public:
  CacheStory() : memory_(static_cast<std::byte*>(std::aligned_alloc(64, cache::TokenCache::kMemoryLeast))) {
    cache::ViewBytes view;
    view.add("main");
    views_.intern(view, 0);
    cache::CacheOptions options;
    options.boot_key = {3, 5};
    options.shards = kShards;
    cache_ = std::make_unique<cache::TokenCache>(
        std::span<std::byte>(memory_.get(), cache::TokenCache::kMemoryLeast), options, views_, now.mono);
  }

  cache::Question question(const std::string& token) {
    const cache::TokenHash hash = cache::hash_token(token);
    return {hash, cache_->place(hash), 0, 0, 0};
  }
  LookupOutcome look(const std::string& token) { return cache_->lookup(question(token), now, room_).outcome; }
  cache::Ticket start(const std::string& token) { return cache_->start_flight(question(token), now); }
  CommitOutcome end(const cache::Ticket& ticket, bool active) {
    oauth::IntrospectionAnswer answer;
    answer.active = active;
    if (active) answer.body = R"({"active":true})";
    return cache_->commit(ticket, answer, now).outcome;
  }
  void purge(const std::string& token, bool flight_known, bool trusted) {
    cache_->purge_token(cache::hash_token(token), 0, flight_known, trusted, now);
  }
  // The n-th token that falls into the same shard as "T".
  std::string neighbour(int n) {
    const std::uint64_t shard = question("T").place % kShards;
    for (;; ++tried_) {
      std::string token = "neighbour " + std::to_string(tried_);
      if (question(token).place % kShards == shard && n-- == 0) return ++tried_, token;
    }
  }
  cache::TokenCache& cache() { return *cache_; }
  void pass(Duration time) { now.mono = now.mono + time; }

  Now now{MonoTime::from_ns(1'000'000'000'000), WallTime::from_seconds(1'767'225'600)};

 private:
  struct Freed {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<std::byte, Freed> memory_;
  cache::ViewTable views_;
  std::unique_ptr<cache::TokenCache> cache_;
  std::vector<char> room_ = std::vector<char>(4096);
  int tried_ = 0;
};

}  // namespace

TEST_CASE("cache: a dead token forgotten for want of space is not resurrected by its old fetch (I4, I6)") {
  CacheStory story;
  story.end(story.start("T"), true);         // an entry: the token is known
  const cache::Ticket old_flight = story.start("T");
  story.purge("T", true, false);
  story.pass(milliseconds{20});
  for (int i = 0; i < 8; ++i) story.purge(story.neighbour(0), false, true);   // operators name eight more
  CHECK(story.look("T") == LookupOutcome::kMiss);                            // forgotten early
  CHECK(story.cache().counts().dead_forgotten_early == 1);
  CHECK(story.end(old_flight, true) == CommitOutcome::kRefusedFloor);
  CHECK(story.look("T") == LookupOutcome::kMiss);
  const cache::Ticket new_flight = story.start("T");
  CHECK(story.end(new_flight, true) == CommitOutcome::kStored);
}

TEST_CASE("cache: a fetch from before a purge or a flush is refused, one from after it is stored (I2)") {
  CacheStory story;
  const cache::Ticket before = story.start("T");
  SUBCASE("dead") {
    story.purge("T", true, false);
    CHECK(story.end(before, true) == CommitOutcome::kRefusedDead);
    CHECK(story.look("T") == LookupOutcome::kDead);
  }
  SUBCASE("flushed") {
    story.cache().flush(0);
    CHECK(story.end(before, true) == CommitOutcome::kRefusedFloor);
    CHECK(story.look("T") == LookupOutcome::kMiss);
  }
  SUBCASE("overtaken") {
    const cache::Ticket after = story.start("T");
    CHECK(story.end(after, false) == CommitOutcome::kStored);
    CHECK(story.end(before, true) == CommitOutcome::kRefusedNewer);
    CHECK(story.look("T") == LookupOutcome::kNegative);
  }
}

TEST_CASE("cache: made-up revocations never push out a real one (I6, F102)") {
  CacheStory story;
  story.end(story.start("T"), true);
  story.purge("T", false, false);
  for (int i = 0; i < 100; ++i) story.purge(story.neighbour(0), false, false);
  CHECK(story.look("T") == LookupOutcome::kDead);
  CHECK(story.cache().counts().fill_floor_raised == 0);
}

TEST_CASE("cache: a flood of negatives stays in its own segment (I42)") {
  CacheStory story;
  story.end(story.start("T"), true);
  for (int i = 0; i < 300; ++i) story.end(story.start(story.neighbour(0)), false);
  CHECK(story.look("T") == LookupOutcome::kHit);
  CHECK(story.cache().counts().negatives_evicted > 0);
  CHECK(story.cache().counts().evicted == 0);
}

TEST_CASE("cache: tokens chosen to collide under another key spread evenly under this one (I41, F43)") {
  const cache::BootKey known{1, 2};
  const cache::BootKey ours{0x1234567890abcdefULL, 0xfedcba0987654321ULL};
  constexpr std::size_t kBuckets = 64;
  std::vector<std::size_t> filled(kBuckets);
  std::size_t chosen = 0;
  for (int i = 0; chosen < 2000; ++i) {
    const cache::TokenHash hash = cache::hash_token("chosen " + std::to_string(i));
    if (cache::place_of(known, hash) >> 58U != 0) continue;   // all in one bucket of 64 for who knew the key
    ++chosen;
    ++filled[cache::place_of(ours, hash) >> 58U];
  }
  for (const std::size_t count : filled) CHECK(count < 64);   // 31 on average
}

}  // namespace introspectd::sim
