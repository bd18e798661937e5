#include "service/held_events.h"

#include <doctest/doctest.h>

#include <string>

namespace introspectd::service {

using namespace std::chrono_literals;

TEST_CASE("held_events: one is held for two minutes, and refused at the end of them") {
  HeldEvents held;
  const MonoTime start = MonoTime::from_ns(1);
  CHECK(held.hold("a", start) == HoldAnswer::kHeld);
  CHECK(held.hold("a", start + HeldEvents::kHeldFor - Duration{1}) == HoldAnswer::kHeld);
  CHECK(held.hold("a", start + HeldEvents::kHeldFor) == HoldAnswer::kTooLong);
  held.settled("a");
  CHECK(held.empty());
  CHECK(held.hold("a", start + HeldEvents::kHeldFor) == HoldAnswer::kHeld);
}

TEST_CASE("held_events: between two judgements it rests; what is not held does not") {
  HeldEvents held;
  const MonoTime start = MonoTime::from_ns(1);
  CHECK_FALSE(held.rests("a", start));
  CHECK(held.hold("a", start) == HoldAnswer::kHeld);
  CHECK(held.rests("a", start + HeldEvents::kRest - Duration{1}));
  CHECK_FALSE(held.rests("b", start));
  CHECK_FALSE(held.rests("a", start + HeldEvents::kRest));
  CHECK(held.hold("a", start + HeldEvents::kRest) == HoldAnswer::kHeld);
  CHECK(held.rests("a", start + HeldEvents::kRest));
}

TEST_CASE("held_events: one that waits for keys waits for as long as it takes; its two minutes begin when it is refused") {
  HeldEvents held;
  MonoTime now = MonoTime::from_ns(1);
  CHECK(held.hold("a", now) == HoldAnswer::kHeld);
  for (int i = 0; i < 50; ++i) {
    now = now + HeldEvents::kHeldFor - Duration{1};
    CHECK(held.await_keys("a", now) == HoldAnswer::kHeld);
    CHECK(held.rests("a", now));
    CHECK_FALSE(held.forget_old(now));
  }
  CHECK(held.hold("a", now + HeldEvents::kHeldFor - Duration{1}) == HoldAnswer::kHeld);
  CHECK(held.hold("a", now + HeldEvents::kHeldFor) == HoldAnswer::kTooLong);
  CHECK(held.size() == 1);
}

TEST_CASE("held_events: 1024 are held, for one more there is no room until one is settled") {
  HeldEvents held;
  const MonoTime now = MonoTime::from_ns(1);
  for (std::size_t i = 0; i < HeldEvents::kHeldMost; ++i) REQUIRE(held.hold(std::to_string(i), now) == HoldAnswer::kHeld);
  CHECK(held.hold("one more", now) == HoldAnswer::kNoRoom);
  CHECK(held.await_keys("one more", now) == HoldAnswer::kNoRoom);
  CHECK(held.hold("0", now) == HoldAnswer::kHeld);
  CHECK(held.await_keys("1", now) == HoldAnswer::kHeld);
  held.settled("0");
  CHECK(held.hold("one more", now) == HoldAnswer::kHeld);
  CHECK(held.size() == HeldEvents::kHeldMost);
}

TEST_CASE("held_events: what does not come any more is forgotten, and that is told once") {
  HeldEvents held;
  const MonoTime start = MonoTime::from_ns(1);
  CHECK(held.hold("a", start) == HoldAnswer::kHeld);
  CHECK(held.rests("a", start + 1s));
  CHECK_FALSE(held.forget_old(start + HeldEvents::kForgottenAfter));
  CHECK(held.forget_old(start + HeldEvents::kForgottenAfter + 1s));
  CHECK(held.empty());
  CHECK_FALSE(held.forget_old(start + HeldEvents::kForgottenAfter + 1s));
}

}  // namespace introspectd::service
