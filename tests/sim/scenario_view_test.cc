// Stories of who asks: views, audiences, callers without a credential.
#include <chrono>

#include "tests/sim/story.h"

namespace introspectd::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

TEST_CASE("view: one server's answer is never another's (I15, PEERS 1, Oathkeeper CVE-2026-33496)") {
  Simulation sim(1, two_server_knobs());
  sim.issue("T", 0);
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(1, "T") == "false");
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  CHECK(sim.calls(1, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("view: flights of two servers are not joined (I15, PEERS 1, Duende GHSA-84rm-mhfq-f476)") {
  Simulation sim(1, two_server_knobs());
  sim.issue("T", 0);
  sim.upstream().script(0, {milliseconds{200}, nullptr});
  sim.upstream().script(1, {milliseconds{100}, nullptr});
  const auto first = sim.introspect(sim.connect(), 0, "T");
  sim.pass(milliseconds{10});
  const auto second = sim.introspect(sim.connect(), 1, "T");
  CHECK(sim.wait_for(first) == "true");
  CHECK(sim.wait_for(second) == "false");
  CHECK(sim.calls(0, "T") == 1);
  CHECK(sim.calls(1, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("view: a token dead for one server lives for another") {
  Simulation sim(1, two_server_knobs());
  sim.issue("T", 0);
  sim.issue("T", 1);
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(1, "T") == "true");
  CHECK(sim.revoke_and_wait(0, "T") == "200");
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.say(1, "T") == "true");
  CHECK(sim.calls(1, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("view: policy runs on hits, misses and joined flights alike (I22, PEERS 2, Oathkeeper CVE-2021-32701)") {
  WorldKnobs knobs = calm_knobs();
  knobs.callers[1].audience = {"api"};
  Simulation sim(1, knobs);
  sim.issue("T").aud = {"mail", "files"};
  SUBCASE("the unwanted caller comes first") {
    CHECK(sim.say(1, "T") == "false");
    CHECK(sim.say(0, "T") == "true");
  }
  SUBCASE("the unwanted caller hits") {
    CHECK(sim.say(0, "T") == "true");
    CHECK(sim.say(1, "T") == "false");
  }
  SUBCASE("the unwanted caller joins") {
    sim.upstream().script(0, {milliseconds{100}, nullptr});
    const auto wanted = sim.introspect(sim.connect(), 0, "T");
    const auto unwanted = sim.introspect(sim.connect(), 1, "T");
    CHECK(sim.wait_for(wanted) == "true");
    CHECK(sim.wait_for(unwanted) == "false");
  }
  CHECK(sim.calls(0, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("view: a caller in the audience gets the bytes of the server, cached or not (I22)") {
  WorldKnobs knobs = calm_knobs();
  knobs.callers[1].audience = {"api"};
  Simulation sim(1, knobs);
  sim.issue("T").aud = {"api", "mail"};
  const auto miss = sim.introspect(sim.connect(), 1, "T");
  CHECK(sim.wait_for(miss) == "true");
  const auto hit = sim.introspect(sim.connect(), 1, "T");
  CHECK(sim.wait_for(hit) == "true");
  CHECK(sim.ask_record(miss).reply_bytes == sim.ask_record(hit).reply_bytes);
  CHECK(sim.calls(0, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("view: an unauthorised caller gets the same bytes for every token and causes no call (I28)") {
  Simulation sim(1, calm_knobs());
  sim.issue("hit");
  CHECK(sim.say(0, "hit") == "true");
  sim.issue("miss");
  sim.issue("dead");
  sim.purge_and_wait("dead");
  for (unsigned kind = 0; kind < 4; ++kind) {
    std::string first;
    for (const char* token : {"hit", "miss", "dead", "made up", "n\xc3\xb6t possible"}) {
      const auto ask = sim.bad_credential(sim.connect(), token, kind);
      CHECK(sim.wait_for(ask) == "401");
      if (first.empty()) first = sim.ask_record(ask).reply_bytes;
      CHECK(sim.ask_record(ask).reply_bytes == first);
    }
  }
  CHECK(sim.calls(0, "miss") == 0);
  CHECK(sim.calls(0, "made up") == 0);
  expect_clean_end(sim);
}

TEST_CASE("view: a token that cannot be is false and nobody is asked (F18, I19)") {
  Simulation sim(1, calm_knobs());
  for (const char* token : {"caf\xc3\xa9", "a\tb", "a\nb", "\x7f"}) {
    CHECK(sim.say(0, token) == "false");
    CHECK(sim.calls(0, token) == 0);
  }
  expect_clean_end(sim);
}

TEST_CASE("view: a token arrives at the server as it came to us, whatever its characters (I21)") {
  Simulation sim(1, calm_knobs());
  for (const char* token : {"a b", "a+b", "a%20b", "a&b=c", "~.-_*", "%", "\"{}<>", "a%2Bb"}) {
    sim.issue(token);
    CHECK(sim.say(0, token) == "true");
    CHECK(sim.calls(0, token) == 1);
  }
  expect_clean_end(sim);
}

}  // namespace introspectd::sim
