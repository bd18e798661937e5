// Stories of purges by claim in the cache alone: what a lap of the sweep, a full table or a channel does is hidden where
// a service around it asks again at once.
#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cache/token_cache.h"

namespace introspectd::sim {
namespace {

using cache::CommitOutcome;
using cache::LookupOutcome;
using cache::TokenCache;
using oauth::Signal;
using oauth::SignalKind;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t kIssued = 1'767'225'000;

class SweepStory {
 public:
  explicit SweepStory(std::size_t shards = 8) : memory_(static_cast<std::byte*>(std::aligned_alloc(64, TokenCache::kMemoryLeast))) {
    for (const cache::ServerId server : {cache::ServerId{0}, cache::ServerId{1}}) {
      views_.intern(cache::ViewBytes{}.add(std::to_string(server)), server);
    }
    cache::CacheOptions options;
    options.boot_key = {3, 5};
    options.shards = shards;
    options.servers = 2;
    options.freshness.ttl_live = minutes{5};
    options.traits = {{"main", false}, {"live", true}};
    cache_ = std::make_unique<TokenCache>(std::span<std::byte>(memory_.get(), TokenCache::kMemoryLeast), options, views_,
                                          now.mono);
  }

  cache::Question question(const std::string& token, cache::ServerId server = 0) {
    const cache::TokenHash hash = cache::hash_token(token);
    return {hash, cache_->place(hash), server, server, 0};
  }
  LookupOutcome look(const std::string& token, cache::ServerId server = 0) {
    return cache_->lookup(question(token, server), now, room_).outcome;
  }
  TokenCache::Commit end(const cache::Ticket& ticket, const std::string& sub, std::int64_t iat = kIssued) {
    oauth::IntrospectionAnswer answer;
    answer.active = true;
    answer.body = R"({"active":true})";
    answer.exp = now.wall.ms() / 1000 + 36'000;
    answer.sub = sub;
    answer.iat = iat;
    return cache_->commit(ticket, answer, now);
  }
  TokenCache::Commit fetch(const std::string& token, const std::string& sub, cache::ServerId server = 0) {
    return end(cache_->start_flight(question(token, server), now), sub);
  }
  cache::Seq purge(SignalKind kind, const std::string& sub, std::int64_t event_time = kIssued) {
    Signal signal;
    signal.kind = kind;
    signal.match.sub = sub;
    signal.event_time = event_time;
    const cache::Seq seq = cache_->enter_purge(0, signal, now);
    cache_->barrier();
    return seq;
  }
  void slice() { cache_->sweep_slice(now, dropped_by_); }
  void sweep() {
    while (cache_->sweep_wanted()) slice();
  }
  TokenCache& cache() { return *cache_; }
  void pass(Duration time) { now = {now.mono + time, now.wall + time}; }

  Now now{MonoTime::from_ns(1'000'000'000'000), WallTime::from_seconds(1'767'225'600)};

 private:
  struct Freed {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<std::byte, Freed> memory_;
  cache::ViewTable views_;
  std::unique_ptr<TokenCache> cache_;
  std::array<cache::Seq, TokenCache::kSliceRecords> dropped_by_{};
  std::vector<char> room_ = std::vector<char>(4096);
};

}  // namespace

TEST_CASE("sweep: what a purge by claim names is a miss before the lap, during it and after it (I1, F104)") {
  SweepStory story;
  for (int i = 0; i < 3000; ++i) story.fetch(std::to_string(i), "alice");
  story.fetch("bob", "bob");
  const auto all_miss = [&] {
    for (int i = 0; i < 3000; ++i) {
      if (story.look(std::to_string(i)) != LookupOutcome::kMiss) return false;
    }
    return true;
  };
  story.purge(SignalKind::kHold, "alice");
  CHECK(all_miss());
  story.slice();
  CHECK(all_miss());
  story.sweep();
  CHECK(all_miss());
  CHECK(story.cache().counts().purged == 3000);
  CHECK(story.look("bob") == LookupOutcome::kHit);
}

TEST_CASE("sweep: a purge passes its barrier through every shard before it is acknowledged (I5)") {
  SweepStory story;
  story.purge(SignalKind::kHold, "alice");
  CHECK(story.cache().purge_counts().shards_passed == story.cache().shard_count());
  story.cache().flush(0);
  CHECK(story.cache().purge_counts().shards_passed == 2 * story.cache().shard_count());
}

TEST_CASE("sweep: a record that gets its second chance during a lap does not escape it (I6)") {
  SweepStory story(1);
  std::vector<std::string> alices;
  int next = 0;
  const auto fill = [&](const std::string& sub) {
    const std::string token = std::to_string(next++);
    story.fetch(token, sub);
    if (sub == "alice") alices.push_back(token);
  };
  while (story.cache().counts().evicted < 1000) fill("alice");   // the rings are full
  for (const std::string& token : alices) story.look(token);     // and all is worth a second chance
  const cache::Seq purge = story.purge(SignalKind::kHold, "alice");
  while (story.cache().swept() < purge) {
    story.slice();
    for (int i = 0; i < 300; ++i) fill("carol");   // the tail overtakes the sweep, and moves what it meets
  }
  REQUIRE(story.cache().counts().second_chances > 100);
  REQUIRE(story.cache().purge_counts().live == 0);
  for (const std::string& token : alices) REQUIRE(story.look(token) == LookupOutcome::kMiss);
}

TEST_CASE("sweep: more live purges than there is room for raise the floor (I6)") {
  SweepStory story;
  for (int i = 0; i < 100; ++i) story.fetch("t" + std::to_string(i), "last");
  const cache::Ticket under_way = story.cache().start_flight(story.question("late"), story.now);
  for (int i = 0; story.cache().purge_counts().floors_raised == 0; ++i) {
    story.purge(SignalKind::kHold, "u" + std::to_string(i));
  }
  CHECK(story.look("t0") == LookupOutcome::kMiss);
  CHECK(story.end(under_way, "somebody").outcome == CommitOutcome::kRefusedFloor);
}

TEST_CASE("sweep: where no purge can be remembered any more the server is floored, and held whole (I6)") {
  SweepStory story;
  for (int i = 0; story.cache().purge_counts().floors_raised == 0; ++i) {
    story.fetch("t", "bystander");
    story.purge(SignalKind::kHold, "u" + std::to_string(i));
    if (i % 500 == 0) story.sweep();
  }
  CHECK(story.look("t") == LookupOutcome::kMiss);
  CHECK(story.fetch("t", "bystander").outcome == CommitOutcome::kRefusedPurge);
  story.pass(seconds{15});
  CHECK(story.fetch("t", "bystander").outcome == CommitOutcome::kStored);
}

TEST_CASE("sweep: an issued-before cut-off hides what it names at once, and is never forgotten (STD 5.32)") {
  SweepStory story;
  story.fetch("old", "alice");
  story.end(story.cache().start_flight(story.question("new"), story.now), "alice", kIssued + 1);
  story.purge(SignalKind::kCutOff, "");
  CHECK(story.look("old") == LookupOutcome::kMiss);
  CHECK(story.look("new") == LookupOutcome::kHit);
  story.pass(minutes{60});
  CHECK(story.fetch("old", "alice").purge.dead);
}

TEST_CASE("channel: what is older than ttl past the last proof is a miss, what the stretch does not cover as well (I13)") {
  SweepStory story;
  const MonoTime began = story.now.mono;
  story.fetch("t", "alice", 1);
  story.pass(seconds{30} - milliseconds{16});
  CHECK(story.look("t", 1) == LookupOutcome::kHit);
  story.pass(milliseconds{16});
  CHECK(story.look("t", 1) == LookupOutcome::kMiss);                                  // nothing was proven
  story.cache().set_channel(1, {true, began, story.now.mono, seconds{30}});
  CHECK(story.look("t", 1) == LookupOutcome::kHit);
  story.cache().set_channel(1, {true, began + seconds{1}, story.now.mono, seconds{30}});
  CHECK(story.look("t", 1) == LookupOutcome::kMiss);                                  // I14: from before the gap
}

}  // namespace introspectd::sim
