// Stories of connections: order, cuts, leaving, closing.
#include <chrono>
#include <string>

#include "tests/sim/story.h"

namespace introspectd::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

TEST_CASE("http: pipelined replies come in the order of their requests (I25, F30, STD 7.13)") {
  Simulation sim(1, calm_knobs());
  std::vector<std::uint64_t> asks;
  SimClient& client = sim.connect();
  for (int i = 0; i < 16; ++i) {
    const std::string token = "T" + std::to_string(i);
    if (i % 3 != 0) sim.issue(token);
    if (i % 2 == 0) sim.say(1, token);       // every other one is a hit
    sim.upstream().script(0, {milliseconds{i % 4 == 1 ? 50 : 1}, nullptr});
  }
  for (int i = 0; i < 16; ++i) asks.push_back(sim.introspect(client, 0, "T" + std::to_string(i)));
  for (std::size_t i = 0; i < 16; ++i) CHECK(sim.wait_for(asks[i]) == (i % 3 != 0 ? "true" : "false"));
  expect_clean_end(sim);
}

TEST_CASE("http: the replies do not depend on how the bytes are cut (I26, F117)") {
  std::string whole;
  for (const bool byte_by_byte : {false, true}) {
    WorldKnobs knobs = calm_knobs();
    knobs.streams.byte_by_byte = byte_by_byte;
    knobs.streams.one_in_short = byte_by_byte ? 3 : 0;
    knobs.streams.one_in_would_block = byte_by_byte ? 3 : 0;
    Simulation sim(1, knobs);
    sim.issue("T").aud = {"api"};
    SimClient& client = sim.connect();
    std::vector<std::uint64_t> asks;
    AskOptions chunked;
    chunked.chunked = true;
    asks.push_back(sim.introspect(client, 0, "T", chunked));
    asks.push_back(sim.introspect(client, 1, "n\xc3\xb6t"));
    asks.push_back(sim.introspect(client, 1, "made up"));
    asks.push_back(sim.bad_credential(client, "T", 1));
    std::string statuses;
    for (const std::uint64_t ask : asks) statuses += sim.wait_for(ask) + " ";
    CHECK(statuses == "true false false 401 ");
    expect_clean_end(sim);
  }
}

TEST_CASE("http: more than 16 pipelined requests are answered, all and in order (F31)") {
  Simulation sim(1, calm_knobs());
  SimClient& client = sim.connect();
  std::vector<std::uint64_t> asks;
  for (int i = 0; i < 200; ++i) {
    const std::string token = "T" + std::to_string(i % 7);
    if (i % 7 < 4) sim.issue(token);
    asks.push_back(sim.introspect(client, 0, token));
  }
  for (std::size_t i = 0; i < asks.size(); ++i) CHECK(sim.wait_for(asks[i]) == (i % 7 < 4 ? "true" : "false"));
  expect_clean_end(sim);
}

TEST_CASE("http: after a framing error there is one 4xx and a close, and nothing behind it is interpreted (I25)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  SimClient& client = sim.connect();
  const auto good = sim.introspect(client, 0, "T");
  const auto bad = sim.raw(client, AskKind::kBrokenHttp,
                           "POST /introspect HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400);
  const auto behind = sim.introspect(client, 0, "behind");
  CHECK(sim.wait_for(good) == "true");
  CHECK(sim.wait_for(bad) == "400");
  CHECK(sim.wait_for(behind) == "gone");
  CHECK(sim.calls(0, "behind") == 0);
  expect_clean_end(sim);
}

TEST_CASE("http: a client that has sent its last byte is answered before the close (F36)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  sim.upstream().script(0, {milliseconds{200}, nullptr});
  SimClient& client = sim.connect();
  const auto ask = sim.introspect(client, 0, "T");
  client.half_close();
  CHECK(sim.wait_for(ask) == "true");
  expect_clean_end(sim);
}

TEST_CASE("http: a disconnect while waiting leaves nothing behind (F38, I53)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  sim.upstream().script(0, {milliseconds{200}, nullptr});
  SimClient& client = sim.connect();
  sim.introspect(client, 0, "T");
  sim.pass(milliseconds{50});
  client.leave();
  sim.pass(milliseconds{200});
  CHECK(sim.say(1, "T") == "true");          // the fetch went on, and its answer was stored
  CHECK(sim.calls(0, "T") == 1);
  expect_clean_end(sim);
}

TEST_CASE("http: a late answer does not reach the next request of the same connection (I25)") {
  WorldKnobs knobs = calm_knobs();
  knobs.request_timeout = milliseconds{400};
  Simulation sim(1, knobs);
  sim.issue("slow");
  SimClient& client = sim.connect();
  // The daemon looks after deadlines ten times a second, and rather early than late: the answer comes in between.
  sim.upstream().script(0, {milliseconds{395}, nullptr});
  const auto slow = sim.introspect(client, 0, "slow");
  CHECK(sim.wait_for(slow) == "504");
  CHECK(sim.history().in_flight[0] == 1);
  sim.upstream().script(0, {milliseconds{900}, nullptr});   // under way when the first one ends
  const auto next = sim.introspect(client, 0, "made up");
  CHECK(sim.wait_for(next) == "504");
  expect_clean_end(sim);
}

TEST_CASE("http: a reader that stops reading is let go, others are served (F35)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T").padding = 3000;
  SimClient& slow = sim.connect();
  slow.read_slowly(true);
  for (int i = 0; i < 60; ++i) sim.introspect(slow, 0, "T");
  sim.pass(seconds{1});
  CHECK(sim.say(1, "T") == "true");
  sim.pass(seconds{20});
  const auto figures = sim.node().node().figures();
  std::size_t open = 0;
  for (const std::size_t connections : figures.connections_of_loop) open += connections;
  CHECK(open == 1);
  expect_clean_end(sim);
}

TEST_CASE("http: a reader that is slow and reads gets all of its replies, however many are pending (F33, F35)") {
  WorldKnobs knobs = calm_knobs();
  knobs.streams.window_bytes = 64;
  knobs.streams.delay_most = milliseconds{50};
  Simulation sim(1, knobs);
  sim.issue("T").padding = 1000;
  CHECK(sim.say(0, "T") == "true");
  SimClient& client = sim.connect();
  std::vector<std::uint64_t> asks;
  for (int i = 0; i < 40; ++i) asks.push_back(sim.introspect(client, 0, "T"));
  sim.pass(seconds{8});                      // longer than a request or a write may take, and not half of it is read
  CHECK(client.outstanding() > 20);
  for (const std::uint64_t ask : asks) CHECK(sim.wait_for(ask) == "true");
  CHECK(client.open());
  expect_clean_end(sim);
}

TEST_CASE("http: a drain answers what is under way and takes nothing new (F119)") {
  Simulation sim(1, calm_knobs());
  sim.issue("T");
  sim.upstream().script(0, {milliseconds{300}, nullptr});
  const auto ask = sim.introspect(sim.connect(), 0, "T");
  sim.connect();                             // idle
  sim.admin();
  sim.pass(milliseconds{10});
  bool drained = false;
  sim.node().drain([&drained] { drained = true; });
  sim.pass(milliseconds{10});
  CHECK(!drained);
  CHECK(sim.wait_for(ask) == "true");
  sim.pass(seconds{2});
  CHECK(drained);
  expect_clean_end(sim);
}

}  // namespace introspectd::sim
