#include "cache/freshness.h"

#include <doctest/doctest.h>

namespace introspectd::cache {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kWall = 1'800'000'000;
const Now kStart{MonoTime::from_ns(1'000'000'000), WallTime::from_seconds(kWall)};

Now after(Duration d) { return {kStart.mono + d, kStart.wall + d}; }

oauth::IntrospectionAnswer active(std::optional<std::int64_t> exp) {
  oauth::IntrospectionAnswer answer;
  answer.active = true;
  answer.body = R"({"active":true})";
  answer.exp = exp;
  return answer;
}

Duration life(const oauth::IntrospectionAnswer& answer, const FreshnessPolicy& policy = {}, Now now = kStart) {
  const Worth worth = judge_freshness(answer, policy, kStart, now);
  return worth.storable ? worth.dies - kStart.mono : Duration::zero();
}

}  // namespace

TEST_CASE("freshness: the life is the least of ttl and exp - skew (I7, STD 1.15)") {
  CHECK(life(active(kWall + 3600)) == seconds{30});
  CHECK(life(active(kWall + 31)) == seconds{30});
  CHECK(life(active(kWall + 30)) == seconds{29});
  CHECK(life(active(kWall + 2)) == seconds{1});
}

TEST_CASE("freshness: without exp it is at most ttl_without_exp (I10, F62)") {
  FreshnessPolicy policy;
  policy.ttl_without_exp = seconds{7};
  CHECK(life(active(std::nullopt), policy) == seconds{7});
  policy.ttl_without_exp = seconds{70};
  CHECK(life(active(std::nullopt), policy) == seconds{30});
  CHECK(judge_freshness(active(std::nullopt), policy, kStart, kStart).active);
}

TEST_CASE("freshness: the life runs from the call's start, not from its end (I8, I13)") {
  const Worth worth = judge_freshness(active(kWall + 3600), {}, kStart, after(seconds{2}));
  CHECK(worth.storable);
  CHECK(worth.dies == kStart.mono + seconds{30});
}

TEST_CASE("freshness: an exp that has passed, or passes now, is false and not stored (F57, F58)") {
  for (const std::int64_t exp : {kWall - 1, kWall, kWall + 1}) {   // skew is 1 s: exp - skew <= now
    const Worth worth = judge_freshness(active(exp), {}, kStart, kStart);
    CHECK_FALSE(worth.active);
    CHECK_FALSE(worth.storable);
    CHECK(worth.not_current);
  }
  CHECK(judge_freshness(active(kWall + 2), {}, kStart, kStart).active);
}

TEST_CASE("freshness: an exp that passes while the AS answers is false") {
  CHECK_FALSE(judge_freshness(active(kWall + 3), {}, kStart, after(seconds{2})).active);
  CHECK(judge_freshness(active(kWall + 3), {}, kStart, after(milliseconds{1999})).active);
}

TEST_CASE("freshness: nbf beyond the skew is false and not stored (F59)") {
  oauth::IntrospectionAnswer answer = active(kWall + 3600);
  answer.nbf = kWall + 2;
  CHECK_FALSE(judge_freshness(answer, {}, kStart, kStart).active);
  CHECK(judge_freshness(answer, {}, kStart, kStart).not_current);
  answer.nbf = kWall + 1;
  CHECK(judge_freshness(answer, {}, kStart, kStart).active);
}

TEST_CASE("freshness: iat in the future is served, not stored, and suspected (F59)") {
  oauth::IntrospectionAnswer answer = active(kWall + 3600);
  answer.iat = kWall + 2;
  const Worth worth = judge_freshness(answer, {}, kStart, kStart);
  CHECK(worth.active);
  CHECK_FALSE(worth.storable);
  CHECK(worth.clock_skew_suspected);
  answer.iat = kWall + 1;
  CHECK(judge_freshness(answer, {}, kStart, kStart).storable);
}

TEST_CASE("freshness: a ttl of zero stores nothing (I9): 0 never means for ever") {
  FreshnessPolicy policy;
  policy.ttl = Duration::zero();
  CHECK(judge_freshness(active(kWall + 3600), policy, kStart, kStart).active);
  CHECK_FALSE(judge_freshness(active(kWall + 3600), policy, kStart, kStart).storable);
  policy.negative_ttl = Duration::zero();
  CHECK_FALSE(judge_freshness({}, policy, kStart, kStart).storable);
}

TEST_CASE("freshness: an answer that took longer than its life is not stored") {
  CHECK(life(active(kWall + 3600), {}, after(seconds{30})) == Duration::zero());
  CHECK(life(active(kWall + 3600), {}, after(milliseconds{29999})) == seconds{30});
}

TEST_CASE("freshness: an inactive answer lives for negative_ttl from the start") {
  const Worth worth = judge_freshness({}, {}, kStart, after(seconds{1}));
  CHECK_FALSE(worth.active);
  CHECK_FALSE(worth.not_current);
  CHECK(worth.storable);
  CHECK(worth.dies == kStart.mono + seconds{5});
}

TEST_CASE("freshness: an exp beyond 2106 neither overflows nor shortens (PEERS 4)") {
  for (const std::int64_t exp : {std::int64_t{0xfffffffe}, std::int64_t{0xffffffff}, std::int64_t{0x100000000},
                                 std::int64_t{253402300799}, std::int64_t{9223372036854775807}}) {
    CHECK(life(active(exp)) == seconds{30});
    CHECK(judge_freshness(active(exp), {}, kStart, kStart).exp != kNoExp);
  }
}

TEST_CASE("freshness: milliseconds taken for seconds still live for no longer than ttl (PEERS 4)") {
  CHECK(life(active((kWall + 10) * 1000)) == seconds{30});
}

TEST_CASE("freshness: W < exp - skew, to the millisecond (I7)") {
  const auto exp = static_cast<std::uint32_t>(kWall);
  CHECK(before_exp(exp, WallTime::from_ms(kWall * 1000 - 1001), seconds{1}));
  CHECK_FALSE(before_exp(exp, WallTime::from_ms(kWall * 1000 - 1000), seconds{1}));
  CHECK(before_exp(kNoExp, WallTime::from_seconds(kWall * 2), seconds{1}));
}

}  // namespace introspectd::cache
