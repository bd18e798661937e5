#include "cache/sid_answers.h"

#include <doctest/doctest.h>

#include "claim_words.h"

namespace introspectd::cache {
namespace {

using oauth::Signal;
using testing::apply;
using testing::CacheWorld;
using testing::of;

Signal by_sid(std::string sid) {
  Signal signal;
  signal.match.sid = std::move(sid);
  return signal;
}

std::uint64_t unmappable(CacheWorld& world) { return world.cache().purge_counts().unmappable_sids; }

}  // namespace

TEST_CASE("sid_answers: a purge by sid alone is counted where no answer has ever had one (STD 5.29)") {
  CacheWorld world;
  world.fetch("t", of(world, "alice"));
  CHECK_FALSE(world.cache().answers_carry_sid(0));
  apply(world, by_sid("s1"));
  CHECK(unmappable(world) == 1);
  Signal both = by_sid("s1");
  both.match.sub = "alice";   // is matched by its sub
  apply(world, both);
  CHECK(unmappable(world) == 1);
  world.fetch("u", of(world, "bob", "s2"));   // from now on they have
  CHECK(world.cache().answers_carry_sid(0));
  world.fetch("v", of(world, "carol"));       // one without, of a client's own token, changes nothing
  CHECK(world.cache().answers_carry_sid(0));
  apply(world, by_sid("s2"));
  CHECK(unmappable(world) == 1);
  CHECK(world.outcome("u") == LookupOutcome::kMiss);
}

TEST_CASE("sid_answers: what is said before the first answer is decided by it, once; inactive ones say nothing") {
  CacheWorld without;
  without.fetch("n", CacheWorld::inactive());
  apply(without, by_sid("s1"));
  apply(without, by_sid("s2"));
  CHECK(unmappable(without) == 0);
  without.fetch("t", of(without, "alice"));
  CHECK(unmappable(without) == 2);
  without.fetch("u", of(without, "bob"));
  CHECK(unmappable(without) == 2);
  CacheWorld with;
  apply(with, by_sid("s1"));
  CHECK_FALSE(with.cache().answers_carry_sid(0));
  with.fetch("t", of(with, "alice", "s1"));   // within the hold: not stored, and an answer all the same
  CHECK(with.cache().answers_carry_sid(0));
  with.fetch("u", of(with, "bob"));
  CHECK(unmappable(with) == 0);
}

TEST_CASE("sid_answers: each server's answers count for it alone") {
  CacheOptions options;
  options.servers = 2;
  CacheWorld world(options);
  world.fetch("t", of(world, "alice", "s1"), 0);
  world.fetch("t", of(world, "alice"), 1);
  apply(world, by_sid("s1"), 0);
  CHECK(unmappable(world) == 0);
  apply(world, by_sid("s1"), 1);
  CHECK(unmappable(world) == 1);
}

}  // namespace introspectd::cache
