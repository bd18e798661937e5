#include "cache/dead_tokens.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

namespace introspectd::cache {
namespace {

using Kept = DeadTokens::Kept;

struct OneSet {
  alignas(64) std::array<std::byte, DeadTokens::kWays * sizeof(DeadSlot)> memory{};
  DeadTokens dead{memory};

  DeadTokens::KeepResult keep(int i, Tick until, bool unknown, Seq seq = 1, Tick now = 1) {
    return dead.keep(0, {hash_token(std::to_string(i)), seq, until, 0, static_cast<std::uint16_t>(unknown ? 1 : 0)},
                     now);
  }
  bool has(int i, Tick now = 1) { return dead.find(0, hash_token(std::to_string(i)), 0, now) != nullptr; }
};

}  // namespace

TEST_CASE("dead tokens: dead until its end, not beyond (I4)") {
  OneSet set;
  set.keep(1, 10, false);
  CHECK(set.has(1, 9));
  CHECK_FALSE(set.has(1, 10));
}

TEST_CASE("dead tokens: revoked again, the later end stays") {
  OneSet set;
  set.keep(1, 10, false);
  CHECK(set.keep(1, 5, false).kept == Kept::kExtended);
  CHECK(set.has(1, 9));
  CHECK(set.keep(1, 20, false).kept == Kept::kExtended);
  CHECK(set.has(1, 19));
}

TEST_CASE("dead tokens: eight known fit, the ninth pushes out the first to end, and says which (I6)") {
  OneSet set;
  for (int i = 0; i < 8; ++i) CHECK(set.keep(i, static_cast<Tick>(100 - i), false).kept == Kept::kAdded);
  const DeadTokens::KeepResult result = set.keep(8, 200, false);
  CHECK(result.kept == Kept::kForgotAnother);
  CHECK(result.forgotten.token == hash_token("7"));
  CHECK(set.has(8));
  CHECK_FALSE(set.has(7));
}

TEST_CASE("dead tokens: an ended one makes room without loss") {
  OneSet set;
  for (int i = 0; i < 8; ++i) set.keep(i, static_cast<Tick>(10 + i), false);
  CHECK(set.keep(8, 200, false, 1, 10).kept == Kept::kAdded);
}

TEST_CASE("dead tokens: unknown ones take at most four ways (F102)") {
  OneSet set;
  for (int i = 0; i < 4; ++i) CHECK(set.keep(i, static_cast<Tick>(100 + i), true).kept == Kept::kAdded);
  const DeadTokens::KeepResult fifth = set.keep(4, 200, true);
  CHECK(fifth.kept == Kept::kForgotAnother);
  CHECK(fifth.forgotten.unknown == 1);
  for (int i = 10; i < 14; ++i) CHECK(set.keep(i, 300, false).kept == Kept::kAdded);
}

TEST_CASE("dead tokens: unknown ones never push out a known one (F102)") {
  OneSet set;
  for (int i = 0; i < 8; ++i) set.keep(i, 100, false);
  CHECK(set.keep(8, 200, true).kept == Kept::kNoRoom);
  for (int i = 0; i < 8; ++i) CHECK(set.has(i));
}

TEST_CASE("dead tokens: a known one pushes out an unknown one first") {
  OneSet set;
  for (int i = 0; i < 4; ++i) set.keep(i, 10, false);
  for (int i = 4; i < 8; ++i) set.keep(i, 1000, true);
  CHECK(set.keep(8, 20, false).forgotten.unknown == 1);
  for (int i = 0; i < 4; ++i) CHECK(set.has(i));
}

TEST_CASE("dead tokens: only the purge that made it lifts it (I24, STD 4.06)") {
  OneSet set;
  set.keep(1, 100, false, 7);
  CHECK_FALSE(set.dead.lift(0, hash_token("1"), 0, 6));
  CHECK_FALSE(set.dead.lift(0, hash_token("1"), 1, 7));
  CHECK(set.has(1));
  set.keep(1, 100, false, 9);   // revoked by another as well
  CHECK_FALSE(set.dead.lift(0, hash_token("1"), 0, 7));
  CHECK(set.dead.lift(0, hash_token("1"), 0, 9));
  CHECK_FALSE(set.has(1));
}

TEST_CASE("dead tokens: dead at one AS is not dead at another") {
  OneSet set;
  set.keep(1, 100, false);
  CHECK(set.dead.find(0, hash_token("1"), 1, 1) == nullptr);
}

}  // namespace introspectd::cache
