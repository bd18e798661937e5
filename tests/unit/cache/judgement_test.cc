#include "cache/judgement.h"

#include <doctest/doctest.h>

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

}  // namespace introspectd::cache
