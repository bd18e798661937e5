#include "oauth/arrival.h"

#include <doctest/doctest.h>

namespace introspectd::oauth {

TEST_CASE("arrival: a claim is cut off at now; the cache asks about what it has fetched before (F107)") {
  const Signals signals = cut_off_by_arrival({.sub = "alice", .sid = {}, .client_id = "app", .jti = {}},
                                             WallTime::from_ms(1'800'000'000'999));
  REQUIRE(signals.size() == 1);
  CHECK(signals[0].kind == SignalKind::kCutOff);
  CHECK(signals[0].match == ClaimMatch{.sub = "alice", .sid = {}, .client_id = "app", .jti = {}});
  CHECK(signals[0].event_time == 1'800'000'000);
}

TEST_CASE("arrival: of a whole AS everything fetched before is asked again as well, whatever our clock says (F107)") {
  const Signals signals = cut_off_by_arrival({}, WallTime::from_ms(1'800'000'000'000));
  REQUIRE(signals.size() == 2);
  CHECK(signals[0].kind == SignalKind::kCutOff);
  CHECK(signals[0].match.empty());
  CHECK(signals[0].event_time == 1'800'000'000);
  CHECK(signals[1].kind == SignalKind::kFlush);
  CHECK(signals[1].event_time == 1'800'000'000);
}

}  // namespace introspectd::oauth
