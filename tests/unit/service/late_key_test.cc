// What becomes of events whose key reaches this node late, or never, while others use up the fetches of keys.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include "event_world.h"
#include "service/event_desk.h"

namespace introspectd::service {
namespace {

using testing::EventSigner;
using testing::EventWorld;
using ports::UpstreamEndpoint;
using namespace std::chrono_literals;

// Events that come while somebody else's made-up ones use up the fetches of keys.
struct LateKeyWorld {
  LateKeyWorld() { world.answer_keys(); }
  // A logout token of now, of a key that is not published: "" is the kid of another one that is.
  std::string by_a_late_key(std::string_view kid, std::int64_t issued) const {
    return EventSigner(77, kid.empty() ? "k1" : std::string(kid))
        .sign("logout+jwt", R"({"iat":)" + std::to_string(issued) + "}");
  }
  void send(std::string jws, EventOrigin origin, UniqueFunction<void(EventResult)> done) {
    SignedEvent event;
    event.kind = oauth::SignedEventKind::kLogoutToken;
    event.origin = origin;
    event.jws = std::move(jws);
    world.node->inbox().receive(std::move(event), std::move(done));
    world.loop.run_posted();
  }
  EventResult receive(std::string jws, EventOrigin origin = EventOrigin::kBackchannelLogout) {
    std::optional<EventResult> answer;
    send(std::move(jws), origin, [&answer](EventResult result) { answer = std::move(result); });
    if (!answer) world.answer_keys();
    REQUIRE(answer.has_value());
    return *answer;
  }
  void forge() { receive(EventSigner(666).sign("logout+jwt", "{}")); }
  std::size_t fetches() const { return world.calls_to(UpstreamEndpoint::kKeys).size(); }
  EventWorld world;
};

}  // namespace

TEST_CASE("late_key: keys that were asked for a moment after an event was issued do not refuse it for good") {
  for (const char* const kid : {"", "k2"}) {
    INFO(kid);
    const EventVerdict verdict = *kid == 0 ? EventVerdict::kBadSignature : EventVerdict::kUnknownKey;
    LateKeyWorld late;
    const std::string jws = late.by_a_late_key(kid, late.world.seconds());
    const auto settles_in = std::chrono::milliseconds{late.world.seconds() * 1000 - late.world.loop.time.wall.ms()} +
                            EventDesk::kKeysSettle;
    EventResult result = late.receive(jws);
    CHECK(late.fetches() == 2);                   // its own
    CHECK(result.verdict == verdict);
    CHECK(result.key_may_come);
    CHECK(result.come_again_in == KeyRing::kCooldown);
    late.world.loop.advance(settles_in - 1ms);
    result = late.receive(jws);
    CHECK(late.fetches() == 3);
    CHECK(result.key_may_come);
    late.world.loop.advance(KeyRing::kCooldown);
    result = late.receive(jws);
    CHECK(late.fetches() == 4);
    CHECK(result.verdict == verdict);
    CHECK_FALSE(result.key_may_come);
    LateKeyWorld at_the_end;
    const std::string another = at_the_end.by_a_late_key(kid, at_the_end.world.seconds());
    at_the_end.world.loop.advance(settles_in);
    CHECK_FALSE(at_the_end.receive(another).key_may_come);
  }
}

TEST_CASE("late_key: keys that were asked for before an event came do not refuse it for good, for an hour") {
  for (const char* const kid : {"", "k2"}) {
    INFO(kid);
    LateKeyWorld late;
    const std::string old = late.by_a_late_key(kid, late.world.seconds() - 3000);
    late.forge();
    REQUIRE(late.fetches() == 2);
    late.world.loop.advance(KeyRing::kCooldown - 1500ms);
    EventResult result = late.receive(old);
    CHECK(result.key_may_come);
    CHECK(result.come_again_in == 1500ms);
    CHECK(late.fetches() == 2);
    late.world.loop.advance(700ms);
    CHECK(late.receive(old).come_again_in == 1s);   // never at once
    late.world.loop.advance(800ms);
    CHECK_FALSE(late.receive(old).key_may_come);    // it has asked
    CHECK(late.fetches() == 3);
    late.world.loop.advance(1ms);
    const auto settles = [&](std::int64_t age) {
      return !late.receive(late.by_a_late_key(kid, late.world.seconds() - age)).key_may_come;
    };
    CHECK_FALSE(settles(3599));
    CHECK(settles(3601));
    CHECK(late.fetches() == 3);
  }
}

TEST_CASE("late_key: what joins a fetch that began before it came is not judged by it for good") {
  for (const char* const kid : {"", "k2"}) {
    INFO(kid);
    LateKeyWorld late;
    const std::string old = late.by_a_late_key(kid, late.world.seconds() - 3000);
    late.send(EventSigner(666).sign("logout+jwt", "{}"), EventOrigin::kSetPush, [](const EventResult&) {});
    late.world.loop.advance(1ms);
    CHECK(late.receive(old).key_may_come);
    CHECK(late.fetches() == 2);
  }
}

TEST_CASE("late_key: what does not say when it was issued, or that it is not yet, is refused for good whoever signed it") {
  LateKeyWorld late;
  const std::int64_t now = late.world.seconds();
  CHECK_FALSE(late.receive(EventSigner(77).sign("logout+jwt", "{}")).key_may_come);
  CHECK_FALSE(late.receive(EventSigner(77).sign("logout+jwt", "no JSON")).key_may_come);
  CHECK_FALSE(late.receive(late.by_a_late_key("", now + 61)).key_may_come);
  CHECK(late.receive(late.by_a_late_key("", now + 60)).key_may_come);
}

TEST_CASE("late_key: what the fleet brings again and again is judged by when it was issued alone") {
  LateKeyWorld late;
  const std::int64_t now = late.world.seconds();
  late.forge();
  late.world.loop.advance(1ms);
  CHECK(late.receive(late.by_a_late_key("k2", now), EventOrigin::kFleet).key_may_come);
  CHECK_FALSE(late.receive(late.by_a_late_key("k2", now - 300), EventOrigin::kFleet).key_may_come);
  CHECK(late.receive(late.by_a_late_key("k2", now - 300)).key_may_come);
}

}  // namespace introspectd::service
