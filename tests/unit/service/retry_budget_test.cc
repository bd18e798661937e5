#include "service/retry_budget.h"

#include <doctest/doctest.h>

namespace introspectd::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
const MonoTime kStart = MonoTime::from_ns(1'000'000'000'000);

}  // namespace

TEST_CASE("retry budget: a quiet node may retry, ten times in ten seconds and not once more (I33, F78)") {
  RetryBudget budget;
  for (std::uint64_t i = 0; i < RetryBudget::kAlways; ++i) CHECK(budget.take_retry(kStart));
  CHECK_FALSE(budget.take_retry(kStart));
  CHECK_FALSE(budget.take_retry(kStart + milliseconds{8'999}));
  CHECK(budget.take_retry(kStart + seconds{10}));
}

TEST_CASE("retry budget: under load at most a tenth of the first tries (I33)") {
  RetryBudget budget;
  for (int i = 0; i < 1000; ++i) budget.first_try(kStart + milliseconds{i});
  std::uint64_t taken = 0;
  while (budget.take_retry(kStart + seconds{1})) ++taken;
  CHECK(taken == 100 + RetryBudget::kAlways);
}

TEST_CASE("retry budget: what is older than ten seconds counts no more") {
  RetryBudget budget;
  for (int i = 0; i < 1000; ++i) budget.first_try(kStart);
  std::uint64_t taken = 0;
  while (budget.take_retry(kStart + seconds{11})) ++taken;
  CHECK(taken == RetryBudget::kAlways);
}

TEST_CASE("retry budget: a long silence forgets everything") {
  RetryBudget budget;
  while (budget.take_retry(kStart)) {
  }
  CHECK(budget.take_retry(kStart + std::chrono::hours{1000}));
}

}  // namespace introspectd::service
