#include "service/event_desk.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "event_world.h"
#include "service/seen_events.h"

namespace introspectd::service {
namespace {

using testing::EventSigner;
using testing::EventWorld;
using testing::upstream_reply;
using ports::UpstreamEndpoint;
using namespace std::chrono_literals;

// A relay that the test answers.
class HeldRelay final : public Relay {
 public:
  void relay_signed(const SignedEvent& event, UniqueFunction<void(bool)> done) override {
    signed_events.push_back(event);
    pending.push_back(std::move(done));
  }
  void relay_unsigned(cache::ServerId, EventOrigin, const oauth::Signals& signals,
                      UniqueFunction<void(bool)> done) override {
    unsigned_events.push_back(signals);
    pending.push_back(std::move(done));
  }
  void relay_proof(cache::ServerId, Duration age) override { proofs.push_back(age); }

  std::vector<SignedEvent> signed_events;
  std::vector<oauth::Signals> unsigned_events;
  std::vector<UniqueFunction<void(bool)>> pending;
  std::vector<Duration> proofs;
};

EventDesk& desk_of(EventWorld& world) { return static_cast<EventDesk&>(world.node->inbox()); }

SignedEvent logout_of(std::string jws, EventOrigin origin = EventOrigin::kBackchannelLogout) {
  SignedEvent event;
  event.kind = oauth::SignedEventKind::kLogoutToken;
  event.origin = origin;
  event.jws = std::move(jws);
  return event;
}

struct Verdicts {
  std::vector<EventVerdict> all;
  UniqueFunction<void(EventResult)> next() {
    return [this](const EventResult& result) { all.push_back(result.verdict); };
  }
};

std::uint64_t purges(EventWorld& world) {
  const Figures figures = world.node->figures();
  std::uint64_t sum = 0;
  for (const Counter counter : {Counter::kPurges, Counter::kPurgesBySid, Counter::kFlushes}) {
    sum += figures.counters[static_cast<std::size_t>(counter)];
  }
  return sum;
}

}  // namespace

TEST_CASE("event_desk: an event waits for the keys, is applied, and only then accepted") {
  EventWorld world;
  Verdicts verdicts;
  world.node->inbox().receive(logout_of(world.logout_token("s1")), verdicts.next());
  CHECK(verdicts.all.empty());
  CHECK(purges(world) == 0);
  world.answer_keys();
  CHECK(verdicts.all == std::vector{EventVerdict::kAccepted});
  CHECK(purges(world) == 1);
  world.node->inbox().receive(logout_of(world.logout_token("s2")), verdicts.next());   // the key is here: in this turn
  CHECK(verdicts.all.size() == 2);
  CHECK(purges(world) == 2);
}

TEST_CASE("event_desk: a repeated event is accepted and applied again, and counted (STD 5.04, F95)") {
  EventWorld world;
  world.answer_keys();
  Verdicts verdicts;
  const std::string token = world.logout_token("s1");
  world.node->inbox().receive(logout_of(token), verdicts.next());
  world.node->inbox().receive(logout_of(token), verdicts.next());
  CHECK(verdicts.all == std::vector{EventVerdict::kAccepted, EventVerdict::kAccepted});
  CHECK(purges(world) == 2);
  CHECK(desk_of(world).figures().of(EventOrigin::kBackchannelLogout).duplicates == 1);
}

TEST_CASE("event_desk: forged, foreign and expired events change nothing (F98, F99)") {
  EventWorld world;
  world.answer_keys();
  const auto verdict_of = [&](std::string jws, oauth::SignedEventKind kind = oauth::SignedEventKind::kLogoutToken) {
    Verdicts verdicts;
    SignedEvent event = logout_of(std::move(jws));
    event.kind = kind;
    world.node->inbox().receive(std::move(event), verdicts.next());
    world.loop.run_posted();   // the turn's budget may be spent
    if (verdicts.all.empty()) world.answer_keys();   // a signature in doubt asks for the keys once
    CHECK_INVARIANT(verdicts.all.size() == 1);
    return verdicts.all[0];
  };
  const std::string good = world.logout_token("s1");
  const EventSigner forger(666);   // the same kid, another key
  CHECK(verdict_of(forger.sign("logout+jwt", "{}")) == EventVerdict::kBadSignature);
  CHECK(verdict_of(good.substr(0, good.rfind('.') + 1) + world.logout_token("s2").substr(good.rfind('.') + 1)) ==
        EventVerdict::kBadSignature);
  CHECK(verdict_of(world.signer.sign_compact(R"({"alg":"none"})", "{}")) == EventVerdict::kUnsupportedKey);
  CHECK(verdict_of(world.signer.sign_compact(R"({"alg":"HS256","kid":"k1"})", "{}")) == EventVerdict::kUnsupportedKey);
  CHECK(verdict_of("a.b") == EventVerdict::kMalformed);
  CHECK(verdict_of("") == EventVerdict::kMalformed);
  CHECK(verdict_of(world.session_revoked("j1")) == EventVerdict::kWrongType);
  CHECK(verdict_of(good, oauth::SignedEventKind::kSecurityEvent) == EventVerdict::kWrongType);
  CHECK(verdict_of(good, oauth::SignedEventKind::kKeycloakAction) != EventVerdict::kAccepted);
  CHECK(verdict_of(EventSigner(7, "made-up").sign("logout+jwt", "{}")) == EventVerdict::kUnknownKey);
  CHECK(world.calls_to(UpstreamEndpoint::kKeys).size() == 2);
  world.loop.advance(KeyRing::kCooldown);
  CHECK(verdict_of(EventSigner(7, "made-up").sign("logout+jwt", "{}")) == EventVerdict::kUnknownKey);
  CHECK(world.calls_to(UpstreamEndpoint::kKeys).size() == 3);
  world.loop.advance(1h);
  CHECK(verdict_of(good) == EventVerdict::kExpired);
  CHECK(purges(world) == 0);
  CHECK(verdict_of(world.logout_token("s1")) == EventVerdict::kAccepted);
}

TEST_CASE("event_desk: an AS that rotates under the same kid, or names none, is believed at its first event") {
  for (const char* kid : {"k1", ""}) {
    INFO(kid);
    EventWorld world;
    world.signer = EventSigner(7, kid);
    world.answer_keys();
    world.signer = EventSigner(8, kid);
    Verdicts verdicts;
    world.node->inbox().receive(logout_of(world.logout_token("s1")), verdicts.next());
    CHECK(verdicts.all.empty());
    CHECK(purges(world) == 0);
    REQUIRE(world.calls_to(UpstreamEndpoint::kKeys).size() == 2);
    world.answer_keys();
    CHECK(verdicts.all == std::vector{EventVerdict::kAccepted});
    CHECK(purges(world) == 1);
  }
}

TEST_CASE("event_desk: a forger's signatures are doubted once in the cooldown, each of his events once at most") {
  EventWorld world;
  world.answer_keys();
  const EventSigner forger(666);
  Verdicts verdicts;
  world.node->inbox().receive(logout_of(forger.sign("logout+jwt", "{}")), verdicts.next());
  world.signer = EventSigner(8);   // the keys change, and it still does not verify
  world.answer_keys();
  CHECK(verdicts.all == std::vector{EventVerdict::kBadSignature});
  for (int i = 0; i < 100; ++i) {
    world.node->inbox().receive(logout_of(forger.sign("logout+jwt", "{}")), verdicts.next());
    world.loop.run_posted();
  }
  CHECK(verdicts.all == std::vector(101, EventVerdict::kBadSignature));
  CHECK(world.calls_to(UpstreamEndpoint::kKeys).size() == 2);
  world.loop.advance(KeyRing::kCooldown);
  world.node->inbox().receive(logout_of(forger.sign("logout+jwt", "{}")), verdicts.next());
  CHECK(world.calls_to(UpstreamEndpoint::kKeys).size() == 3);
  world.answer(UpstreamEndpoint::kKeys, upstream_reply(500, ""));
  CHECK(verdicts.all.back() == EventVerdict::kKeysUnavailable);
}

TEST_CASE("event_desk: an AS without keys, issuer or audience of its own accepts nothing signed") {
  for (int lacking = 0; lacking < 3; ++lacking) {
    EventWorld world([lacking](Settings& settings) {
      EventSettings& events = settings.authorization_servers[0].events;
      if (lacking == 0) events.has_keys = false;
      if (lacking == 1) events.issuer.clear();
      if (lacking == 2) events.audience.clear();
    });
    Verdicts verdicts;
    world.node->inbox().receive(logout_of(world.logout_token("s1")), verdicts.next());
    CHECK(verdicts.all == std::vector{EventVerdict::kNotConfigured});
  }
}

TEST_CASE("event_desk: an algorithm that is not allowed is refused before its key is asked for (STD 3.05)") {
  EventWorld world([](Settings& settings) {
    settings.authorization_servers[0].events.algorithms = {codec::JwsAlgorithm::kRs256};
  });
  Verdicts verdicts;
  world.node->inbox().receive(logout_of(world.logout_token("s1")), verdicts.next());
  CHECK(verdicts.all == std::vector{EventVerdict::kUnsupportedKey});
}

TEST_CASE("event_desk: no more than its budget is verified in one turn, the rest in the next (I35)") {
  EventWorld world;
  world.answer_keys();
  const unsigned cost = codec::verification_cost_us(codec::JwsAlgorithm::kEdDsa);
  const std::size_t fits = EventDesk::kBudgetUs / cost;
  Verdicts verdicts;
  for (std::size_t i = 0; i < 3 * fits; ++i) {
    world.node->inbox().receive(logout_of(world.logout_token("s" + std::to_string(i))), verdicts.next());
  }
  CHECK(verdicts.all.size() == fits);
  REQUIRE(world.loop.tasks.size() >= 1);
  world.loop.run_posted();
  CHECK(verdicts.all.size() == 3 * fits);
}

TEST_CASE("event_desk: 4096 events may wait, one more is told so") {
  EventWorld world;   // keys are not here yet: 256 wait for them, so the turn's budget is what keeps events waiting
  world.answer_keys();
  Verdicts verdicts;
  const std::string token = world.logout_token("s1");
  const std::size_t fits = EventDesk::kBudgetUs / codec::verification_cost_us(codec::JwsAlgorithm::kEdDsa);
  for (std::size_t i = 0; i < fits + EventDesk::kWaitingMost; ++i) {
    world.node->inbox().receive(logout_of(token), verdicts.next());
  }
  CHECK(verdicts.all.size() == fits);
  CHECK(desk_of(world).figures().waiting == EventDesk::kWaitingMost);
  world.node->inbox().receive(logout_of(token), verdicts.next());
  REQUIRE(verdicts.all.size() == fits + 1);
  CHECK(verdicts.all.back() == EventVerdict::kOverloaded);
  world.loop.run_posted();
  CHECK(verdicts.all.size() == fits + 1 + EventDesk::kWaitingMost);
  CHECK(desk_of(world).figures().waiting == 0);
}

TEST_CASE("event_desk: accepted when the outbox has it; a full outbox says come again, and it is applied here") {
  EventWorld world;
  world.answer_keys();
  HeldRelay relay;
  desk_of(world).set_relay(&relay);
  Verdicts verdicts;
  world.node->inbox().receive(logout_of(world.logout_token("s1")), verdicts.next());
  CHECK(purges(world) == 1);
  CHECK(verdicts.all.empty());
  REQUIRE(relay.pending.size() == 1);
  relay.pending[0](true);
  CHECK(verdicts.all == std::vector{EventVerdict::kAccepted});
  world.node->inbox().receive(logout_of(world.logout_token("s2")), verdicts.next());
  relay.pending[1](false);
  CHECK(verdicts.all.back() == EventVerdict::kOutboxFull);
  CHECK(purges(world) == 2);
}

TEST_CASE("event_desk: what came from the fleet is verified and applied, late too, but not relayed again") {
  EventWorld world;
  world.answer_keys();
  HeldRelay relay;
  desk_of(world).set_relay(&relay);
  Verdicts verdicts;
  const std::string token = world.logout_token("s1");
  world.loop.advance(20min);
  world.node->inbox().receive(logout_of(token, EventOrigin::kFleet), verdicts.next());
  CHECK(verdicts.all == std::vector{EventVerdict::kAccepted});
  CHECK(purges(world) == 1);
  world.node->inbox().receive(logout_of(EventSigner(9).sign("logout+jwt", "{}"), EventOrigin::kFleet), verdicts.next());
  world.answer_keys();   // still the same
  CHECK(verdicts.all.back() == EventVerdict::kBadSignature);
  CHECK(relay.signed_events.empty());
}

TEST_CASE("event_desk: what carries no signature is applied at once and relayed, and has a lag too") {
  EventWorld world;
  HeldRelay relay;
  desk_of(world).set_relay(&relay);
  Verdicts verdicts;
  oauth::Signal signal;
  signal.kind = oauth::SignalKind::kCutOff;
  signal.match.sid = "s1";
  signal.event_time = world.seconds() - 3;
  world.node->inbox().receive_unsigned({0, EventOrigin::kWebhook, {signal}}, verdicts.next());
  CHECK(purges(world) == 1);
  CHECK(verdicts.all.empty());
  CHECK(relay.unsigned_events == std::vector<oauth::Signals>{{signal}});
  relay.pending[0](true);
  CHECK(verdicts.all == std::vector{EventVerdict::kAccepted});
  const LagFigures lag = desk_of(world).figures().of(EventOrigin::kWebhook).lag;
  CHECK(lag.sum_seconds == doctest::Approx(3.0));
  CHECK(lag.buckets[6] == 1);   // ≤ 5 s
  world.node->inbox().receive_unsigned({0, EventOrigin::kFleet, {signal}}, verdicts.next());
  CHECK(verdicts.all.size() == 2);
  CHECK(relay.unsigned_events.size() == 1);
}

TEST_CASE("event_desk: after it ends nothing is done any more") {
  EventWorld world;
  world.answer_keys();
  HeldRelay relay;
  desk_of(world).set_relay(&relay);
  Verdicts verdicts;
  world.node->inbox().receive(logout_of(world.logout_token("s1")), verdicts.next());
  world.node->abandon_upstream();
  relay.pending[0](true);
  world.node->inbox().receive(logout_of(world.logout_token("s2")), verdicts.next());
  CHECK(verdicts.all.empty());
}

TEST_CASE("event_figures: a lag at a bound is in its bucket, one past it in the next, a negative one is none") {
  LagFigures lag;
  lag.add(kLagBounds[3]);
  lag.add(kLagBounds[3] * 1.0001);
  lag.add(kLagBounds.back() + 1);
  lag.add(-5);
  CHECK(lag.buckets[3] == 1);
  CHECK(lag.buckets[4] == 1);
  CHECK(lag.buckets[kLagBounds.size()] == 1);
  CHECK(lag.buckets[0] == 1);
  CHECK(lag.sum_seconds > kLagBounds.back());
}

TEST_CASE("seen_events: remembered for a while, apart by AS and kind, bounded") {
  using oauth::SignedEventKind;
  SeenEvents seen;
  MonoTime now = MonoTime::from_ns(1) + SeenEvents::kHalfLife;
  CHECK_FALSE(seen.seen(0, SignedEventKind::kSecurityEvent, "j", now));
  CHECK(seen.seen(0, SignedEventKind::kSecurityEvent, "j", now));
  CHECK_FALSE(seen.seen(1, SignedEventKind::kSecurityEvent, "j", now));
  CHECK_FALSE(seen.seen(0, SignedEventKind::kLogoutToken, "j", now));
  CHECK_FALSE(seen.seen(0, SignedEventKind::kSecurityEvent, "", now));
  CHECK_FALSE(seen.seen(0, SignedEventKind::kSecurityEvent, "", now));
  now = now + SeenEvents::kHalfLife;
  CHECK(seen.seen(0, SignedEventKind::kSecurityEvent, "j", now));
  now = now + 3 * SeenEvents::kHalfLife;
  seen.seen(0, SignedEventKind::kSecurityEvent, "other", now);
  now = now + SeenEvents::kHalfLife;
  CHECK_FALSE(seen.seen(0, SignedEventKind::kSecurityEvent, "j", now));
  for (std::size_t i = 0; i < 4 * SeenEvents::kHeldMost; ++i) {
    seen.seen(0, SignedEventKind::kSecurityEvent, std::to_string(i), now);
    REQUIRE(seen.size() <= 2 * SeenEvents::kHeldMost);
  }
}

}  // namespace introspectd::service
