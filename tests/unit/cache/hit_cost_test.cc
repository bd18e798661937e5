#include <doctest/doctest.h>

#include "cache_world.h"
#include "../counting.h"

namespace introspectd::cache {

TEST_CASE("hit cost: a lookup makes no allocation and takes one lock (SPEC 8)") {
  testing::CacheWorld world;
  world.fetch("t", world.active());
  world.fetch("n", testing::CacheWorld::inactive());
  world.purge("d");
  TokenHasher hasher;
  hasher.hash("warm");
  for (const char* token : {"t", "n", "d", "unknown"}) {
    const Question question = world.question(token);
    const std::uint64_t allocations = testing::allocations();
    const std::uint64_t locks = testing::mutex_locks();
    world.cache().lookup(question, world.now, world.room);
    CHECK(testing::allocations() == allocations);
    CHECK(testing::mutex_locks() == locks + (testing::counts() ? 1U : 0U));
  }
}

TEST_CASE("hit cost: hashing a token makes no allocation and takes no lock") {
  TokenHasher hasher;
  hasher.hash("warm");
  const std::uint64_t allocations = testing::allocations();
  const std::uint64_t locks = testing::mutex_locks();
  hasher.hash("0123456789012345678901234567890123456789012");
  CHECK(testing::allocations() == allocations);
  CHECK(testing::mutex_locks() == locks);
}

}  // namespace introspectd::cache
