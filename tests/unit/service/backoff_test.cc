#include "service/backoff.h"

#include <doctest/doctest.h>

namespace introspectd::service {

using namespace std::chrono_literals;

TEST_CASE("backoff: twice as long each time up to the most, never less than half of a step (I33)") {
  Random random(1);
  Backoff backoff(1s, 8s);
  for (const Duration step : {Duration{1s}, Duration{2s}, Duration{4s}, Duration{8s}, Duration{8s}}) {
    const Duration wait = backoff.next(random);
    CHECK(wait >= step / 2);
    CHECK(wait <= step);
  }
  backoff.reset();
  CHECK(backoff.next(random) <= 1s);
}

TEST_CASE("backoff: two nodes do not come back in step") {
  Random one(1);
  Random other(2);
  Backoff first(1s, 30s);
  Backoff second(1s, 30s);
  int same = 0;
  for (int i = 0; i < 20; ++i) same += first.next(one) == second.next(other) ? 1 : 0;
  CHECK(same < 3);
}

}  // namespace introspectd::service
