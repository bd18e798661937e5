#include <doctest/doctest.h>

#include "service/revoker.h"

namespace introspectd::service {
namespace {

const MonoTime kStart = MonoTime::from_ns(1'000'000'000'000);

}  // namespace

TEST_CASE("unknown quota: a burst, not one more, then a steady rate (F102)") {
  UnknownQuota quota;
  for (std::uint64_t i = 0; i < UnknownQuota::kBurst; ++i) REQUIRE(quota.take(kStart));
  CHECK_FALSE(quota.take(kStart));
  CHECK_FALSE(quota.take(kStart + std::chrono::milliseconds{9}));
  CHECK(quota.take(kStart + std::chrono::milliseconds{10}));
  CHECK_FALSE(quota.take(kStart + std::chrono::milliseconds{19}));
  std::uint64_t taken = 0;
  while (quota.take(kStart + std::chrono::seconds{2})) ++taken;
  CHECK(taken == 199);
}

TEST_CASE("unknown quota: never more than the burst is saved up") {
  UnknownQuota quota;
  REQUIRE(quota.take(kStart));
  std::uint64_t taken = 0;
  while (quota.take(kStart + std::chrono::hours{24})) ++taken;
  CHECK(taken == UnknownQuota::kBurst);
}

}  // namespace introspectd::service
