#include <doctest/doctest.h>

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

}  // namespace introspectd::cache
