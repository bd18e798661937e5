#include "cache/judgement.h"

#include <doctest/doctest.h>

#include <initializer_list>

namespace introspectd::cache {

TEST_CASE("judgement: stored only when no matching purge is newer than the flight's start (I2)") {
  CHECK(may_store(10, {}));
  CHECK(may_store(10, {9, false}));
  CHECK_FALSE(may_store(10, {11, false}));
  CHECK_FALSE(may_store(10, {9, true}));
}

TEST_CASE("judgement: a dead token is false for every waiter, whatever the AS said (I4)") {
  CHECK(judge_waiter(10, 5, {11, true}) == WaiterFate::kInactive);
  CHECK(judge_waiter(10, 50, {11, true}) == WaiterFate::kInactive);
}

TEST_CASE("judgement: who looked before the purge has the answer, who looked after waits for a successor (I3)") {
  CHECK(judge_waiter(10, 10, {11, false}) == WaiterFate::kAnswer);
  CHECK(judge_waiter(10, 11, {11, false}) == WaiterFate::kSuccessor);
  CHECK(judge_waiter(10, 12, {11, false}) == WaiterFate::kSuccessor);
}

TEST_CASE("judgement: a purge older than the flight concerns nobody") {
  CHECK(judge_waiter(10, 9, {9, false}) == WaiterFate::kAnswer);
  CHECK(judge_waiter(10, 99, {9, false}) == WaiterFate::kAnswer);
}

TEST_CASE("judgement: what is held is answered and not stored; a hold keeps nobody waiting (SPEC 6)") {
  CHECK_FALSE(may_store(10, {9, false, true}));
  CHECK(judge_waiter(10, 50, {9, false, true}) == WaiterFate::kAnswer);
}

TEST_CASE("judgement: purges add up to the newest, dead and held if any says so") {
  MatchingPurge purge{5, false, false};
  purge.add({7, false, true});
  purge.add({6, true, false});
  CHECK(purge.newest == 7);
  CHECK(purge.dead);
  CHECK(purge.hold);
}

TEST_CASE("judgement: a cut-off is inclusive, needs iat, and outlasts the hold") {
  for (const bool within_hold : {true, false}) {
    CHECK(judge_claim(PurgeKind::kCutOff, 100, within_hold, {99, false}) == ClaimFate::kDead);
    CHECK(judge_claim(PurgeKind::kCutOff, 100, within_hold, {100, false}) == ClaimFate::kDead);
    CHECK(judge_claim(PurgeKind::kCutOff, 100, within_hold, {100, true}) == ClaimFate::kDead);
    CHECK(judge_claim(PurgeKind::kCutOff, 100, within_hold, {101, false}) == ClaimFate::kUntouched);
  }
  CHECK(judge_claim(PurgeKind::kCutOff, 100, true, {0, false}) == ClaimFate::kAsk);
  CHECK(judge_claim(PurgeKind::kCutOff, 100, false, {0, false}) == ClaimFate::kUntouched);
}

TEST_CASE("judgement: a logout kills within its hold, and asks where offline_access stands in the scope") {
  CHECK(judge_claim(PurgeKind::kLogout, 100, true, {100, false}) == ClaimFate::kDead);
  CHECK(judge_claim(PurgeKind::kLogout, 100, true, {100, true}) == ClaimFate::kAsk);
  CHECK(judge_claim(PurgeKind::kLogout, 100, true, {0, false}) == ClaimFate::kAsk);
  CHECK(judge_claim(PurgeKind::kLogout, 100, true, {101, false}) == ClaimFate::kUntouched);
  CHECK(judge_claim(PurgeKind::kLogout, 100, false, {100, false}) == ClaimFate::kUntouched);
}

TEST_CASE("judgement: a hold asks whatever was issued when, until it ends") {
  CHECK(judge_claim(PurgeKind::kHold, 100, true, {500, false}) == ClaimFate::kAsk);
  CHECK(judge_claim(PurgeKind::kHold, 100, false, {1, false}) == ClaimFate::kUntouched);
}

}  // namespace introspectd::cache
