#include <doctest/doctest.h>

#include <string>

#include "cache_world.h"
#include "../counting.h"

namespace introspectd::cache {

TEST_CASE("hit cost: a lookup makes no allocation and takes one lock (SPEC 8)") {
  testing::CacheWorld world;
  world.fetch("t", world.active());
  world.fetch("n", testing::CacheWorld::inactive());
  world.purge("d");
  for (const char* token : {"t", "n", "d", "unknown"}) {
    const Question question = world.question(token);
    const std::uint64_t allocations = testing::allocations();
    const std::uint64_t locks = testing::mutex_locks();
    world.cache().lookup(question, world.now, world.room);
    const std::uint64_t allocations_after = testing::allocations();
    const std::uint64_t locks_after = testing::mutex_locks();
    CHECK(allocations_after == allocations);
    CHECK(locks_after == locks + (testing::counts() ? 1U : 0U));
  }
}

TEST_CASE("hit cost: hashing a token makes no allocation and takes no lock") {
  hash_token("warm");   // what the library makes once is made
  const std::uint64_t allocations = testing::allocations();
  const std::uint64_t locks = testing::mutex_locks();
  const TokenHash hash = hash_token("0123456789012345678901234567890123456789012");
  const std::uint64_t allocations_after = testing::allocations();
  const std::uint64_t locks_after = testing::mutex_locks();
  CHECK(allocations_after == allocations);
  CHECK(locks_after == locks);
  CHECK_FALSE(hash == TokenHash{});
}

TEST_CASE("hit cost: with 4096 live purges a lookup still makes no allocation and takes one lock") {
  testing::CacheWorld world({}, 64U << 20U);
  for (int i = 0; i < 4096; ++i) {
    oauth::Signal signal;
    signal.match = {"user" + std::to_string(i), "session" + std::to_string(i), {}, {}};
    world.cache().enter_purge(0, signal, world.now);
  }
  world.cache().barrier();
  oauth::IntrospectionAnswer answer = world.active();
  answer.sub = "somebody";
  answer.sid = "else";
  world.fetch("t", answer);
  REQUIRE(world.cache().purge_counts().live == 2 * 4096);
  const Question question = world.question("t");
  const std::uint64_t allocations = testing::allocations();
  const std::uint64_t locks = testing::mutex_locks();
  const LookupResult found = world.cache().lookup(question, world.now, world.room);
  CHECK(testing::allocations() == allocations);
  CHECK(testing::mutex_locks() == locks + (testing::counts() ? 1U : 0U));
  CHECK(found.outcome == LookupOutcome::kHit);
}

TEST_CASE("hit cost: a purge of a client costs the locks of its barrier alone, however many tokens it has") {
  testing::CacheWorld world({}, 64U << 20U);
  for (int i = 0; i < 100'000; ++i) {
    oauth::IntrospectionAnswer answer = world.active();
    answer.client_id = "shop";
    world.fetch(std::to_string(i), answer);
  }
  oauth::Signal signal;
  signal.match.client_id = "shop";
  const std::uint64_t locks = testing::mutex_locks();
  world.cache().enter_purge(0, signal, world.now);
  CHECK(testing::mutex_locks() == locks);
  world.cache().barrier();
  CHECK(testing::mutex_locks() == locks + (testing::counts() ? world.cache().shard_count() : 0U));
  CHECK(world.outcome("99999") == LookupOutcome::kMiss);
}

}  // namespace introspectd::cache
