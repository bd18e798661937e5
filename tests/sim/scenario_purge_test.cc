// Stories of revocations, purges and flushes, and of what was under way when they came.
#include <chrono>

#include "tests/sim/story.h"

namespace introspectd::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

}  // namespace

TEST_CASE("purge: a fetch begun before a revoke cannot resurrect the token (I1, I2, PEERS 6, WSO2 CVE-2026-3583)") {
  WorldKnobs knobs = calm_knobs();
  knobs.servers[0].has_revocation_endpoint = false;   // the server goes on saying active
  Simulation sim(1, knobs);
  sim.issue("T");
  sim.upstream().script(0, {milliseconds{500}, nullptr});
  const auto waiting = sim.introspect(sim.connect(), 0, "T");
  sim.pass(milliseconds{100});
  CHECK(sim.revoke_and_wait(1, "T") == "200");
  CHECK(sim.wait_for(waiting) == "false");   // told at once, not after 400 ms
  CHECK(sim.say(0, "T") == "false");
  sim.pass(seconds{1});                      // the old fetch has ended with active:true
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.say(1, "T") == "false");
  CHECK(sim.calls(0, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("purge: an entry is gone on every loop once the revoke is acknowledged (I1, I5)") {
  WorldKnobs knobs = calm_knobs();
  knobs.front_loops = 3;
  Simulation sim(1, knobs);
  sim.issue("T");
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.revoke_and_wait(0, "T") == "200");
  for (int i = 0; i < 9; ++i) CHECK(sim.wait_for(sim.introspect(sim.connect(), 1, "T")) == "false");
  CHECK(sim.calls(0, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("purge: who waited before a flush has the old answer, who came after has the successor's (I1, I3)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  sim.upstream().script(0, {milliseconds{300}, nullptr});
  const auto before = sim.introspect(sim.connect(), 0, "T");
  sim.pass(milliseconds{50});
  sim.flush_and_wait();
  sim.upstream().script(0, {milliseconds{500}, nullptr});
  const auto after = sim.introspect(sim.connect(), 1, "T");
  sim.pass(milliseconds{50});
  const auto joins_after = sim.introspect(sim.connect(), 0, "T");
  CHECK(sim.wait_for(before) == "true");
  CHECK(is_from_call(sim.ask_record(before), 1));
  CHECK(sim.wait_for(after) == "true");
  CHECK(is_from_call(sim.ask_record(after), 2));
  CHECK(sim.wait_for(joins_after) == "true");
  CHECK(is_from_call(sim.ask_record(joins_after), 2));
  const auto hit = sim.introspect(sim.connect(), 0, "T");
  CHECK(sim.wait_for(hit) == "true");
  CHECK(is_from_call(sim.ask_record(hit), 2));
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("purge: the answer of a flushed flight that ends last does not replace the successor's (I2, I20)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  sim.upstream().script(0, {milliseconds{800}, nullptr});
  const auto before = sim.introspect(sim.connect(), 0, "T");
  sim.pass(milliseconds{10});
  sim.flush_and_wait();
  CHECK(sim.say(1, "T") == "true");          // call 2, long before call 1 ends
  CHECK(sim.wait_for(before) == "true");
  const auto hit = sim.introspect(sim.connect(), 1, "T");
  CHECK(sim.wait_for(hit) == "true");
  CHECK(is_from_call(sim.ask_record(hit), 2));
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("purge: two flushes during one fetch leave nobody waiting for a third flight (I29, I31)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  std::vector<std::uint64_t> asks;
  for (int i = 0; i < 3; ++i) {
    sim.upstream().script(0, {milliseconds{400}, nullptr});
    asks.push_back(sim.introspect(sim.connect(), 0, "T"));
    sim.pass(milliseconds{20});
    sim.flush_and_wait();
  }
  for (const std::uint64_t ask : asks) CHECK(sim.wait_for(ask) == "true");
  CHECK(sim.say(1, "T") == "true");
  expect_clean_end(sim);
}

TEST_CASE("purge: flushes that come faster than the server answers starve nobody (F101, I29, I31)") {
  WorldKnobs knobs = calm_knobs();
  knobs.servers[0].knobs.latency_least = knobs.servers[0].knobs.latency_most = milliseconds{400};
  Simulation sim(1, knobs);
  sim.issue("T");
  std::vector<std::uint64_t> asks;
  for (int i = 0; i < 60; ++i) {
    asks.push_back(sim.introspect(sim.connect(), static_cast<std::size_t>(i) % 2, "T"));
    sim.pass(milliseconds{20});
    sim.flush_and_wait();
  }
  for (const std::uint64_t ask : asks) CHECK(sim.wait_for(ask) == "true");
  CHECK(sim.calls(0, "T") < 20);
  expect_clean_end(sim);
}

TEST_CASE("purge: dead stays dead while the server's replicas lag behind (I4, F80, PEERS 7, Keycloak CVE-2026-8922)") {
  WorldKnobs knobs = calm_knobs();
  knobs.servers[0].replica_lag = seconds{5};
  Simulation sim(1, knobs);
  sim.issue("T").active_from = MonoTime{};
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.revoke_and_wait(0, "T") == "200");
  for (int i = 0; i < 20; ++i) {
    CHECK(sim.say(i % 2 == 0 ? 0 : 1, "T") == "false");
    sim.pass(milliseconds{400});
  }
  sim.pass(minutes{9} + seconds{50} - milliseconds{8000});
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.calls(0, "T") == 1);             // nobody was asked
  sim.pass(seconds{11});                     // tombstone_ttl is over: now the server is asked, and knows
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("purge: a revocation that the server refuses lets the token live, asked for anew (STD 4.06)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  CHECK(sim.say(0, "T") == "true");
  sim.upstream().script(0, {milliseconds{200}, &fault("F64")});
  const auto revoke = sim.revoke(sim.connect(), 0, "T");
  sim.pass(milliseconds{50});
  CHECK(sim.say(1, "T") == "false");         // dead here first
  CHECK(sim.wait_for(revoke) == "400");
  CHECK(sim.say(1, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("purge: a fetch from before a refused revocation is not joined after it (I2, I3)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  sim.upstream().script(0, {milliseconds{900}, nullptr});
  sim.introspect(sim.connect(), 0, "T");
  sim.pass(milliseconds{10});
  sim.upstream().script(0, {milliseconds{20}, &fault("F64")});
  CHECK(sim.revoke_and_wait(1, "T") == "400");
  const auto after = sim.introspect(sim.connect(), 0, "T");
  CHECK(sim.wait_for(after) == "true");
  CHECK(is_from_call(sim.ask_record(after), 3));
  sim.pass(seconds{1});
  const auto hit = sim.introspect(sim.connect(), 0, "T");
  CHECK(sim.wait_for(hit) == "true");
  CHECK(is_from_call(sim.ask_record(hit), 3));
  expect_clean_end(sim);
}

TEST_CASE("purge: a refused revocation does not lift an operator's purge (I4, I24)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  CHECK(sim.say(0, "T") == "true");
  SUBCASE("that came before it") {
    sim.purge_and_wait("T");
    sim.upstream().script(0, {milliseconds{20}, &fault("F64")});
    CHECK(sim.revoke_and_wait(0, "T") == "400");
  }
  SUBCASE("that came while it was forwarded") {
    sim.upstream().script(0, {milliseconds{200}, &fault("F64")});
    const auto revoke = sim.revoke(sim.connect(), 0, "T");
    sim.pass(milliseconds{50});
    sim.purge_and_wait("T");
    CHECK(sim.wait_for(revoke) == "400");
  }
  SUBCASE("that came between two of it that share one forwarded call") {
    sim.upstream().script(0, {milliseconds{200}, &fault("F64")});
    const auto first = sim.revoke(sim.connect(), 0, "T");
    sim.pass(milliseconds{50});
    sim.purge_and_wait("T");
    const auto second = sim.revoke(sim.connect(), 0, "T");
    CHECK(sim.wait_for(first) == "400");
    CHECK(sim.wait_for(second) == "400");
  }
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.calls(0, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("purge: a revocation that the server does not confirm is 503, and the token stays dead (STD 4.06)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  CHECK(sim.say(0, "T") == "true");
  sim.upstream().script(0, {milliseconds{20}, &fault("F68 500")});
  CHECK(sim.revoke_and_wait(0, "T") == "503");
  CHECK(sim.say(0, "T") == "false");
  sim.pass(seconds{30});
  CHECK(sim.say(1, "T") == "false");
  CHECK(sim.calls(0, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("purge: an unknown revoked token is remembered for hold and flight time, then asked for (F102)") {
  WorldKnobs knobs = calm_knobs();
  knobs.servers[0].has_revocation_endpoint = false;
  Simulation sim(1, knobs);
  sim.issue("T");
  CHECK(sim.revoke_and_wait(0, "T") == "200");
  sim.pass(seconds{12} + milliseconds{900});
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.calls(0, "T") == 0);
  sim.pass(milliseconds{120});
  CHECK(sim.say(0, "T") == "true");
  expect_clean_end(sim);
}

TEST_CASE("purge: a token known by a fetch under way stays dead for all of tombstone_ttl (I4)") {
  WorldKnobs knobs = calm_knobs();
  knobs.servers[0].has_revocation_endpoint = false;
  Simulation sim(1, knobs);
  sim.issue("T");
  sim.upstream().script(0, {milliseconds{500}, nullptr});
  const auto waiting = sim.introspect(sim.connect(), 0, "T");
  sim.pass(milliseconds{10});
  CHECK(sim.revoke_and_wait(0, "T") == "200");
  CHECK(sim.wait_for(waiting) == "false");
  sim.pass(minutes{9});
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.calls(0, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("purge: made-up revocations flush nothing and do not make us forget a real one (I6, F102)") {
  WorldKnobs knobs = calm_knobs();
  knobs.servers[0].has_revocation_endpoint = false;
  knobs.cache_shards = 512;
  Simulation sim(1, knobs);
  sim.issue("hot");
  sim.issue("T");
  CHECK(sim.say(0, "hot") == "true");
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.revoke_and_wait(0, "T") == "200");
  SimClient& client = sim.connect();
  for (int i = 0; i < 900; ++i) sim.revoke(client, 1, "made up " + std::to_string(i));
  sim.pass(seconds{2});
  CHECK(sim.say(1, "hot") == "true");
  CHECK(sim.calls(0, "hot") == 1);
  sim.pass(minutes{5});
  CHECK(sim.say(1, "T") == "false");
  CHECK(sim.calls(0, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("purge: a flush makes negatives be asked for again, and spares the other server (I1, I15)") {
  Simulation sim(1, two_server_knobs());
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.say(1, "T") == "false");
  sim.issue("T", 0);
  sim.flush_and_wait(0);
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(1, "T") == "false");
  CHECK(sim.calls(0, "T") == 2);
  CHECK(sim.calls(1, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("purge: a flush makes what is fresh be asked for again, on every loop (I1, I5)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  CHECK(sim.say(0, "T") == "true");
  sim.flush_and_wait();
  sim.model().revoke("T");
  CHECK(sim.wait_for(sim.introspect(sim.connect(), 0, "T")) == "false");
  CHECK(sim.wait_for(sim.introspect(sim.connect(), 1, "T")) == "false");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("purge: a flush is over for what is fetched after it (I6: a floor discards older fills only)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  sim.flush_and_wait();
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(1, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  expect_clean_end(sim);
}

}  // namespace introspectd::sim
