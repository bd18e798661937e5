// Stories of time: exp, TTLs, clocks that jump, machines that sleep.
#include <chrono>

#include "tests/sim/story.h"

namespace introspectd::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TokenTruth& issue_until(Simulation& sim, const std::string& token, std::int64_t seconds_from_now) {
  TokenTruth& truth = sim.issue(token);
  truth.exp = sim.model().true_seconds() + seconds_from_now;
  return truth;
}

}  // namespace

TEST_CASE("freshness: exp reached between two hits ends the entry (I7, PEERS 3, liboauth2 CWE-613)") {
  Simulation sim(1, calm_knobs());
  issue_until(sim, "T", 10);
  CHECK(sim.say(0, "T") == "true");
  sim.pass(seconds{7});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  sim.pass(milliseconds{1500});              // within exp_skew of exp
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("freshness: an answer whose exp has passed is false and not stored (F57, F58)") {
  Simulation sim(1, calm_knobs());
  issue_until(sim, "T", -1).ignores_exp = true;
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("freshness: a hit never moves the deadline (I8, PEERS 3, Oathkeeper 968)") {
  WorldKnobs knobs = calm_knobs();
  knobs.ttl = seconds{2};
  Simulation sim(1, knobs);
  issue_until(sim, "T", 3600);
  for (int i = 0; i < 12; ++i) {             // 0 s … 5.5 s
    CHECK(sim.say(0, "T") == "true");
    sim.pass(milliseconds{500});
  }
  CHECK(sim.calls(0, "T") >= 3);
  expect_clean_end(sim);
}

TEST_CASE("freshness: a life ends at its last instant, not after it (I13, `<` and not `<=`)") {
  WorldKnobs knobs = calm_knobs();
  knobs.ttl = milliseconds{1600};            // a whole number of 16 ms ticks
  Simulation sim(1, knobs);
  issue_until(sim, "T", 3600);
  const MonoTime start = sim.world().mono();
  CHECK(sim.say(0, "T") == "true");
  sim.world().run_until(start + knobs.ttl - milliseconds{17});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  sim.world().run_until(start + knobs.ttl);
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("freshness: a life is counted from the start of the call, however slow it was (I13)") {
  WorldKnobs knobs = calm_knobs();
  knobs.ttl = seconds{2};
  Simulation sim(1, knobs);
  issue_until(sim, "T", 3600);
  sim.upstream().script(0, {milliseconds{1500}, nullptr});
  CHECK(sim.say(0, "T") == "true");
  sim.pass(milliseconds{400});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  sim.pass(milliseconds{200});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("freshness: a TTL of zero asks every time, it never means for ever (I9, PEERS 3, Kong)") {
  WorldKnobs knobs = calm_knobs();
  SUBCASE("ttl") { knobs.ttl = Duration::zero(); }
  SUBCASE("ttl_without_exp") { knobs.ttl_without_exp = Duration::zero(); }
  Simulation sim(1, knobs);
  sim.issue("T");
  for (int i = 0; i < 3; ++i) CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 3);
  expect_clean_end(sim);
}

TEST_CASE("freshness: without exp an answer lives for ttl_without_exp (I10, F62)") {
  WorldKnobs knobs = calm_knobs();
  knobs.ttl_without_exp = seconds{3};
  Simulation sim(1, knobs);
  sim.issue("T");
  CHECK(sim.say(0, "T") == "true");
  sim.pass(milliseconds{2900});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  sim.pass(milliseconds{200});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("freshness: a fractional exp is floored, seconds are seconds (F56, PEERS 4)") {
  Simulation sim(1, calm_knobs());
  issue_until(sim, "T", 6).fractional_exp = true;
  CHECK(sim.say(0, "T") == "true");
  sim.pass(seconds{3});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  sim.pass(seconds{3});
  CHECK(sim.say(0, "T") == "false");
  expect_clean_end(sim);
}

TEST_CASE("freshness: a fraction of exp is not rounded up (F56)") {
  Simulation sim(1, calm_knobs());
  TokenTruth& truth = issue_until(sim, "T", 6);
  truth.fractional_exp = truth.ignores_exp = true;
  CHECK(sim.say(0, "T") == "true");
  // At exp - skew by the whole seconds of exp, and not a second later.
  const Duration left = WallTime::from_seconds(*truth.exp) - sim.world().wall();
  sim.pass(left - seconds{1} + milliseconds{20});
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("freshness: a wall clock set to within the skew of exp ends a hit (I7)") {
  Simulation sim(1, calm_knobs());
  TokenTruth& truth = issue_until(sim, "T", 600);
  truth.ignores_exp = true;
  CHECK(sim.say(0, "T") == "true");
  sim.world().set_wall_forward(WallTime::from_seconds(*truth.exp) - sim.world().wall() - milliseconds{500});
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("freshness: an exp far away does not overflow into a short or negative life (PEERS 4)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T").exp = 9'000'000'000'000'000;
  CHECK(sim.say(0, "T") == "true");
  sim.pass(seconds{29});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  sim.pass(seconds{2});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("freshness: nbf to come is false, iat to come is served; neither is stored (F59)") {
  Simulation sim(1, calm_knobs());
  SUBCASE("nbf") {
    sim.issue("T").nbf = sim.model().true_seconds() + 5;
    CHECK(sim.say(0, "T") == "false");
    sim.pass(seconds{6});
    CHECK(sim.say(0, "T") == "true");
  }
  SUBCASE("iat") {
    sim.issue("T").iat = sim.model().true_seconds() + 5;
    CHECK(sim.say(0, "T") == "true");
    CHECK(sim.say(0, "T") == "true");
  }
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("freshness: a suspend ages every entry (I12, F108)") {
  Simulation sim(1, calm_knobs());
  issue_until(sim, "T", 86'400);
  CHECK(sim.say(0, "T") == "true");
  sim.world().suspend(hours{1});
  sim.pass(seconds{1});                      // idle connections are closed
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("freshness: a suspend ends the memory of a dead token no earlier and no later (I4, I12)") {
  WorldKnobs knobs = calm_knobs();
  knobs.servers[0].has_revocation_endpoint = false;
  Simulation sim(1, knobs);
  sim.issue("T");
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.revoke_and_wait(0, "T") == "200");
  sim.world().suspend(minutes{9});
  sim.pass(seconds{1});
  CHECK(sim.say(0, "T") == "false");
  sim.world().suspend(minutes{2});
  sim.pass(seconds{1});
  CHECK(sim.say(0, "T") == "true");
  expect_clean_end(sim);
}

TEST_CASE("freshness: a wall clock set back lengthens nothing (I11, F107)") {
  Simulation sim(1, calm_knobs());
  issue_until(sim, "T", 10);
  CHECK(sim.say(0, "T") == "true");
  sim.world().set_wall_forward(-hours{1});
  sim.pass(seconds{5});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  sim.pass(seconds{6});
  CHECK(sim.say(0, "T") == "false");         // the server says so
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("freshness: a wall clock set forward only shortens (I7, I11, F106)") {
  Simulation sim(1, calm_knobs());
  issue_until(sim, "soon", 600);
  issue_until(sim, "late", 86'400);
  CHECK(sim.say(0, "soon") == "true");
  CHECK(sim.say(0, "late") == "true");
  sim.world().set_wall_forward(hours{1});
  CHECK(sim.say(0, "soon") == "false");
  CHECK(sim.say(0, "late") == "true");
  CHECK(sim.calls(0, "late") == 1);
  expect_clean_end(sim);
}

TEST_CASE("freshness: a negative lives for negative_ttl and not longer (I19, PEERS 8)") {
  Simulation sim(1, calm_knobs());
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.calls(0, "T") == 1);
  sim.issue("T");
  sim.pass(milliseconds{4900});
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.calls(0, "T") == 1);
  sim.pass(milliseconds{120});
  CHECK(sim.say(0, "T") == "true");
  expect_clean_end(sim);
}

TEST_CASE("freshness: a negative_ttl of zero stores no negative (I9)") {
  WorldKnobs knobs = calm_knobs();
  knobs.negative_ttl = Duration::zero();
  Simulation sim(1, knobs);
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("freshness: an active answer takes the place of a negative, and the other way round (I20)") {
  WorldKnobs knobs = calm_knobs();
  knobs.ttl = seconds{1};
  Simulation sim(1, knobs);
  CHECK(sim.say(0, "T") == "false");
  issue_until(sim, "T", 3600);
  sim.flush_and_wait();
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(0, "T") == "true");
  sim.model().revoke("T");
  sim.pass(milliseconds{1100});
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.calls(0, "T") == 3);
  expect_clean_end(sim);
}

}  // namespace introspectd::sim
