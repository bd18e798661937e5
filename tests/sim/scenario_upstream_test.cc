// Stories of authorization servers: what they answer, that they do not, and who pays for it.
#include <chrono>
#include <string>

#include "tests/sim/story.h"

namespace introspectd::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

TEST_CASE("upstream: no fault of a server is ever a determination (I17, I18, F46-F88, PEERS 5)") {
  for (const Fault& each : all_faults()) {
    CAPTURE(each.name);
    Simulation sim(1, calm_knobs());
    sim.issue("cached");
    sim.issue("T");
    CHECK(sim.say(0, "cached") == "true");
    sim.upstream().script(0, {milliseconds{5}, &each});
    if (each.worth_a_retry) sim.upstream().script(0, {milliseconds{5}, &each});
    CHECK(sim.say(0, "T") == std::to_string(each.caller_status));
    CHECK(sim.calls(0, "T") == (each.worth_a_retry ? 2 : 1));
    CHECK(sim.say(1, "cached") == "true");   // what is fresh is still served
    CHECK(sim.calls(0, "cached") == 1);
    sim.pass(seconds{10});
    const bool long_hold_off = each.name == "F66 429 with an absurd delay";
    if (long_hold_off) sim.pass(seconds{70});
    CHECK(sim.say(0, "T") == "true");        // nothing was stored, neither true nor false
    expect_clean_end(sim);
  }
}

TEST_CASE("upstream: a retry on a fresh connection saves a request from an idle one that died (F68, F78, F83)") {
  for (const Fault& each : all_faults()) {
    if (!each.worth_a_retry) continue;
    CAPTURE(each.name);
    Simulation sim(1, calm_knobs());
    sim.issue("T");
    sim.upstream().script(0, {milliseconds{5}, &each});
    CHECK(sim.say(0, "T") == "true");
    CHECK(sim.calls(0, "T") == 2);
    CHECK(sim.history().calls[1].retry);
    expect_clean_end(sim);
  }
}

TEST_CASE("upstream: a retry takes a ticket of its own, so a flush before it does not spoil it (I2)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  sim.upstream().script(0, {milliseconds{100}, &fault("F78")});
  sim.upstream().script(0, {milliseconds{100}, nullptr});
  const auto ask = sim.introspect(sim.connect(), 0, "T");
  sim.pass(milliseconds{50});
  sim.flush_and_wait();
  CHECK(sim.wait_for(ask) == "true");
  CHECK(sim.say(1, "T") == "true");          // stored: the second call started after the flush
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("upstream: a flushed flight is not tried again beside its successor, its waiters go there (I31)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  sim.upstream().script(0, {milliseconds{300}, &fault("F78")});
  sim.upstream().script(0, {milliseconds{800}, nullptr});
  const auto before = sim.introspect(sim.connect(), 0, "T");
  sim.pass(milliseconds{50});
  sim.flush_and_wait();
  const auto after = sim.introspect(sim.connect(), 1, "T");
  CHECK(sim.wait_for(before) == "true");
  CHECK(sim.wait_for(after) == "true");
  CHECK(is_from_call(sim.ask_record(before), 2));
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("upstream: the age of an answer is that of the try that brought it (I13)") {
  WorldKnobs knobs = calm_knobs();
  knobs.ttl = seconds{2};
  Simulation sim(1, knobs);
  sim.issue("T").exp = sim.model().true_seconds() + 3600;
  sim.upstream().script(0, {milliseconds{1500}, &fault("F78")});
  CHECK(sim.say(0, "T") == "true");
  sim.pass(milliseconds{1900});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("upstream: a thousand callers at once with one cold token cost one call (F44)") {
  WorldKnobs knobs = calm_knobs();
  knobs.front_loops = 3;
  knobs.loops.post_delay_most = milliseconds{3};
  Simulation sim(7, knobs);
  sim.issue("T");
  std::vector<std::uint64_t> asks;
  for (int i = 0; i < 1000; ++i) asks.push_back(sim.introspect(sim.connect(), static_cast<std::size_t>(i) % 2, "T"));
  for (const std::uint64_t ask : asks) CHECK(sim.wait_for(ask) == "true");
  CHECK(sim.calls(0, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("upstream: a miss whose post comes after the flight has ended finds the answer (F44)") {
  WorldKnobs knobs = calm_knobs();
  knobs.loops.post_delay_most = milliseconds{20};
  Simulation sim(3, knobs);
  for (int i = 0; i < 40; ++i) {
    const std::string token = "T" + std::to_string(i);
    sim.issue(token);
    const auto first = sim.introspect(sim.connect(), 0, token);
    const auto second = sim.introspect(sim.connect(), 1, token);
    const auto third = sim.introspect(sim.connect(), 1, token);
    CHECK(sim.wait_for(first) == "true");
    CHECK(sim.wait_for(second) == "true");
    CHECK(sim.wait_for(third) == "true");
    CHECK(sim.calls(0, token) == 1);
  }
  expect_clean_end(sim);
}

TEST_CASE("upstream: one caller's limit is nobody else's (I32, SPEC §4)") {
  WorldKnobs knobs = calm_knobs();
  knobs.callers[0].max_in_flight = 2;
  knobs.servers[0].knobs.latency_least = knobs.servers[0].knobs.latency_most = milliseconds{300};
  Simulation sim(1, knobs);
  std::vector<std::uint64_t> greedy;
  for (int i = 0; i < 5; ++i) {
    sim.issue("T" + std::to_string(i));
    greedy.push_back(sim.introspect(sim.connect(), 0, "T" + std::to_string(i)));
    sim.pass(milliseconds{1});
  }
  sim.issue("other");
  const auto other = sim.introspect(sim.connect(), 1, "other");
  const auto joins = sim.introspect(sim.connect(), 0, "T0");   // costs no call of its own
  CHECK(sim.wait_for(greedy[2]) == "503");
  CHECK(sim.wait_for(greedy[4]) == "503");
  CHECK(sim.wait_for(greedy[0]) == "true");
  CHECK(sim.wait_for(joins) == "true");
  CHECK(sim.wait_for(other) == "true");
  CHECK(sim.history().calls.size() == 3);
  expect_clean_end(sim);
}

TEST_CASE("upstream: no more calls in flight than max_in_flight, what is over is refused at once (I32, F42)") {
  WorldKnobs knobs = calm_knobs();
  knobs.servers[0].max_in_flight = 3;
  knobs.servers[0].knobs.latency_least = knobs.servers[0].knobs.latency_most = milliseconds{300};
  Simulation sim(1, knobs);
  std::vector<std::uint64_t> asks;
  for (int i = 0; i < 4; ++i) asks.push_back(sim.introspect(sim.connect(), 0, "made up " + std::to_string(i)));
  const MonoTime before = sim.world().mono();
  CHECK(sim.wait_for(asks[3]) == "503");
  CHECK(sim.world().mono() - before < milliseconds{10});
  for (int i = 0; i < 3; ++i) CHECK(sim.wait_for(asks[static_cast<std::size_t>(i)]) == "false");
  expect_clean_end(sim);
}

TEST_CASE("upstream: a server that fails is left alone but for probes, and found again within 30 s (I33, I36, F77)") {
  Simulation sim(1, calm_knobs());
  sim.issue("cached").exp = sim.model().true_seconds() + 3600;
  sim.server().down = true;
  sim.server().faults = {&fault("F84")};
  for (int i = 0; i < 600; ++i) {            // a minute of misses
    sim.introspect(sim.connect(), 0, "T" + std::to_string(i));
    sim.pass(milliseconds{100});
  }
  CHECK(sim.history().calls.size() < 40);
  sim.server().down = false;
  sim.pass(seconds{30});
  CHECK(sim.say(0, "cached") == "true");
  sim.issue("T1");
  CHECK(sim.say(0, "T1") == "true");
  expect_clean_end(sim);
}

TEST_CASE("upstream: a server that never answers costs 504 within the deadline (I29, F77)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  sim.server().one_in_hang = 1;
  const MonoTime before = sim.world().mono();
  CHECK(sim.say(0, "T") == "504");
  CHECK(sim.world().mono() - before <= seconds{2} + milliseconds{200});
  expect_clean_end(sim);
}

TEST_CASE("upstream: a waiter's deadline is its own (I29, SPEC §4)") {
  WorldKnobs knobs = calm_knobs();
  knobs.request_timeout = milliseconds{600};
  Simulation sim(1, knobs);
  sim.issue("T");
  sim.upstream().script(0, {milliseconds{1000}, nullptr});
  const auto first = sim.introspect(sim.connect(), 0, "T");
  sim.pass(milliseconds{700});
  const auto second = sim.introspect(sim.connect(), 1, "T");
  CHECK(sim.wait_for(first) == "504");
  CHECK(sim.wait_for(second) == "true");
  CHECK(sim.calls(0, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("upstream: the one who started a fetch leaves, the others have their answer (I30, F38)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  sim.upstream().script(0, {milliseconds{300}, nullptr});
  SimClient& starter = sim.connect();
  sim.introspect(starter, 0, "T");
  sim.pass(milliseconds{10});
  const auto joined = sim.introspect(sim.connect(), 1, "T");
  sim.pass(milliseconds{10});
  starter.leave();
  CHECK(sim.wait_for(joined) == "true");
  CHECK(sim.calls(0, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("upstream: a flood of made-up tokens evicts no hot positive (I42, F42, PEERS 8)") {
  WorldKnobs knobs = calm_knobs();
  knobs.cache_shards = 512;
  knobs.ttl = std::chrono::hours{1};
  knobs.servers[0].knobs.latency_least = knobs.servers[0].knobs.latency_most = Duration::zero();
  Simulation sim(1, knobs);
  sim.issue("hot").exp = sim.model().true_seconds() + 7200;
  CHECK(sim.say(0, "hot") == "true");
  for (int i = 0; i < 20'000; ++i) sim.say(0, "made up " + std::to_string(i));
  CHECK(sim.say(1, "hot") == "true");
  CHECK(sim.calls(0, "hot") == 1);
  CHECK(sim.node().node().cache().counts().evicted == 0);
  expect_clean_end(sim);
}

TEST_CASE("upstream: a changed secret is read again, and retires what the old one brought (F63, I50)") {
  WorldKnobs knobs = calm_knobs();
  SUBCASE("client_secret_basic") { knobs.servers[0].credential_in_body = false; }
  SUBCASE("client_secret_post") { knobs.servers[0].credential_in_body = true; }
  Simulation sim(1, knobs);
  sim.issue("old");
  sim.issue("new");
  CHECK(sim.say(0, "old") == "true");
  sim.rotate_secret();
  CHECK(sim.say(0, "old") == "true");        // nothing has told us yet
  CHECK(sim.calls(0, "old") == 1);
  CHECK(sim.say(0, "new") == "true");        // 401, the file read, the same request again
  CHECK(sim.calls(0, "new") == 2);
  CHECK(sim.say(1, "old") == "true");
  CHECK(sim.calls(0, "old") == 2);           // asked for again under the new credential
  CHECK(sim.say(1, "new") == "true");
  CHECK(sim.calls(0, "new") == 2);
  expect_clean_end(sim);
}

TEST_CASE("upstream: no token is in any log line (I44, PEERS 9)") {
  Simulation sim(1, calm_knobs());
  sim.issue("very-secret-token");
  for (const Fault& each : all_faults()) {
    sim.upstream().script(0, {milliseconds{5}, &each});
    sim.say(0, "very-secret-token");
    sim.pass(seconds{70});
  }
  sim.revoke_and_wait(0, "very-secret-token");
  sim.purge_and_wait("very-secret-token");
  CHECK(!sim.node().log_text().empty());
  CHECK(sim.node().log_text().find("very-secret") == std::string::npos);
  CHECK(sim.node().log_text().find("secret of") == std::string::npos);
  expect_clean_end(sim);
}

}  // namespace introspectd::sim
