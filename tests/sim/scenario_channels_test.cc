// Stories of what a revocation channel's health allows: polls, verification events, pauses, losses (I13, I14, STD 5.19).
#include <chrono>
#include <string>

#include "tests/sim/event_story.h"

namespace introspectd::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

}  // namespace

TEST_CASE("channel: while polls are answered an entry lives for ttl_live, without them for ttl (I13)") {
  Simulation sim(1, poll_knobs());
  sim.pass(seconds{20});
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  sim.pass(minutes{4});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  sim.pass(seconds{61});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);      // older than ttl_live
  sim.pass(minutes{2});
  sim.feed_knobs().down = true;       // F92, F93: nothing is served for longer than ttl past the last proof
  sim.pass(seconds{25});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  sim.pass(seconds{20});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 3);
  expect_clean_end(sim);
}

TEST_CASE("channel: what was asked before the first proof lives for ttl alone (I13: start >= G)") {
  WorldKnobs knobs = poll_knobs();
  knobs.servers[0].feed.down = true;
  Simulation sim(1, knobs);
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  sim.feed_knobs().down = false;
  sim.pass(seconds{40});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("channel: a stream that says it is paused proves nothing until it is enabled (STD 5.19, I14)") {
  Simulation sim(1, poll_knobs());
  sim.pass(seconds{20});
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.push_and_wait(sim.feed().stream_updated(false)) == "202");
  sim.pass(seconds{31});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  CHECK(sim.push_and_wait(sim.feed().stream_updated(true)) == "202");
  sim.pass(seconds{31});
  CHECK(sim.say(0, "T") == "true");   // call 2 began before the new stretch: its own age alone
  CHECK(sim.calls(0, "T") == 3);
  sim.pass(minutes{2});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 3);
  expect_clean_end(sim);
}

TEST_CASE("channel: a pause whose end nobody tells ends with a verification event, and its proofs begin behind that (I14)") {
  WorldKnobs knobs = event_knobs();
  knobs.servers[0].feed.verification = true;
  Simulation sim(1, knobs);
  sim.pass(minutes{1});
  CHECK(sim.push_and_wait(sim.feed().stream_updated(false)) == "202");
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  sim.pass(minutes{2});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  sim.feed().resume();
  sim.pass(seconds{31});
  CHECK(sim.say(0, "T") == "true");   // call 2 began before the new stretch: its own age alone
  CHECK(sim.calls(0, "T") == 3);
  sim.pass(minutes{2});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 3);
  expect_clean_end(sim);
}

TEST_CASE("channel: a pause that was acknowledged outlives a crash, on whatever disk (STD 5.19)") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    WorldKnobs knobs = poll_knobs();
    knobs.has_disk = true;
    knobs.disk.one_in_failure = seed % 2 == 0 ? 2 : 0;
    Simulation sim(seed, knobs);
    sim.pass(seconds{20});
    std::string status = "503";
    const FeedEvent pause = sim.feed().stream_updated(false);
    for (int i = 0; i < 40 && status == "503"; ++i) status = sim.push_and_wait(pause);
    REQUIRE(status == "202");
    sim.crash();
    sim.start_again();
    sim.pass(seconds{20});
    issue_for(sim, "T");
    CHECK(sim.say(0, "T") == "true");
    sim.pass(seconds{31});
    CHECK(sim.say(0, "T") == "true");
    CHECK(sim.calls(0, "T") == 2);
    expect_clean_end(sim);
  }
}

TEST_CASE("channel: a verification event that comes back proves it, one that does not ends it (STD 5.18)") {
  WorldKnobs knobs = event_knobs();
  knobs.servers[0].feed.verification = true;
  Simulation sim(1, knobs);
  sim.pass(minutes{1});
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  sim.pass(minutes{2});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  sim.feed_knobs().one_in_verification_lost = 1;
  sim.pass(minutes{1});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("channel: somebody else's verification event proves nothing (I24)") {
  WorldKnobs knobs = event_knobs();
  knobs.servers[0].feed.verification = true;
  knobs.servers[0].feed.one_in_verification_lost = 1;
  Simulation sim(1, knobs);
  sim.pass(seconds{15});
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  for (int i = 0; i < 5; ++i) {
    CHECK(sim.push_and_wait(sim.feed().verification("made up")) == "202");
    sim.pass(seconds{7});
  }
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("channel: with `clear` a loss is answered by asking for all that is older than channel_timeout (I13)") {
  WorldKnobs knobs = poll_knobs();
  knobs.clear_on_channel_loss = true;
  knobs.channel_timeout = seconds{12};
  Simulation sim(1, knobs);
  sim.pass(seconds{20});
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  sim.pass(minutes{1});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  sim.feed_knobs().down = true;
  sim.pass(seconds{14} + milliseconds{500});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

}  // namespace introspectd::sim
