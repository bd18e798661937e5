#include "service/breaker.h"

#include <doctest/doctest.h>

#include <tuple>

namespace introspectd::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Admission = Breaker::Admission;

MonoTime at(Duration d) { return MonoTime::from_ns(1'000'000'000'000) + d; }

void fail(Breaker& breaker, unsigned times, MonoTime now) {
  for (unsigned i = 0; i < times; ++i) breaker.failed(now);
}

}  // namespace

TEST_CASE("breaker: opens at the tenth failure in a row, not at the ninth") {
  Breaker breaker(1);
  fail(breaker, Breaker::kFailuresToOpen - 1, at(seconds{0}));
  CHECK(breaker.admit(at(seconds{0})) == Admission::kPass);
  breaker.failed(at(seconds{0}));
  CHECK(breaker.admit(at(seconds{0})) == Admission::kRefuse);
  CHECK(breaker.times_opened() == 1);
}

TEST_CASE("breaker: a success in between begins the count anew") {
  Breaker breaker(1);
  fail(breaker, 9, at(seconds{0}));
  breaker.succeeded(at(seconds{0}));
  fail(breaker, 9, at(seconds{0}));
  CHECK(breaker.state() == Breaker::State::kClosed);
}

TEST_CASE("breaker: while open one probe an interval, jittered (I33)") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Breaker breaker(seed);
    fail(breaker, 10, at(seconds{0}));
    CHECK(breaker.admit(at(milliseconds{740})) == Admission::kRefuse);
    CHECK(breaker.admit(at(milliseconds{1260})) == Admission::kProbe);
    CHECK(breaker.admit(at(milliseconds{1260})) == Admission::kRefuse);
  }
}

TEST_CASE("breaker: a probe that succeeds closes it, one that fails waits longer, at most 8 s (I36)") {
  Breaker breaker(1);
  fail(breaker, 10, at(seconds{0}));
  MonoTime now = at(seconds{0});
  for (int probe = 0; probe < 10; ++probe) {
    now = now + seconds{11};   // more than the longest interval with its jitter
    REQUIRE(breaker.admit(now) == Admission::kProbe);
    breaker.failed(now);
    REQUIRE(breaker.admit(now) == Admission::kRefuse);
  }
  now = now + milliseconds{10'001};
  CHECK(breaker.admit(now) == Admission::kProbe);
  breaker.succeeded(now);
  CHECK(breaker.admit(now) == Admission::kPass);
}

TEST_CASE("breaker: a straggler from before it opened does not close it") {
  Breaker breaker(1);
  fail(breaker, 10, at(seconds{0}));
  breaker.succeeded(at(seconds{0}));
  CHECK(breaker.state() == Breaker::State::kOpen);
}

TEST_CASE("breaker: a probe without a verdict leaves it open, and another may come") {
  Breaker breaker(1);
  fail(breaker, 10, at(seconds{0}));
  REQUIRE(breaker.admit(at(seconds{2})) == Admission::kProbe);
  breaker.probe_abandoned(at(seconds{2}));
  CHECK(breaker.admit(at(seconds{2})) == Admission::kRefuse);
  CHECK(breaker.admit(at(seconds{5})) == Admission::kProbe);
}

TEST_CASE("breaker: Retry-After is honoured within 1 to 60 s (F66)") {
  for (const auto& [asked, least, most] : {std::tuple{seconds{0}, seconds{1}, seconds{2}},
                                           std::tuple{seconds{5}, seconds{5}, seconds{6}},
                                           std::tuple{seconds{100'000}, seconds{60}, seconds{66}}}) {
    Breaker breaker(1);
    breaker.hold_off(asked, at(seconds{0}));
    CHECK(breaker.admit(at(least) - milliseconds{1}) == Admission::kRefuse);
    CHECK(breaker.admit(at(most)) == Admission::kProbe);
  }
}

TEST_CASE("breaker: it moves at most once a second however the AS flaps (F81)") {
  Breaker breaker(1);
  MonoTime now = at(seconds{0});
  for (int i = 0; i < 100'000; ++i) {
    now = now + milliseconds{1};
    const Admission admission = breaker.admit(now);
    if (admission == Admission::kRefuse) continue;
    if (i % 13 == 0) {
      breaker.succeeded(now);
    } else {
      breaker.failed(now);
    }
  }
  CHECK(breaker.times_opened() <= 100);
}

TEST_CASE("breaker: a refused caller is told to wait at least a second") {
  Breaker breaker(1);
  CHECK(breaker.retry_after(at(seconds{0})) == seconds{1});
  breaker.hold_off(seconds{30}, at(seconds{0}));
  CHECK(breaker.retry_after(at(seconds{0})) >= seconds{30});
}

}  // namespace introspectd::service
