// Stories of a fleet: one node hears of a revocation, all purge; streams that break, fall silent, are trimmed, reset or
// forged; nodes that crash and come back (F92-F97, F105, I4, I13, I14, I24; SPEC §6).
#include <chrono>

#include "tests/sim/sim_fleet.h"
#include "tests/sim/story.h"

namespace introspectd::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

WorldKnobs fleet_knobs() {
  WorldKnobs knobs = calm_knobs();
  knobs.servers[0].feed.events = true;
  knobs.has_disk = true;
  return knobs;
}

// Between two looks of a story.
constexpr Duration kRelayed = seconds{3};

void issue_for(SimFleet& fleet, const std::string& token) {
  TokenTruth& truth = fleet.model().issue(token);
  truth.claims = {"alice", "s1", "app", "jti of " + token};
  truth.iat = fleet.model().true_seconds() - 60;
  truth.exp = fleet.model().true_seconds() + 36000;
}

void expect_everywhere(SimFleet& fleet, const std::string& token, const std::string& said) {
  for (std::size_t i = 0; i < fleet.size(); ++i) {
    CAPTURE(i);
    CHECK(fleet.node(i).say(0, token) == said);
  }
}

void expect_all_clean(SimFleet& fleet) {
  for (std::size_t i = 0; i < fleet.size(); ++i) {
    CAPTURE(i);
    expect_clean_end(fleet.node(i));
  }
}

SimEventLog::Fields fields_of_kind(const SimEventLog& log, const std::string& kind) {
  for (auto entry = log.ever().rbegin(); entry != log.ever().rend(); ++entry) {
    for (const auto& [name, value] : entry->fields) {
      if (name == "kind" && value == kind) return entry->fields;
    }
  }
  return {};
}

}  // namespace

TEST_CASE("fleet: one node receives a logout, every node purges (I1, SPEC §6)") {
  SimFleet fleet(1, fleet_knobs(), 3);
  fleet.pass(seconds{3});
  issue_for(fleet, "T");
  expect_everywhere(fleet, "T", "true");
  CHECK(fleet.node(1).push_and_wait(fleet.feed().logout_token("alice", "s1")) == "200");
  fleet.pass(milliseconds{200});
  expect_everywhere(fleet, "T", "false");
  expect_all_clean(fleet);
}

TEST_CASE("fleet: what carries no signature goes round under the fleet's key, and stays at home without one") {
  WorldKnobs knobs = fleet_knobs();
  std::string elsewhere = "false";
  SUBCASE("with a key") {}
  SUBCASE("without") {
    knobs.fleet_key.clear();
    elsewhere = "true";
  }
  SimFleet fleet(1, knobs, 2);
  fleet.pass(seconds{3});
  issue_for(fleet, "T");
  expect_everywhere(fleet, "T", "true");
  CHECK(fleet.node(0).revoke_and_wait(0, "T") == "200");
  fleet.model().find("T")->revoked_at.reset();   // an AS that forgets: only the purge counts
  fleet.pass(kRelayed);
  CHECK(fleet.node(0).say(0, "T") == "false");
  CHECK(fleet.node(1).say(0, "T") == elsewhere);
  expect_all_clean(fleet);
}

TEST_CASE("fleet: an event waits in the outbox while the stream is down, over a crash too, and is relayed then (F92)") {
  SimFleet fleet(1, fleet_knobs(), 2);
  fleet.pass(seconds{3});
  issue_for(fleet, "T");
  expect_everywhere(fleet, "T", "true");
  fleet.log().set_up(false);
  fleet.pass(seconds{1});
  CHECK(fleet.node(0).push_and_wait(fleet.feed().session_revoked({"alice", "", "", ""})) == "202");
  SUBCASE("it lives") {}
  SUBCASE("it crashes") {
    fleet.node(0).crash();
    fleet.pass(seconds{5});
    fleet.node(0).start_again();
  }
  fleet.log().set_up(true);
  fleet.pass(seconds{10});
  expect_everywhere(fleet, "T", "false");
  expect_all_clean(fleet);
}

TEST_CASE("fleet: a node that was gone for a minute replays what it missed before it serves (SPEC §6)") {
  SimFleet fleet(1, fleet_knobs(), 2);
  fleet.pass(seconds{8});
  issue_for(fleet, "T");
  fleet.node(1).crash();
  CHECK(fleet.node(0).push_and_wait(fleet.feed().session_revoked({"alice", "", "", ""})) == "202");
  fleet.pass(minutes{1});
  fleet.node(1).start_again();
  fleet.pass(kRelayed);
  expect_everywhere(fleet, "T", "false");
  expect_all_clean(fleet);
}

TEST_CASE("fleet: purges are remembered over a crash and over a clean end; determinations are not (I4, I52)") {
  SimFleet fleet(1, fleet_knobs(), 1);
  Simulation& node = fleet.node(0);
  fleet.pass(seconds{3});
  issue_for(fleet, "cut off");
  issue_for(fleet, "dead");
  fleet.model().find("dead")->claims.sub = "bob";
  CHECK(node.say(0, "cut off") == "true");
  CHECK(node.say(0, "dead") == "true");
  node.purge_and_wait("dead");
  SUBCASE("a crash: cut-offs are there at once, dead tokens after seconds") {
    fleet.pass(seconds{7});
    CHECK(node.push_and_wait(fleet.feed().account_disabled("alice")) == "202");
    node.crash();
  }
  SUBCASE("a clean end") {
    CHECK(node.push_and_wait(fleet.feed().account_disabled("alice")) == "202");
    node.stop();
  }
  fleet.pass(seconds{20});
  node.start_again();
  CHECK(node.say(0, "dead") == "false");
  CHECK(node.say(0, "cut off") == "false");
  CHECK(node.calls(0, "dead") == 1);
  expect_all_clean(fleet);
}

TEST_CASE("fleet: what was trimmed before a node read it raises its floor (F94)") {
  SimFleet fleet(1, fleet_knobs(), 2);
  fleet.pass(seconds{3});
  issue_for(fleet, "T");
  fleet.model().find("T")->iat.reset();
  expect_everywhere(fleet, "T", "true");
  fleet.node(1).stream()->set_silent(true);
  CHECK(fleet.node(0).push_and_wait(fleet.feed().claims_changed("alice")) == "202");
  fleet.pass(seconds{2});
  fleet.log().trim(1);
  fleet.node(1).stream()->disconnect("it breaks");
  fleet.node(1).stream()->set_silent(false);
  fleet.pass(seconds{6});
  CHECK(fleet.node(1).say(0, "T") == "true");
  CHECK(fleet.node(1).calls(0, "T") == 2);
  expect_all_clean(fleet);
}

TEST_CASE("fleet: a stream that is reset raises every floor, and the fleet goes on (F97, F105)") {
  SimFleet fleet(1, fleet_knobs(), 2);
  fleet.pass(seconds{3});
  issue_for(fleet, "T");
  expect_everywhere(fleet, "T", "true");
  fleet.node(1).stream()->set_silent(true);
  CHECK(fleet.node(0).push_and_wait(fleet.feed().claims_changed("alice")) == "202");
  fleet.pass(milliseconds{300});
  fleet.log().restart_empty();
  fleet.node(1).stream()->set_silent(false);
  fleet.pass(seconds{8});
  CHECK(fleet.node(1).say(0, "T") == "true");
  CHECK(fleet.node(1).calls(0, "T") == 2);
  CHECK(fleet.node(0).push_and_wait(fleet.feed().account_disabled("alice")) == "202");
  fleet.pass(kRelayed);
  expect_everywhere(fleet, "T", "false");
  expect_all_clean(fleet);
}

TEST_CASE("fleet: a relayed proof lets entries of every node live, a silent stream ends that (F93, I13)") {
  WorldKnobs knobs = fleet_knobs();
  knobs.servers[0].feed.poll = true;
  SimFleet fleet(1, knobs, 2);
  fleet.pass(seconds{30});
  issue_for(fleet, "T");
  expect_everywhere(fleet, "T", "true");
  fleet.pass(minutes{2});
  expect_everywhere(fleet, "T", "true");
  for (std::size_t i = 0; i < 2; ++i) CHECK(fleet.node(i).calls(0, "T") == 1);
  fleet.node(1).stream()->set_silent(true);
  fleet.node(0).offer(fleet.feed().session_revoked({"alice", "", "", ""}));
  fleet.pass(seconds{45});
  CHECK(fleet.node(0).say(0, "T") == "false");
  fleet.model().revoke("T");
  CHECK(fleet.node(1).say(0, "T") == "false");   // asked: nothing older than ttl past the last proof
  fleet.node(1).stream()->set_silent(false);
  fleet.pass(seconds{10});
  expect_everywhere(fleet, "T", "false");
  expect_all_clean(fleet);
}

TEST_CASE("fleet: forged and replayed entries purge nothing and prove nothing (F98, I24)") {
  WorldKnobs knobs = fleet_knobs();
  knobs.servers[0].feed.poll = true;
  SimFleet fleet(1, knobs, 2);
  fleet.pass(seconds{30});
  issue_for(fleet, "T");
  CHECK(fleet.node(1).say(0, "T") == "true");
  SUBCASE("a purge with another mac") {
    fleet.node(0).revoke_and_wait(0, "nobody's");
    fleet.pass(kRelayed);
    SimEventLog::Fields forged = fields_of_kind(fleet.log(), "purge");
    REQUIRE(!forged.empty());
    for (auto& [name, value] : forged) {
      if (name == "signals") value = R"({"signals":[{"kind":"flush"}]})";
    }
    fleet.log().append(forged);
    fleet.pass(kRelayed);
    CHECK(fleet.node(1).say(0, "T") == "true");
    CHECK(fleet.node(1).calls(0, "T") == 1);
  }
  SUBCASE("an old proof, shown again") {
    const SimEventLog::Fields proof = fields_of_kind(fleet.log(), "proof");
    REQUIRE(!proof.empty());
    fleet.node(0).crash();           // no proof is true any more
    for (int i = 0; i < 45; ++i) {
      fleet.log().append(proof);
      fleet.pass(seconds{1});
    }
    CHECK(fleet.node(1).say(0, "T") == "true");
    CHECK(fleet.node(1).calls(0, "T") == 2);
    fleet.node(0).start_again();
    fleet.pass(seconds{1});
  }
  expect_all_clean(fleet);
}

TEST_CASE("fleet: a full disk refuses what it cannot relay, and the sender comes again (503)") {
  SimFleet fleet(1, fleet_knobs(), 2);
  fleet.pass(seconds{3});
  issue_for(fleet, "T");
  expect_everywhere(fleet, "T", "true");
  fleet.node(0).disk_knobs().full = true;
  CHECK(fleet.node(0).push_and_wait(fleet.feed().session_revoked({"alice", "", "", ""})) == "503");
  CHECK(fleet.node(0).say(0, "T") == "false");   // applied here all the same
  fleet.node(0).disk_knobs().full = false;
  fleet.pass(seconds{6});
  CHECK(fleet.node(0).push_and_wait(fleet.feed().session_revoked({"alice", "", "", ""})) == "202");
  fleet.pass(kRelayed);
  expect_everywhere(fleet, "T", "false");
  expect_all_clean(fleet);
}

TEST_CASE("fleet: appends that land though they are reported as failed do no harm (F95)") {
  WorldKnobs knobs = fleet_knobs();
  knobs.stream.one_in_landed_failure = 3;
  knobs.stream.one_in_lost_append = 5;
  SimFleet fleet(1, knobs, 3);
  fleet.pass(seconds{3});
  issue_for(fleet, "T");
  expect_everywhere(fleet, "T", "true");
  CHECK(fleet.node(2).push_and_wait(fleet.feed().account_disabled("alice")) == "202");
  fleet.pass(seconds{20});
  expect_everywhere(fleet, "T", "false");
  expect_all_clean(fleet);
}

}  // namespace introspectd::sim
