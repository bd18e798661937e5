#include <doctest/doctest.h>

#include <set>
#include <variant>

#include "cache_world.h"

namespace introspectd::testing {
namespace {

using cache::KeptClaimPurge;
using cache::KeptDeadToken;
using cache::KeptHoldOfAll;
using cache::KeptPurge;
using cache::TokenCache;
using oauth::Signal;
using oauth::SignalKind;
using std::chrono::seconds;

Signal of_sub(SignalKind kind, std::string sub) {
  Signal signal;
  signal.kind = kind;
  signal.match.sub = std::move(sub);
  signal.event_time = 1'799'999'000;
  return signal;
}

void enter(CacheWorld& world, const Signal& signal) {
  world.cache().enter_purge(0, signal, world.now);
  world.cache().barrier();
}

struct Seen {
  std::set<std::uint64_t> tags;
  std::size_t dead = 0, most_in_a_slice = 0;
  std::vector<KeptHoldOfAll> holds;
};

// `between` runs behind each slice.
template <typename F>
Seen exported(CacheWorld& world, F&& between) {
  Seen seen;
  std::size_t visited = 0;
  UniqueFunction<void(const KeptPurge&)> visit = [&](const KeptPurge& purge) {
    ++visited;
    if (const auto* const claim = std::get_if<KeptClaimPurge>(&purge)) seen.tags.insert(claim->tag);
    if (std::holds_alternative<KeptDeadToken>(purge)) ++seen.dead;
    if (const auto* const hold = std::get_if<KeptHoldOfAll>(&purge)) seen.holds.push_back(*hold);
  };
  TokenCache::PurgeExport at = world.cache().begin_export(world.now);
  bool more = true;
  while (more) {
    visited = 0;
    more = world.cache().export_slice(at, visit);
    seen.most_in_a_slice = std::max(seen.most_in_a_slice, visited);
    between();
  }
  return seen;
}

}  // namespace

TEST_CASE("purge export: slice by slice everything is there once, and no slice is longer than it may be (I35)") {
  CacheWorld world({}, 32U << 20U);
  constexpr int kClaims = 3 * static_cast<int>(TokenCache::kExportSlots);
  for (int i = 0; i < kClaims; ++i) enter(world, of_sub(SignalKind::kCutOff, "user " + std::to_string(i)));
  for (int i = 0; i < 2000; ++i) world.purge("token " + std::to_string(i));
  const Seen seen = exported(world, [] {});
  CHECK(seen.tags.size() == kClaims);
  CHECK(seen.dead == 2000);
  CHECK(seen.most_in_a_slice <= TokenCache::kExportSlots);
  CHECK(seen.most_in_a_slice > TokenCache::kExportSlots / 2);
}

TEST_CASE("purge export: what was purged before it began is there, though it is said again and more comes meanwhile") {
  CacheWorld world({}, 32U << 20U);
  constexpr int kClaims = 2 * static_cast<int>(TokenCache::kExportSlots);
  for (int i = 0; i < kClaims; ++i) enter(world, of_sub(SignalKind::kCutOff, "user " + std::to_string(i)));
  const Seen before = exported(world, [] {});
  int round = 0;
  const Seen meanwhile = exported(world, [&] {
    enter(world, of_sub(SignalKind::kCutOff, "user " + std::to_string(kClaims - 1 - round)));
    enter(world, of_sub(SignalKind::kCutOff, "user " + std::to_string(round)));
    enter(world, of_sub(SignalKind::kCutOff, "another " + std::to_string(round++)));
  });
  REQUIRE(before.tags.size() == kClaims);
  for (const std::uint64_t tag : before.tags) CHECK(meanwhile.tags.contains(tag));
}

TEST_CASE("purge export: what is left is what was left when it began, however long it takes") {
  CacheWorld world;
  enter(world, of_sub(SignalKind::kHold, "alice"));
  Duration left{};
  UniqueFunction<void(const KeptPurge&)> visit = [&](const KeptPurge& purge) {
    if (const auto* const claim = std::get_if<KeptClaimPurge>(&purge)) left = claim->hold_left;
  };
  TokenCache::PurgeExport at = world.cache().begin_export(world.now);
  bool more = true;
  while (more) {
    world.pass(std::chrono::milliseconds{100});
    more = world.cache().export_slice(at, visit);
  }
  CHECK(left >= seconds{10});
  CHECK(left < seconds{10} + std::chrono::milliseconds{40});
}

TEST_CASE("purge export: an AS that is held whole for want of room is so in another process (I6)") {
  CacheWorld world;
  for (std::size_t kept = 0; world.cache().purge_counts().kept == kept; ++kept) {
    enter(world, of_sub(SignalKind::kHold, "user " + std::to_string(kept)));
  }
  const Seen seen = exported(world, [] {});
  REQUIRE(seen.holds.size() == 1);
  CHECK(seen.holds[0].left >= seconds{10});
  CacheWorld restarted;
  restarted.cache().import_purge(seen.holds[0], restarted.now);
  restarted.cache().barrier();
  restarted.fetch("t", restarted.active());
  CHECK(restarted.outcome("t") == cache::LookupOutcome::kMiss);
  restarted.pass(seen.holds[0].left + seconds{1});
  restarted.fetch("t", restarted.active());
  CHECK(restarted.outcome("t") == cache::LookupOutcome::kHit);
}

}  // namespace introspectd::testing
