#include "service/set_poller.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "poll_world.h"

namespace introspectd::service {
namespace {

using testing::PollWorld;
using testing::upstream_reply;
using namespace std::chrono_literals;

ports::UpstreamReply timed_out() {
  ports::UpstreamReply reply;
  reply.outcome = ports::TransportOutcome::kTimedOut;
  return reply;
}

}  // namespace

TEST_CASE("set_poller: asks by a long poll under its bearer token; curl waits longer than the AS may (STD 5.08, 5.09)") {
  PollWorld world;
  REQUIRE(world.polls() == 1);
  const ports::UpstreamCall& call = world.upstream.calls[0]->call;
  CHECK(call.endpoint == ports::UpstreamEndpoint::kPoll);
  CHECK(call.authorization.reveal() == "Bearer poll-token");
  CHECK(call.timeout == 12s);
  CHECK(world.sent_has(R"("maxEvents":100)"));
  CHECK(world.sent_has(R"("returnImmediately":false)"));
}

TEST_CASE("set_poller: accepted events are acknowledged in the next poll, which comes at once (STD 5.08)") {
  PollWorld world;
  world.answer(R"({"sets":{"a":"jws-a","b":"jws-b"}})");
  CHECK(world.inbox.received == std::vector<std::string>{"jws-a", "jws-b"});
  REQUIRE(world.polls() == 2);
  CHECK(world.sent_has(R"("ack":["a","b"])"));
  world.answer(R"({"sets":{}})");
  world.loop.advance(2s);
  REQUIRE(world.polls() == 3);
  CHECK_FALSE(world.sent_has("\"ack\":[\"a\""));
}

TEST_CASE("set_poller: nothing is acknowledged before the inbox has accepted it") {
  PollWorld world;
  world.inbox.hold = true;
  world.answer(R"({"sets":{"a":"jws-a"}})");
  world.loop.advance(1h);
  CHECK(world.polls() == 1);
  CHECK_FALSE(world.channels->live(0));
  world.inbox.held[0]({EventVerdict::kAccepted, {}, {}});
  world.loop.advance(Duration{});
  REQUIRE(world.polls() == 2);
  CHECK(world.sent_has(R"("ack":["a"])"));
}

TEST_CASE("set_poller: a refused event is reported, and what was proven before is forgotten (I14)") {
  PollWorld world;
  world.answer(R"({"sets":{}})");
  REQUIRE(world.channels->live(0));
  world.loop.advance(1s);
  world.inbox.verdict = EventVerdict::kWrongAudience;
  world.answer(R"({"sets":{"a":"jws-a"}})");
  CHECK_FALSE(world.channels->live(0));
  CHECK(world.sent_has(R"("setErrs":{"a":{"err":"invalid_audience")"));
  world.answer(R"({"sets":{}})");
  CHECK(world.channels->live(0));
}

TEST_CASE("set_poller: what cannot be judged now is neither acknowledged nor refused, and judged again") {
  for (const EventVerdict verdict : {EventVerdict::kOutboxFull, EventVerdict::kOverloaded}) {
    PollWorld world;
    world.inbox.verdict = verdict;
    world.answer(R"({"sets":{"a":"jws-a"}})");
    CHECK(world.polls() == 1);
    CHECK_FALSE(world.channels->live(0));
    CHECK(world.relay.ages.empty());
    world.loop.advance(10s);
    CHECK(world.inbox.received.size() > 2);
    CHECK(world.polls() == 1);
    world.inbox.verdict = EventVerdict::kAccepted;
    world.loop.advance(30s);
    REQUIRE(world.polls() == 2);
    CHECK(world.sent_has(R"("ack":["a"])"));
  }
}

TEST_CASE("set_poller: what our keys refuse comes again for two minutes, then it is reported; nothing is proven meanwhile") {
  for (const EventVerdict verdict : {EventVerdict::kUnknownKey, EventVerdict::kBadSignature}) {
    PollWorld world;
    world.inbox.verdict = verdict;
    const MonoTime came = world.loop.time.mono;
    while (world.loop.time.mono - came < HeldEvents::kHeldFor) {
      world.answer(R"({"sets":{"a":"jws-a"},"moreAvailable":true})");
      world.loop.advance(1s);
      CHECK_FALSE(world.sent_has("setErrs\":{\"a"));
      CHECK_FALSE(world.sent_has("ack\":[\"a"));
    }
    CHECK_FALSE(world.channels->live(0));
    CHECK(world.polls() == 121);                    // at the pace, though more is there
    CHECK(world.inbox.received.size() == 12);       // and judged every ten seconds
    world.answer(R"({"sets":{"a":"jws-a"}})");
    CHECK(world.sent_has(verdict == EventVerdict::kUnknownKey ? R"("setErrs":{"a":{"err":"invalid_key")"
                                                              : R"("setErrs":{"a":{"err":"authentication_failed")"));
    world.answer(R"({"sets":{}})");
    CHECK(world.channels->live(0));
  }
}

TEST_CASE("set_poller: while the keys cannot be had an event is never refused, and what comes with it does not wait") {
  PollWorld world;
  world.inbox.verdict = EventVerdict::kKeysUnavailable;
  const MonoTime came = world.loop.time.mono;
  while (world.loop.time.mono - came < 3 * HeldEvents::kHeldFor) {
    world.answer(R"({"sets":{"a":"jws-a"},"moreAvailable":true})");
    world.loop.advance(1s);
    CHECK_FALSE(world.sent_has("setErrs\":{\"a"));
    CHECK_FALSE(world.sent_has("ack\":[\"a"));
    CHECK_FALSE(world.poller->all_applied());
  }
  CHECK(world.polls() == 361);
  CHECK(world.inbox.received.size() == 36);
  CHECK_FALSE(world.channels->live(0));
  world.answer(R"({"sets":{"a":"jws-a"}})");
  world.loop.advance(1s);
  world.inbox.verdict = EventVerdict::kAccepted;
  world.answer(R"({"sets":{"a":"jws-a","b":"jws-b"}})");   // "a" rests
  CHECK(world.sent_has(R"("ack":["b"])"));
  CHECK_FALSE(world.channels->live(0));
  world.loop.advance(HeldEvents::kRest);
  world.answer(R"({"sets":{"a":"jws-a"}})");
  CHECK(world.sent_has(R"("ack":["a"])"));
  CHECK(world.poller->all_applied());
  CHECK(world.channels->live(0));
}

TEST_CASE("set_poller: for what is held more is asked for, so that it keeps nothing else from coming; not after a failure") {
  PollWorld world;
  world.inbox.verdict = EventVerdict::kKeysUnavailable;
  const auto answer_with = [&world](std::size_t first, std::size_t count) {
    std::string body = R"({"sets":{)";
    for (std::size_t i = first; i < first + count; ++i) body += (i > first ? ",\"j" : "\"j") + std::to_string(i) + R"(":"x")";
    world.answer(body + "}}");
    world.loop.advance(1s);
  };
  answer_with(0, 60);
  CHECK(world.sent_has(R"("maxEvents":160)"));
  answer_with(0, 160);
  CHECK(world.sent_has(R"("maxEvents":260)"));
  world.answer(upstream_reply(500, ""));
  world.loop.advance(2s);
  CHECK(world.sent_has(R"("maxEvents":100)"));
  answer_with(160, 100);
  answer_with(260, 360);
  CHECK(world.sent_has(R"("maxEvents":500)"));     // a reply has an end
}

// So many events, a hundred a poll, none of which is reported.
void hold(PollWorld& world, std::size_t total) {
  for (std::size_t next = 0; next < total;) {
    std::string body = R"({"sets":{)";
    for (std::size_t i = 0; i < 100 && next < total; ++i, ++next) {
      body += (i > 0 ? ",\"j" : "\"j") + std::to_string(next) + R"(":"x")";
    }
    world.answer(body + "}}");
    world.loop.advance(1s);
    CHECK_FALSE(world.sent_has("setErrs\":{\"j"));
  }
  CHECK(world.inbox.received.size() == total);
}

TEST_CASE("set_poller: of what waits for keys 1024 are remembered; one more comes again all the same, and proves nothing") {
  for (const EventVerdict verdict : {EventVerdict::kKeysUnavailable, EventVerdict::kUnknownKey}) {
    for (const std::size_t total : {HeldEvents::kHeldMost, HeldEvents::kHeldMost + 1}) {
      PollWorld world;
      world.inbox.verdict = verdict;
      hold(world, total);
      CHECK_FALSE(world.poller->all_applied());
      CHECK_FALSE(world.channels->live(0));
      world.answer(R"({"sets":{"j1024":"x"}})");     // judged again where it is not remembered, else for the first time
      CHECK(world.inbox.received.size() == total + 1);
      CHECK_FALSE(world.sent_has("setErrs\":{\"j"));
      world.loop.advance(1s);
      world.inbox.verdict = EventVerdict::kAccepted;
      world.answer(R"({"sets":{"j1024":"x"}})");
      CHECK(world.sent_has(R"("ack":["j1024"])"));
    }
  }
}

TEST_CASE("set_poller: what one event says of all is judged when every event of its answer has been at the inbox (H)") {
  PollWorld world;
  int judged = 0;
  world.poller->once_settled([&] { ++judged; });
  CHECK(judged == 1);                                // nothing is under way
  world.inbox.hold = true;
  world.answer(R"({"sets":{"v":"jws-v","a":"jws-a"}})");
  REQUIRE(world.inbox.held.size() == 2);
  world.poller->once_settled([&] {
    ++judged;
    CHECK_FALSE(world.poller->all_applied());        // "a" stands behind it, and is held
  });
  world.inbox.held[0]({EventVerdict::kAccepted, {}, {}});
  CHECK(judged == 1);
  world.inbox.held[1]({EventVerdict::kUnknownKey, {}, {}});
  CHECK(judged == 2);
}

TEST_CASE("set_poller: an event whose key comes late is applied, and what came with it does not wait for it") {
  PollWorld world;
  world.inbox.verdict = EventVerdict::kUnknownKey;
  world.answer(R"({"sets":{"a":"jws-a"}})");
  world.loop.advance(HeldEvents::kRest);
  world.inbox.verdict = EventVerdict::kAccepted;
  world.answer(R"({"sets":{"a":"jws-a","b":"jws-b"}})");
  CHECK(world.sent_has(R"("ack":["a","b"])"));
  CHECK(world.channels->live(0));
}

TEST_CASE("set_poller: one that is held and does not come again is taken for lost, after that polls prove again (I14)") {
  PollWorld world;
  world.inbox.verdict = EventVerdict::kUnknownKey;
  world.answer(R"({"sets":{"a":"jws-a"}})");
  world.loop.advance(1s);
  world.answer(R"({"sets":{}})");
  CHECK_FALSE(world.channels->live(0));
  world.loop.advance(HeldEvents::kForgottenAfter);
  world.answer(R"({"sets":{}})");                   // sent before it was taken for lost
  CHECK_FALSE(world.channels->live(0));
  world.loop.advance(1s);
  world.answer(R"({"sets":{}})");
  CHECK(world.channels->live(0));
}

TEST_CASE("set_poller: acknowledgements are repeated until an answer shows that the AS has them (STD 5.09)") {
  PollWorld world;
  world.answer(R"({"sets":{"a":"jws-a"}})");
  REQUIRE(world.sent_has(R"("ack":["a"])"));
  world.answer(upstream_reply(500, ""));
  world.loop.advance(2s);
  REQUIRE(world.polls() == 3);
  CHECK(world.sent_has(R"("ack":["a"])"));
}

TEST_CASE("set_poller: an answered poll proves the channel as of its sending (H)") {
  PollWorld world;
  const MonoTime sent = world.loop.time.mono;
  world.loop.advance(9s);
  CHECK_FALSE(world.channels->live(0));
  world.answer(R"({"sets":{}})");
  CHECK(world.channels->health(0).stretch().proof == sent);
  CHECK(world.relay.ages.empty());
}

TEST_CASE("set_poller: in a fleet a proof is the fleet's to judge: another node may have taken an event (H)") {
  PollWorld world(true);
  world.loop.advance(9s);
  world.answer(R"({"sets":{}})");
  CHECK_FALSE(world.channels->live(0));
  CHECK(world.relay.ages == std::vector<Duration>{9s});
}

TEST_CASE("set_poller: polls of a paused stream are answered and prove nothing, here and in the fleet (STD 5.19)") {
  for (const bool in_a_fleet : {false, true}) {
    PollWorld world(in_a_fleet);
    world.channels->set_paused(0, true, 100);
    world.loop.advance(1s);
    world.answer(R"({"sets":{}})");
    world.loop.advance(1s);
    CHECK_FALSE(world.channels->live(0));
    CHECK(world.relay.ages.empty());
    world.channels->set_paused(0, false, 101);
    world.loop.advance(1s);
    world.answer(R"({"sets":{}})");            // sent while it was paused
    CHECK_FALSE(world.channels->live(0));
    world.loop.advance(1s);
    world.answer(R"({"sets":{}})");
    CHECK(world.channels->live(0) == !in_a_fleet);
    CHECK(world.relay.ages.empty() == !in_a_fleet);
  }
}

TEST_CASE("set_poller: while more is there nothing is proven, and the next poll comes at once") {
  PollWorld world;
  world.answer(R"({"sets":{"a":"jws-a"},"moreAvailable":true})");
  CHECK_FALSE(world.channels->live(0));
  CHECK(world.polls() == 2);
  world.answer(R"({"sets":{},"moreAvailable":true})");
  CHECK_FALSE(world.channels->live(0));
  CHECK(world.polls() == 3);
  world.answer(R"({"sets":{}})");
  CHECK(world.channels->live(0));
}

TEST_CASE("set_poller: an answer as full as it may be proves nothing either, one less does") {
  for (const std::size_t sets : {std::size_t{100}, std::size_t{99}}) {
    PollWorld world;
    std::string body = R"({"sets":{)";
    for (std::size_t i = 0; i < sets; ++i) body += (i > 0 ? ",\"j" : "\"j") + std::to_string(i) + R"(":"x")";
    world.answer(body + "}}");
    CHECK(world.channels->live(0) == (sets == 99));
  }
}

TEST_CASE("set_poller: failures are backed off, Retry-After is honoured, and nothing is proven by them (F92)") {
  PollWorld world;
  ports::UpstreamReply limited = upstream_reply(429, "");
  limited.retry_after = "20";
  world.answer(std::move(limited));
  world.loop.advance(20s - Duration{1});
  CHECK(world.polls() == 1);
  world.loop.advance(Duration{1});
  CHECK(world.polls() == 2);
  for (const char* body : {"", "[]", "<html>", R"({"moreAvailable":false})"}) {
    const std::size_t before = world.polls();
    world.answer(body);
    CHECK(world.polls() == before);
    world.loop.advance(31s);
    CHECK(world.polls() == before + 1);
  }
  CHECK_FALSE(world.channels->live(0));
  CHECK(world.poller->counts().failed == 5);
}

TEST_CASE("set_poller: an AS that holds polls longer than we wait is asked for an answer at once") {
  PollWorld world;
  world.answer(timed_out());
  REQUIRE(world.polls() == 2);
  CHECK(world.sent_has(R"("returnImmediately":true)"));
  const MonoTime sent = world.loop.time.mono;
  world.answer(R"({"sets":{}})");
  CHECK(world.channels->health(0).stretch().proof == sent);
  world.loop.advance(1s);
  REQUIRE(world.polls() == 3);
  CHECK(world.sent_has(R"("returnImmediately":false)"));
  world.answer(timed_out());
  world.answer(timed_out());        // not even that: a failure
  CHECK(world.polls() == 4);
  CHECK(world.poller->counts().failed == 1);
}

TEST_CASE("set_poller: an AS that does not hold polls is not asked faster than the pace") {
  PollWorld world;
  for (int i = 0; i < 50; ++i) {
    world.answer(R"({"sets":{}})");
    world.loop.advance(100ms);
  }
  CHECK(world.polls() <= 7);
  CHECK(world.polls() >= 5);
}

TEST_CASE("set_poller: when it stops, what is accepted is acknowledged without waiting (STD 5.09)") {
  PollWorld world;
  world.answer(R"({"sets":{"a":"jws-a"}})");
  REQUIRE(world.polls() == 2);
  world.poller->stop();
  CHECK(world.upstream.calls[1]->cancelled);
  REQUIRE(world.polls() == 3);
  CHECK(world.sent_has(R"("maxEvents":0)"));
  CHECK(world.sent_has(R"("returnImmediately":true)"));
  CHECK(world.sent_has(R"("ack":["a"])"));
  world.answer(R"({"sets":{}})");
  world.loop.advance(1h);
  CHECK(world.polls() == 3);
}

TEST_CASE("set_poller: without a bearer token it is this node's own client credential") {
  PollWorld world;
  world.settings.authorization_servers[0].events.poll->bearer_token = Secret("");
  world.answer(R"({"sets":{}})");
  world.loop.advance(1s);
  REQUIRE(world.polls() == 2);
  CHECK(world.upstream.calls[1]->call.authorization.reveal() == "Basic bm9kZTpzZWNyZXQ=");
}

}  // namespace introspectd::service
