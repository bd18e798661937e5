#include "service/held_events.h"

#include <doctest/doctest.h>

#include <string>

namespace introspectd::service {

using namespace std::chrono_literals;

TEST_CASE("held_events: one is held for two minutes, and refused at the end of them") {
  HeldEvents held;
  const MonoTime start = MonoTime::from_ns(1);
  CHECK(held.hold("a", start));
  CHECK(held.hold("a", start + HeldEvents::kHeldFor - Duration{1}));
  CHECK_FALSE(held.hold("a", start + HeldEvents::kHeldFor));
  held.settled("a");
  CHECK(held.empty());
  CHECK(held.hold("a", start + HeldEvents::kHeldFor));
}

TEST_CASE("held_events: between two judgements it rests; what is not held does not") {
  HeldEvents held;
  const MonoTime start = MonoTime::from_ns(1);
  CHECK_FALSE(held.rests("a", start));
  CHECK(held.hold("a", start));
  CHECK(held.rests("a", start + HeldEvents::kRest - Duration{1}));
  CHECK_FALSE(held.rests("b", start));
  CHECK_FALSE(held.rests("a", start + HeldEvents::kRest));
  CHECK(held.hold("a", start + HeldEvents::kRest));
  CHECK(held.rests("a", start + HeldEvents::kRest));
}

TEST_CASE("held_events: 1024 are held, one more is refused at once, and room comes back") {
  HeldEvents held;
  const MonoTime now = MonoTime::from_ns(1);
  for (std::size_t i = 0; i < HeldEvents::kHeldMost; ++i) REQUIRE(held.hold(std::to_string(i), now));
  CHECK_FALSE(held.hold("one more", now));
  CHECK(held.hold("0", now));
  held.settled("0");
  CHECK(held.hold("one more", now));
  CHECK(held.size() == HeldEvents::kHeldMost);
}

TEST_CASE("held_events: what does not come any more is forgotten, and that is told once") {
  HeldEvents held;
  const MonoTime start = MonoTime::from_ns(1);
  CHECK(held.hold("a", start));
  CHECK(held.rests("a", start + 1s));
  CHECK_FALSE(held.forget_old(start + HeldEvents::kForgottenAfter));
  CHECK(held.forget_old(start + HeldEvents::kForgottenAfter + 1s));
  CHECK(held.empty());
  CHECK_FALSE(held.forget_old(start + HeldEvents::kForgottenAfter + 1s));
}

}  // namespace introspectd::service
