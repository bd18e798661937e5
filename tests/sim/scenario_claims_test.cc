// Stories of purges by claim: cut-off, hold and logout by sub, sid, client_id and jti, on hits, on flights and on those
// who wait (SPEC §6, DESIGN §5).
#include <chrono>

#include "tests/sim/story.h"

namespace introspectd::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kSub = "alice";

// A token of alice's session s1 at the client "app", issued a minute ago.
TokenTruth& issue_for(Simulation& sim, const std::string& token, const std::string& sub = kSub,
                      const std::string& sid = "s1", ServerIndex server = 0) {
  TokenTruth& truth = sim.issue(token, server);
  truth.claims = {sub, sid, "app", "jti of " + token};
  truth.iat = sim.model(server).true_seconds() - 60;
  return truth;
}

ClaimPurge cut_off(Claims claims) { return {.kind = PurgeKind::kCutOff, .claims = std::move(claims)}; }
ClaimPurge hold(Claims claims) { return {.kind = PurgeKind::kHold, .claims = std::move(claims)}; }
ClaimPurge logout(Claims claims) { return {.kind = PurgeKind::kLogout, .claims = std::move(claims)}; }
Claims by_sub(std::string sub) { return {.sub = std::move(sub), .sid = "", .client_id = "", .jti = ""}; }
Claims by_sid(std::string sid) { return {.sub = "", .sid = std::move(sid), .client_id = "", .jti = ""}; }

}  // namespace

TEST_CASE("claims: each of them purges what carries it, and nothing else (I1, F104)") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "T");
  issue_for(sim, "other", "bob", "s2").claims.client_id = "another app";
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(0, "other") == "true");
  SUBCASE("sub") { sim.apply_and_wait(cut_off(by_sub(kSub))); }
  SUBCASE("sid") { sim.apply_and_wait(cut_off(by_sid("s1"))); }
  SUBCASE("client_id") { sim.apply_and_wait(cut_off({.sub = "", .sid = "", .client_id = "app", .jti = ""})); }
  SUBCASE("jti") { sim.apply_and_wait(cut_off({.sub = "", .sid = "", .client_id = "", .jti = "jti of T"})); }
  SUBCASE("sub and client_id") { sim.apply_and_wait(cut_off({.sub = kSub, .sid = "", .client_id = "app", .jti = ""})); }
  CHECK(sim.say(1, "T") == "false");
  CHECK(sim.calls(0, "T") == 2);
  CHECK(sim.say(1, "other") == "true");
  CHECK(sim.calls(0, "other") == 1);
  expect_clean_end(sim);
}

TEST_CASE("claims: sub and client_id together spare the subject's tokens of another client") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "T");
  issue_for(sim, "elsewhere").claims.client_id = "another app";
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(0, "elsewhere") == "true");
  sim.apply_and_wait(cut_off({.sub = kSub, .sid = "", .client_id = "app", .jti = ""}));
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.say(0, "elsewhere") == "true");
  expect_clean_end(sim);
}

TEST_CASE("claims: a cut-off stands while the server goes on saying active, for all of tombstone_ttl (I4, F80)") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  sim.apply_and_wait(cut_off(by_sub(kSub)));
  for (int i = 0; i < 9; ++i) {
    CHECK(sim.say(0, "T") == "false");
    sim.pass(minutes{1});
  }
  sim.pass(seconds{59});
  CHECK(sim.say(0, "T") == "false");
  sim.pass(seconds{2});
  CHECK(sim.say(0, "T") == "true");   // forgotten: the server has had ten minutes
  expect_clean_end(sim);
}

TEST_CASE("claims: a new login of the same subject lives through the cut-off, and is stored (SPEC §6)") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "old");
  sim.apply_and_wait(cut_off(by_sub(kSub)));
  sim.pass(seconds{2});
  issue_for(sim, "new").iat = sim.model().true_seconds();
  CHECK(sim.say(0, "new") == "true");
  CHECK(sim.say(1, "new") == "true");
  CHECK(sim.calls(0, "new") == 1);
  CHECK(sim.say(0, "old") == "false");
  expect_clean_end(sim);
}

TEST_CASE("claims: a cut-off is inclusive: what was issued in the second of the event is dead") {
  Simulation sim(1, calm_knobs());
  const std::int64_t event = sim.model().true_seconds() - 10;
  issue_for(sim, "same second").iat = event;
  issue_for(sim, "a second later").iat = event + 1;
  CHECK(sim.say(0, "same second") == "true");
  CHECK(sim.say(0, "a second later") == "true");
  sim.apply_and_wait({.kind = PurgeKind::kCutOff, .claims = by_sub(kSub), .event_time = event});
  CHECK(sim.say(0, "same second") == "false");
  CHECK(sim.say(0, "a second later") == "true");
  expect_clean_end(sim);
}

TEST_CASE("claims: a cut-off only moves forward: an older event that comes late changes nothing (F96)") {
  Simulation sim(1, calm_knobs());
  const std::int64_t now = sim.model().true_seconds();
  issue_for(sim, "T").iat = now - 30;
  sim.apply_and_wait({.kind = PurgeKind::kCutOff, .claims = by_sub(kSub), .event_time = now - 20});
  sim.apply_and_wait({.kind = PurgeKind::kCutOff, .claims = by_sub(kSub), .event_time = now - 40});
  CHECK(sim.say(0, "T") == "false");
  expect_clean_end(sim);
}

TEST_CASE("claims: a token without iat is only held: asked, and not stored until the hold ends (SPEC §6)") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "T").iat.reset();
  CHECK(sim.say(0, "T") == "true");
  sim.apply_and_wait(cut_off(by_sub(kSub)));
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 3);
  sim.pass(seconds{11});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(1, "T") == "true");
  CHECK(sim.calls(0, "T") == 4);
  expect_clean_end(sim);
}

TEST_CASE("claims: within a hold every request asks, and nothing is stored (PEERS: the race of back-channel logout)") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  sim.apply_and_wait(hold(by_sid("s1")));
  CHECK(sim.say(0, "T") == "true");
  sim.model().revoke("T");            // now the server has done what it announced
  CHECK(sim.say(1, "T") == "false");
  CHECK(sim.calls(0, "T") == 3);
  expect_clean_end(sim);
}

TEST_CASE("claims: a hold lasts to its last moment, and not longer") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "T");
  sim.apply_and_wait(hold(by_sub(kSub)));
  sim.pass(seconds{9} + milliseconds{900});
  CHECK(sim.say(0, "T") == "true");
  sim.pass(milliseconds{50});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  sim.pass(milliseconds{80});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 3);
  expect_clean_end(sim);
}

TEST_CASE("claims: a logout is false within its hold, then the server is asked") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  sim.apply_and_wait(logout(by_sid("s1")));
  CHECK(sim.say(0, "T") == "false");   // the server says active still
  sim.pass(seconds{9});
  CHECK(sim.say(0, "T") == "false");
  sim.pass(seconds{2});
  CHECK(sim.say(0, "T") == "true");    // it never meant it
  expect_clean_end(sim);
}

TEST_CASE("claims: a token with offline_access outlives the logout, asked at once and not stored in the hold") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "T").offline_access = true;
  CHECK(sim.say(0, "T") == "true");
  sim.apply_and_wait(logout(by_sid("s1")));
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 3);
  expect_clean_end(sim);
}

TEST_CASE("claims: where the server tells no sid a logout goes by sub (STD 5.29)") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "T").claims.sid.clear();
  issue_for(sim, "other session", kSub, "s2");
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(0, "other session") == "true");
  sim.apply_and_wait(logout({.sub = kSub, .sid = "s1", .client_id = "", .jti = ""}));
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.say(0, "other session") == "true");
  CHECK(sim.calls(0, "other session") == 1);
  expect_clean_end(sim);
}

TEST_CASE("claims: a fetch under way at a cut-off brings a false, and is not stored (I2, I3)") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "T");
  sim.upstream().script(0, {milliseconds{400}, nullptr});
  const auto before = sim.introspect(sim.connect(), 0, "T");
  sim.pass(milliseconds{50});
  sim.apply_and_wait(cut_off(by_sub(kSub)));
  const auto after = sim.introspect(sim.connect(), 1, "T");
  CHECK(sim.wait_for(before) == "false");
  CHECK(sim.wait_for(after) == "false");
  expect_clean_end(sim);
}

TEST_CASE("claims: who came after a hold waits for a successor flight, who came before has the old answer (I3)") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "T");
  sim.upstream().script(0, {milliseconds{400}, nullptr});
  const auto before = sim.introspect(sim.connect(), 0, "T");
  sim.pass(milliseconds{50});
  sim.apply_and_wait(hold(by_sub(kSub)));
  const auto after = sim.introspect(sim.connect(), 1, "T");
  CHECK(sim.wait_for(before) == "true");
  CHECK(is_from_call(sim.ask_record(before), 1));
  CHECK(sim.wait_for(after) == "true");
  CHECK(is_from_call(sim.ask_record(after), 2));
  CHECK(sim.calls(0, "T") == 2);
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 3);      // nothing was stored
  expect_clean_end(sim);
}

TEST_CASE("claims: who joined a fetch between two purges that match waits for a successor as well (I3)") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "T");
  sim.upstream().script(0, {milliseconds{400}, nullptr});
  const auto before = sim.introspect(sim.connect(), 0, "T");
  sim.pass(milliseconds{50});
  sim.apply_and_wait(hold(by_sub(kSub)));
  const auto between = sim.introspect(sim.connect(), 1, "T");
  sim.pass(milliseconds{50});
  SUBCASE("of two claims") { sim.apply_and_wait(hold({.sub = "", .sid = "", .client_id = "app", .jti = ""})); }
  SUBCASE("of the same claim") { sim.apply_and_wait(hold(by_sub(kSub))); }
  CHECK(sim.wait_for(before) == "true");
  CHECK(is_from_call(sim.ask_record(before), 1));
  CHECK(sim.wait_for(between) == "true");
  CHECK(is_from_call(sim.ask_record(between), 2));
  expect_clean_end(sim);
}

TEST_CASE("claims: a flight longer than every sweep is refused still (I2, I6)") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "T").iat.reset();
  sim.upstream().script(0, {milliseconds{1900}, nullptr});
  const auto before = sim.introspect(sim.connect(), 0, "T");
  sim.pass(milliseconds{10});
  sim.apply_and_wait(cut_off(by_sub(kSub)));
  CHECK(sim.wait_for(before) == "true");
  CHECK(sim.say(1, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("claims: the subject of one server is not the subject of another (I15)") {
  Simulation sim(1, two_server_knobs());
  issue_for(sim, "T", kSub, "s1", 0);
  issue_for(sim, "U", kSub, "s1", 1);
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(1, "U") == "true");
  sim.apply_and_wait(cut_off(by_sub(kSub)));
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.say(1, "U") == "true");
  CHECK(sim.calls(1, "U") == 1);
  expect_clean_end(sim);
}

TEST_CASE("claims: everything a server issued before a moment is cut off, what came later lives (STD 5.32)") {
  Simulation sim(1, two_server_knobs());
  const std::int64_t moment = sim.model().true_seconds() - 30;
  issue_for(sim, "old").iat = moment;
  issue_for(sim, "new").iat = moment + 1;
  issue_for(sim, "elsewhere", kSub, "s1", 1).iat = moment;
  CHECK(sim.say(0, "old") == "true");
  CHECK(sim.say(0, "new") == "true");
  CHECK(sim.say(1, "elsewhere") == "true");
  sim.apply_and_wait({.kind = PurgeKind::kCutOff, .claims = {}, .event_time = moment});
  CHECK(sim.say(0, "old") == "false");
  CHECK(sim.say(0, "new") == "true");
  CHECK(sim.say(1, "elsewhere") == "true");
  CHECK(sim.calls(1, "elsewhere") == 1);
  expect_clean_end(sim);
}

TEST_CASE("claims: an account enabled again is asked for again, what is active stays stored") {
  Simulation sim(1, calm_knobs());
  issue_for(sim, "hot");
  CHECK(sim.say(0, "hot") == "true");
  CHECK(sim.say(0, "T") == "false");
  issue_for(sim, "T");
  sim.apply_and_wait({.kind = PurgeKind::kForgetNegatives, .claims = {}});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(0, "hot") == "true");
  CHECK(sim.calls(0, "hot") == 1);
  expect_clean_end(sim);
}

TEST_CASE("claims: many purges by claim in one turn are all there at its end, on every loop (I5)") {
  WorldKnobs knobs = calm_knobs();
  knobs.front_loops = 3;
  Simulation sim(1, knobs);
  for (int i = 0; i < 40; ++i) {
    const std::string n = std::to_string(i);
    issue_for(sim, "T" + n, "user" + n, "session" + n);
    CHECK(sim.say(0, "T" + n) == "true");
  }
  for (int i = 0; i < 40; ++i) sim.apply(cut_off(by_sub("user" + std::to_string(i))));
  sim.apply_and_wait(hold(by_sub("nobody")));
  for (int i = 0; i < 40; ++i) {
    CHECK(sim.wait_for(sim.introspect(sim.connect(), 1, "T" + std::to_string(i))) == "false");
  }
  expect_clean_end(sim);
}

}  // namespace introspectd::sim
