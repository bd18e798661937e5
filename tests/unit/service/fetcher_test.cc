#include "service/fetcher.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "service_world.h"

namespace introspectd::service {
namespace {

using testing::request_for;
using testing::ServiceWorld;
using testing::upstream_reply;
using testing::Wire;

bool has(const Wire& wire, std::string_view text) { return wire.written.find(text) != std::string::npos; }

constexpr std::string_view kActive = R"({"active":true,"scope":"read"})";

void pass(ServiceWorld& world, Duration d) {
  world.loop.time.mono = world.loop.time.mono + d;
  world.loop.time.wall = world.loop.time.wall + d;
}

}  // namespace

TEST_CASE("fetcher: a secret that is renewed while an older flight is judged leaves every flight its end (F63, I53)") {
  ServiceWorld world;
  Wire& first = world.connect();
  Wire& second = world.connect();
  world.arrive(first, request_for("t"));            // F1
  world.node->purger().flush(0);                    // F1 is joined no more
  world.arrive(second, request_for("t"));           // F2
  REQUIRE(world.upstream.calls.size() == 2);
  world.secret_on_disk = "new";
  world.answer(0, upstream_reply(401, ""));         // F1 renews the secret and is tried again
  REQUIRE(world.upstream.calls.size() == 3);
  world.answer(2, upstream_reply(200, std::string(kActive)));
  world.answer(1, upstream_reply(200, std::string(kActive)));
  CHECK(has(first, kActive));
  CHECK(has(second, kActive));
  CHECK(world.node->fetcher().flights() == 0);
  const Figures figures = world.node->figures();
  CHECK(figures.servers[0].in_flight == 0);
  CHECK(world.call_count(CallCounter::kStarted) == 3);
  CHECK(world.call_count(CallCounter::kOk) + world.call_count(CallCounter::kError) +
            world.call_count(CallCounter::kCancelled) == 3);
}

TEST_CASE("fetcher: a secret put right after the breaker opened is read again, without a restart (F63, I36)") {
  ServiceWorld world;
  Wire& wire = world.connect();
  std::size_t answered = 0;
  const auto ask = [&](int number, int status) {
    world.arrive(wire, request_for("t" + std::to_string(number)));
    for (; answered < world.upstream.calls.size(); ++answered) {
      world.answer(answered, upstream_reply(status, status == 200 ? std::string(kActive) : ""));
    }
  };
  for (int i = 0; i < 12; ++i) ask(i, 401);
  REQUIRE(world.node->figures().servers[0].breaker == Breaker::State::kOpen);
  world.secret_on_disk = "new";
  bool reloaded = false;
  for (int i = 100; i < 160 && !reloaded; ++i) {
    pass(world, std::chrono::seconds{1});
    ask(i, 401);
    reloaded = world.node->figures().counters[static_cast<std::size_t>(Counter::kCredentialReloads)] == 1;
  }
  CHECK(reloaded);
  for (int i = 200; i < 230; ++i) {
    pass(world, std::chrono::seconds{1});
    ask(i, 200);
  }
  CHECK(world.node->figures().servers[0].breaker == Breaker::State::kClosed);
  wire.written.clear();
  ask(999, 200);
  CHECK(has(wire, kActive));
}

TEST_CASE("fetcher: a changed secret retires what the old one brought, also when no retry is left (I50)") {
  ServiceWorld world;
  Wire& wire = world.connect();
  world.arrive(wire, request_for("t"));
  world.answer(0, upstream_reply(200, std::string(kActive)));
  world.secret_on_disk = "new";
  world.arrive(wire, request_for("r", "/revoke"));
  world.answer(1, upstream_reply(401, ""));
  world.answer(2, upstream_reply(401, ""));
  wire.written.clear();
  world.arrive(wire, request_for("t"));
  CHECK(world.upstream.calls.size() == 4);   // asked again
}

TEST_CASE("fetcher: flushes faster than the AS answers: a flight a flush at most, two calls at once, nobody starves (I31)") {
  ServiceWorld world;
  struct Ask {
    Wire* wire;
    std::size_t ends;   // how many calls had ended when it came
  };
  std::vector<Ask> asks;
  std::size_t ended = 0;
  const auto end_one = [&] {
    world.answer(ended++, upstream_reply(200, std::string(kActive)));   // the oldest
    for (const Ask& ask : asks) {
      if (ended - ask.ends >= 3) REQUIRE(has(*ask.wire, kActive));   // the two before it, and its own
    }
  };
  for (std::size_t i = 0; i < 40; ++i) {
    Wire& wire = world.connect();
    world.arrive(wire, request_for("t"));
    asks.push_back({&wire, ended});
    REQUIRE(world.upstream.calls.size() - ended <= Fetcher::kCallsMost);
    REQUIRE(world.upstream.calls.size() <= i + 1);
    world.node->purger().flush(0);
    if (i % 5 == 4) end_one();
  }
  while (ended < world.upstream.calls.size()) end_one();
  for (const Ask& ask : asks) CHECK(has(*ask.wire, kActive));
  CHECK(world.upstream.calls.size() == 10);   // two at first, then one whenever one has ended
  CHECK(world.call_count(CallCounter::kCancelled) == 0);
  CHECK(world.node->fetcher().flights() == 0);
  CHECK(world.node->fetcher().waiters() == 0);
}

TEST_CASE("fetcher: a queued flight is joined, and dies with its token at once, without having asked (I1, I4)") {
  ServiceWorld world;
  std::vector<Wire*> wires;
  const auto ask = [&] {
    wires.push_back(&world.connect());
    world.arrive(*wires.back(), request_for("t"));
  };
  for (int i = 0; i < 3; ++i) {
    ask();
    world.node->purger().flush(0);
  }
  ask();
  REQUIRE(world.upstream.calls.size() == 2);
  CHECK(world.node->fetcher().flights() == 3);
  world.node->purger().purge_token(cache::hash_token("t"), 0, true);
  world.loop.run_posted();
  for (Wire* const wire : wires) CHECK(has(*wire, R"({"active":false})"));
  CHECK(world.node->fetcher().flights() == 2);
  world.answer(0, upstream_reply(200, std::string(kActive)));
  world.answer(1, upstream_reply(200, std::string(kActive)));
  CHECK(world.upstream.calls.size() == 2);
  CHECK(world.node->fetcher().flights() == 0);
  CHECK(world.node->fetcher().waiters() == 0);
}

TEST_CASE("fetcher: a queued flight whose turn comes while the breaker is open is refused, and counts for nobody") {
  ServiceWorld world;
  for (int i = 0; i < 2; ++i) {
    world.arrive(world.connect(), request_for("t"));
    world.node->purger().flush(0);
  }
  Wire& queued = world.connect();
  world.arrive(queued, request_for("t"));
  REQUIRE(world.upstream.calls.size() == 2);
  Wire& other = world.connect();
  for (int i = 0; i < 12; ++i) {
    const std::size_t call = world.upstream.calls.size();
    world.arrive(other, request_for("other" + std::to_string(i)));
    if (world.upstream.calls.size() > call) world.answer(call, upstream_reply(401, ""));
  }
  REQUIRE(world.node->figures().servers[0].breaker == Breaker::State::kOpen);
  const std::size_t calls = world.upstream.calls.size();
  world.answer(0, upstream_reply(401, ""));
  CHECK(world.upstream.calls.size() == calls);
  CHECK(has(queued, "503"));
  world.answer(1, upstream_reply(401, ""));
  CHECK(world.node->fetcher().flights() == 0);
  CHECK(world.node->fetcher().waiters() == 0);
}

TEST_CASE("fetcher: who waited for a queued flight that is refused is told when to come again, like everybody (F66)") {
  ServiceWorld world;
  for (int i = 0; i < 2; ++i) {
    world.arrive(world.connect(), request_for("t"));
    world.node->purger().flush(0);
  }
  Wire& queued = world.connect();
  world.arrive(queued, request_for("t"));
  ports::UpstreamReply limited = upstream_reply(429, "");
  limited.retry_after = "30";
  world.answer(0, limited);
  Wire& refused = world.connect();
  world.arrive(refused, request_for("another"));
  for (const Wire* const wire : {&queued, &refused}) {
    CHECK(has(*wire, "503"));
    CHECK(has(*wire, "Retry-After: 3"));   // half a minute, and up to a tenth more
  }
}

TEST_CASE("fetcher: shutting down ends calls and queued flights, and tells who waits for either (I53)") {
  ServiceWorld world;
  for (int i = 0; i < 3; ++i) {
    world.arrive(world.connect(), request_for("t"));
    world.node->purger().flush(0);
  }
  REQUIRE(world.node->fetcher().flights() == 3);
  world.node->abandon_upstream();
  world.loop.run_posted();
  for (const Wire& wire : world.wires) CHECK(has(wire, "503"));
  CHECK(world.node->fetcher().flights() == 0);
  CHECK(world.node->figures().servers[0].in_flight == 0);
  CHECK(world.call_count(CallCounter::kCancelled) == 2);
}

TEST_CASE("fetcher: nobody waits for a third flight, whatever is purged while the second is under way (I29)") {
  ServiceWorld world;
  oauth::Signal hold;
  hold.match.sub = "alice";
  const auto purge = [&] { world.node->purger().apply(0, {&hold, 1}, true); };
  constexpr std::string_view kAlice = R"({"active":true,"sub":"alice"})";
  world.arrive(world.connect(), request_for("t"));   // F1
  purge();
  Wire& second = world.connect();
  world.arrive(second, request_for("t"));            // joins F1, and looked after the purge
  world.node->purger().flush(0);
  Wire& third = world.connect();
  world.arrive(third, request_for("t"));             // F2
  purge();
  world.answer(0, upstream_reply(200, std::string(kAlice)));
  CHECK(second.written.empty());                     // F2 serves it
  world.answer(1, upstream_reply(200, std::string(kAlice)));
  CHECK(has(second, kAlice));
  CHECK(has(third, kAlice));
  CHECK(world.upstream.calls.size() == 2);
}

TEST_CASE("revoker: a token that is only being asked about is unknown: revoking it takes from the quota (F102)") {
  ServiceWorld world;
  Wire& asking = world.connect();
  Wire& revoking = world.connect();
  int refused = 0;
  for (std::uint64_t i = 0; i < UnknownQuota::kBurst + 10; ++i) {
    const std::string token = "made-up-" + std::to_string(i);
    const std::size_t call = world.upstream.calls.size();
    world.arrive(asking, request_for(token));
    revoking.written.clear();
    world.arrive(revoking, request_for(token, "/revoke"));
    for (std::size_t c = call; c < world.upstream.calls.size(); ++c) {
      world.answer(c, upstream_reply(200, R"({"active":false})"));
    }
    if (has(revoking, "503")) ++refused;
    asking.written.clear();
  }
  CHECK(refused == 10);
}

}  // namespace introspectd::service
