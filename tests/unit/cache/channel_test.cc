#include <doctest/doctest.h>

#include "cache_world.h"

namespace introspectd::cache {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::CacheWorld;

// An AS with a channel: ttl 30 s, ttl_live 5 min.
CacheOptions with_channel() {
  CacheOptions options;
  options.freshness.ttl_live = minutes{5};
  options.freshness.ttl_without_exp = minutes{5};
  options.traits = {{"main", true}};
  return options;
}

void proven(CacheWorld& world, MonoTime since, MonoTime proof) {
  world.cache().set_channel(0, {true, since, proof, seconds{30}});
}

}  // namespace

TEST_CASE("channel: until something is proven an entry is served for ttl (I13)") {
  CacheWorld world(with_channel());
  world.fetch("t", world.active());
  world.pass(seconds{30} - milliseconds{16});
  CHECK(world.outcome("t") == LookupOutcome::kHit);
  world.pass(milliseconds{16});
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
}

TEST_CASE("channel: a proof covers what started since G, for ttl after it and ttl_live in all (I13)") {
  CacheWorld world(with_channel());
  proven(world, world.now.mono, world.now.mono);
  world.fetch("t", world.active());
  for (int i = 0; i < 12; ++i) {
    world.pass(seconds{25} - milliseconds{16});
    CHECK(world.outcome("t") == LookupOutcome::kHit);
    proven(world, world.now.mono - minutes{50}, world.now.mono);
  }
  world.pass(milliseconds{12 * 16 - 16});   // one tick before five minutes
  CHECK(world.outcome("t") == LookupOutcome::kHit);
  world.pass(milliseconds{16});
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
}

TEST_CASE("channel: nothing is served past ttl after the last proof; the next proof brings it back (no stampede)") {
  CacheWorld world(with_channel());
  const MonoTime began = world.now.mono;
  world.fetch("t", world.active());
  world.pass(seconds{20});
  proven(world, began, world.now.mono);
  world.pass(seconds{30} - milliseconds{16});
  CHECK(world.outcome("t") == LookupOutcome::kHit);
  world.pass(milliseconds{16});
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
  proven(world, began, world.now.mono);
  CHECK(world.outcome("t") == LookupOutcome::kHit);
}

TEST_CASE("channel: what started before G is judged by its own age alone (I14)") {
  CacheWorld world(with_channel());
  world.fetch("t", world.active());
  const MonoTime start = world.now.mono;
  world.pass(seconds{40});
  proven(world, start, world.now.mono);
  CHECK(world.outcome("t") == LookupOutcome::kHit);
  proven(world, start + milliseconds{1}, world.now.mono);
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
  world.cache().set_channel(0, {false, {}, {}, seconds{30}});
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
}

TEST_CASE("channel: clear shortens what may be served after a loss to channel_timeout") {
  CacheWorld world(with_channel());
  world.fetch("t", world.active());
  world.cache().set_channel(0, {false, {}, {}, seconds{10}});
  world.pass(seconds{10} - milliseconds{16});
  CHECK(world.outcome("t") == LookupOutcome::kHit);
  world.pass(milliseconds{16});
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
}

TEST_CASE("channel: an age of nothing serves nothing; a proof from the future serves, within ttl_live") {
  CacheWorld world(with_channel());
  world.fetch("t", world.active());
  world.cache().set_channel(0, {false, {}, {}, seconds{0}});
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
  proven(world, world.now.mono, world.now.mono + minutes{60});
  CHECK(world.outcome("t") == LookupOutcome::kHit);
}

TEST_CASE("channel: ttl = 0 stores nothing, however alive the channel (I9); exp and ttl_without_exp still end a life") {
  CacheOptions options = with_channel();
  options.freshness.ttl = {};
  CacheWorld none(options);
  CHECK(none.fetch("t", none.active()).outcome == CommitOutcome::kNotStorable);
  options = with_channel();
  options.freshness.ttl_without_exp = seconds{60};
  CacheWorld world(options);
  proven(world, world.now.mono, world.now.mono + minutes{60});
  world.fetch("soon", world.active(100));
  oauth::IntrospectionAnswer without_exp = world.active();
  without_exp.exp.reset();
  world.fetch("never", without_exp);
  world.pass(seconds{59});
  CHECK(world.outcome("never") == LookupOutcome::kHit);
  world.pass(seconds{1});
  CHECK(world.outcome("never") == LookupOutcome::kMiss);
  world.pass(seconds{38});
  CHECK(world.outcome("soon") == LookupOutcome::kHit);
  world.pass(seconds{1});
  CHECK(world.outcome("soon") == LookupOutcome::kMiss);
}

TEST_CASE("channel: an AS without a channel lives for ttl, whatever ttl_live says") {
  CacheOptions options = with_channel();
  options.traits = {{"main", false}};
  CacheWorld world(options);
  world.fetch("t", world.active());
  world.pass(seconds{30} - milliseconds{16});
  CHECK(world.outcome("t") == LookupOutcome::kHit);
  world.pass(milliseconds{16});
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
}

}  // namespace introspectd::cache
