#include "cache/live_claims.h"

#include <doctest/doctest.h>

#include <vector>

namespace introspectd::cache {
namespace {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;   // spreads small numbers as a keyed hash would

ClaimTags sub(std::uint64_t tag) { return {tag, 0, 0, 0}; }

void end_lap(LiveClaims& live) {
  live.end_lap();
  while (!live.forget(7)) {}
}

struct Memory {
  std::vector<std::byte> bytes = std::vector<std::byte>(2 * 64 * LiveClaims::kSlotBytes);
};

}  // namespace

TEST_CASE("live_claims: empty until something enters; the newest seq of any tag counts") {
  Memory memory;
  LiveClaims live(memory.bytes);
  CHECK(live.empty());
  CHECK(live.newest({1, 2, 3, 4}) == 0);
  CHECK(live.enter(ClaimKind::kSub, kGolden, 5));
  CHECK(live.enter(ClaimKind::kSid, 2 * kGolden, 9));
  CHECK_FALSE(live.empty());
  CHECK(live.newest({kGolden, 0, 0, 0}) == 5);
  CHECK(live.newest({kGolden, 2 * kGolden, 0, 0}) == 9);
  CHECK(live.newest({0, 0, 3 * kGolden, 0}) == 0);
  CHECK(live.enter(ClaimKind::kSub, kGolden, 11));
  CHECK(live.newest(sub(kGolden)) == 11);
  CHECK(live.size() == 2);
}

TEST_CASE("live_claims: a generation takes exactly its capacity; one more tag is refused, a known one is not") {
  Memory memory;
  LiveClaims live(memory.bytes);
  REQUIRE(live.capacity() == 32);
  for (std::uint64_t i = 1; i <= live.capacity(); ++i) REQUIRE(live.enter(ClaimKind::kSub, i * kGolden, i));
  CHECK_FALSE(live.enter(ClaimKind::kSub, 1000 * kGolden, 1000));
  CHECK(live.newest(sub(1000 * kGolden)) == 0);
  CHECK(live.enter(ClaimKind::kSub, 7 * kGolden, 2000));
  CHECK(live.newest(sub(7 * kGolden)) == 2000);
  for (std::uint64_t i = 8; i <= live.capacity(); ++i) CHECK(live.newest(sub(i * kGolden)) == i);
}

TEST_CASE("live_claims: a lap forgets at its end what was live at its beginning, and nothing that came during it") {
  Memory memory;
  LiveClaims live(memory.bytes);
  live.enter(ClaimKind::kSub, kGolden, 1);
  live.begin_lap();
  CHECK(live.newest(sub(kGolden)) == 1);
  live.enter(ClaimKind::kSub, 2 * kGolden, 2);
  live.enter(ClaimKind::kSub, kGolden, 3);
  end_lap(live);
  CHECK(live.newest(sub(kGolden)) == 3);
  CHECK(live.newest(sub(2 * kGolden)) == 2);
  live.begin_lap();
  CHECK(live.newest(sub(2 * kGolden)) == 2);
  end_lap(live);
  CHECK(live.empty());
  CHECK(live.newest(sub(kGolden)) == 0);
  CHECK(live.size() == 0);
}

TEST_CASE("live_claims: each generation has room of its own, again after every lap") {
  Memory memory;
  LiveClaims live(memory.bytes);
  for (std::uint64_t round = 0; round < 10; ++round) {
    for (std::uint64_t i = 1; i <= live.capacity(); ++i) {
      REQUIRE(live.enter(ClaimKind::kJti, (round * 100 + i) * kGolden, i));
    }
    REQUIRE_FALSE(live.enter(ClaimKind::kJti, (round * 100 + 99) * kGolden, 99));
    live.begin_lap();
    end_lap(live);
    REQUIRE(live.empty());
  }
}

TEST_CASE("live_claims: what a lap hides is gone at once, and cleared in slices of as many slots as are asked for") {
  Memory memory;
  LiveClaims live(memory.bytes);
  for (std::uint64_t i = 1; i <= 20; ++i) live.enter(ClaimKind::kSub, i * kGolden, i);
  live.begin_lap();
  live.enter(ClaimKind::kSub, 100 * kGolden, 100);
  CHECK(live.entered() == 1);
  CHECK(live.size() == 21);
  live.end_lap();
  for (std::uint64_t i = 1; i <= 20; ++i) REQUIRE(live.newest(sub(i * kGolden)) == 0);
  CHECK(live.size() == 1);
  CHECK_FALSE(live.forget(10));
  CHECK_FALSE(live.forget(9));
  CHECK(live.newest(sub(100 * kGolden)) == 100);
  CHECK(live.forget(1));
  CHECK(live.forget(0));
  live.begin_lap();
  CHECK(live.enter(ClaimKind::kSub, 3 * kGolden, 200));
  CHECK(live.newest(sub(3 * kGolden)) == 200);
  CHECK(live.newest(sub(100 * kGolden)) == 100);
}

}  // namespace introspectd::cache
