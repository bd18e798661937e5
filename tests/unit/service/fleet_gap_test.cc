#include "service/fleet.h"

#include <doctest/doctest.h>

#include "fleet_world.h"

namespace introspectd::testing {
namespace {

using service::FleetGap;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

}  // namespace

TEST_CASE("fleet: a trimmed cursor raises every floor and says why (F94)") {
  FleetWorld world;
  world.start();
  world[1].stop();
  for (int i = 0; i < 5; ++i) world[0].relay("a.b.c");
  world.run(seconds{2});
  world.log.trim(1);
  world[1].start();
  world.run(seconds{3});
  CHECK(world[1].gaps(FleetGap::kTrimmed) == 1);
  CHECK(world[1].floors == std::vector<cache::ServerId>{0, 1});
  CHECK(world[1].losses == std::vector<cache::ServerId>{0, 1});
  CHECK(world[1].sink.text.find("floors raised reason=trimmed") != std::string::npos);
}

TEST_CASE("fleet: what was trimmed up to the cursor was read: no gap") {
  FleetWorld world;
  world.start();
  world[1].stop();
  world[0].crash();
  // Only what node 1 wrote when it left and what stands before it.
  const service::FleetPosition position =
      *service::FleetPosition::read(world[1].disk.files.at("fleet.position"));
  while (!world.log.entries.empty() && world.log.entries.front().id <= position.id) {
    world.log.trim(world.log.entries.size() - 1);
  }
  world[1].start();
  world.run(seconds{3});
  CHECK(world[1].floors.empty());
}

TEST_CASE("fleet: before Redis 7 a log that begins behind the cursor counts as trimmed") {
  FleetWorld world;
  world.log.redis6 = true;
  world.start();
  CHECK(world[1].floors.empty());
  world[1].stop();
  world.run(seconds{5});
  world.log.trim(2);
  world[1].start();
  world.run(seconds{3});
  CHECK(world[1].gaps(FleetGap::kTrimmed) == 1);
}

TEST_CASE("fleet: a reset log raises every floor, and is read from its beginning (F97, F105)") {
  FleetWorld world;
  world.start();
  world[1].stream->reachable = false;
  world.run(milliseconds{10});
  world.log.reset();
  world[0].stream->disconnect();
  world.run(seconds{1});
  world[0].relay("a.b.c");
  world.run(milliseconds{50});
  world[1].stream->reachable = true;
  world.run(seconds{3});
  CHECK(world[0].gaps(FleetGap::kReset) == 1);
  CHECK(world[1].gaps(FleetGap::kReset) == 1);
  CHECK(world[1].floors.size() == 2);
  CHECK(world[1].stream->read_from == "0-0");
  CHECK(world[1].inbox.events == std::vector<std::string>{"a.b.c"});
  CHECK(world[1].live());
}

TEST_CASE("fleet: a node's missing number raises every floor, by its next event or heartbeat (F94)") {
  FleetWorld world;
  world.start();
  world[0].relay("a.b.c");
  world.run(milliseconds{20});
  world[1].stream->silent = true;
  world[0].relay("d.e.f");
  world.run(milliseconds{20});
  world.log.entries.erase(world.log.entries.begin() +
                          static_cast<std::ptrdiff_t>(index_of_kind(world.log, "signed")));
  world[1].stream->silent = false;
  world.run(seconds{2});
  CHECK(world[1].inbox.events == std::vector<std::string>{"a.b.c"});
  CHECK(world[1].gaps(FleetGap::kHole) == 1);
  CHECK(world[1].floors.size() == 2);
}

TEST_CASE("fleet: another run id with everything there raises no floor, once the nodes have shown it") {
  FleetWorld world(3);
  world.start();
  world.log.run_id = "run-again";
  for (std::size_t i = 0; i < 3; ++i) world[i].stream->disconnect();
  world.run(milliseconds{20});
  CHECK_FALSE(world[1].live());   // in doubt
  world.run(seconds{6});
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(world[i].floors.empty());
    CHECK(world[i].live());
  }
}

TEST_CASE("fleet: another run id raises every floor where a node does not show that nothing is missing (F105)") {
  FleetWorld world(3);
  world.start();
  world[2].stream->reachable = false;
  world.log.run_id = "run-again";
  for (std::size_t i = 0; i < 2; ++i) world[i].stream->disconnect();
  world.run(service::Fleet::kDoubtMost + seconds{2});
  CHECK(world[0].gaps(FleetGap::kRunIdChanged) == 1);
  CHECK(world[0].floors.size() == 2);
}

TEST_CASE("fleet: without a key another run id raises every floor at once: anybody can write numbers") {
  FleetWorld world(2, "");
  world.start();
  world.log.run_id = "run-again";
  world[0].stream->disconnect();
  world.run(milliseconds{20});
  CHECK(world[0].gaps(FleetGap::kRunIdChanged) == 1);
}

TEST_CASE("fleet: an append that landed though it failed comes twice, is applied twice, and is no hole (F95)") {
  FleetWorld world;
  world.start();
  world[0].stream->fail_appends = 1;
  world[0].stream->failed_ones_land = true;
  world[0].relay("a.b.c");
  world.run(seconds{3});
  CHECK(world[1].inbox.events == std::vector<std::string>{"a.b.c", "a.b.c"});
  CHECK(world[1].fleet->figures().repeated == 1);
  CHECK(world[1].floors.empty());
  CHECK(world[0].fleet->figures().outbox_entries == 0);
}

TEST_CASE("fleet: an append that was lost is sent again") {
  FleetWorld world;
  world.start();
  world[0].stream->fail_appends = 1;
  world[0].relay("a.b.c");
  world.run(milliseconds{20});
  CHECK(world[0].fleet->figures().outbox_entries == 1);
  world.run(seconds{3});
  CHECK(world[1].inbox.events == std::vector<std::string>{"a.b.c"});
  CHECK(world[1].floors.empty());
}

TEST_CASE("fleet: the position says only what was applied; the rest is read again after a crash") {
  FleetWorld world;
  world.start();
  world[1].inbox.held = true;
  world[0].relay("a.b.c");
  world.run(seconds{6});   // the position was saved meanwhile
  REQUIRE(world[1].inbox.events.size() == 1);
  CHECK_FALSE(world[1].live());   // what stands behind it is not applied either
  world[1].crash();
  world[1].inbox.held = false;
  world[1].inbox.events.clear();
  world[1].start();
  world.run(seconds{2});
  CHECK(world[1].inbox.events == std::vector<std::string>{"a.b.c"});
  CHECK(world[1].live());
  CHECK(world[1].floors.empty());
}

TEST_CASE("fleet: what came while a node was stopped is replayed before it counts as live") {
  FleetWorld world;
  world.start();
  world[1].stop();
  for (int i = 0; i < 100; ++i) world[0].relay("event." + std::to_string(i));
  world.run(minutes{1});
  world[1].start();
  CHECK_FALSE(world[1].live());
  while (!world[1].live()) world.run(milliseconds{1});
  CHECK(world[1].inbox.events.size() == 100);
  CHECK(world[1].floors.empty());
}

TEST_CASE("fleet: the first start reads what was revoked lately, no further, and misses nothing") {
  FleetWorld world(2);
  world[0].start();
  world.run(seconds{2});
  world[0].relay("old.old.old");
  world.run(minutes{15});
  world[0].relay("new.new.new");
  world.run(minutes{1});
  world[1].start();
  world.run(seconds{3});
  CHECK(world[1].inbox.events == std::vector<std::string>{"new.new.new"});
  CHECK(world[1].floors.empty());
  CHECK(world[1].live());
}

TEST_CASE("fleet: an event that cannot be verified now is tried again, and never skipped in silence") {
  FleetWorld world;
  world.start();
  world[1].inbox.verdict = service::EventVerdict::kOverloaded;
  world[0].relay("a.b.c");
  world.run(seconds{10});
  CHECK(world[1].inbox.events.empty());
  SUBCASE("until it can") {
    world[1].inbox.verdict = service::EventVerdict::kAccepted;
    world.run(seconds{2});
    CHECK(world[1].inbox.events == std::vector<std::string>{"a.b.c"});
    CHECK(world[1].floors.empty());
    CHECK(world[1].live());
  }
  SUBCASE("for a minute, then its AS's floor rises") {
    world.run(seconds{55});
    CHECK(world[1].floors == std::vector<cache::ServerId>{0});
    CHECK(world[1].gaps(FleetGap::kUnverifiable) == 1);
    world.run(seconds{3});
    CHECK(world[1].live());
  }
}

TEST_CASE("fleet: entries of another format, malformed ones and those of unknown ASs are counted and passed over (F99)") {
  FleetWorld world;
  world.start();
  world.log.append({{"v", "2"}});
  world.log.append({{"v", "1"}, {"kind", "purge"}});
  world.log.append({});
  world[1].settings.authorization_servers[0].name = "renamed";
  world[0].relay("a.b.c");
  world.run(seconds{2});
  const service::FleetFigures figures = world[1].fleet->figures();
  CHECK(figures.refused[static_cast<std::size_t>(service::FleetDefect::kVersion)] == 2);
  CHECK(figures.refused[static_cast<std::size_t>(service::FleetDefect::kMalformed)] == 1);
  CHECK(figures.unknown_server == 1);
  CHECK(world[1].inbox.events.empty());
  CHECK(world[1].floors.empty());
  CHECK(world[1].live());
}

TEST_CASE("fleet: a damaged outbox or position is said aloud, and the node starts anew") {
  FleetWorld world;
  world.start();
  world[0].relay("a.b.c");
  world.run(seconds{6});
  world[0].crash();
  SUBCASE("damaged") { world[0].disk.files["fleet.outbox"] = "garbage"; }
  SUBCASE("not to be read") { world[0].disk.files["fleet.outbox"].clear(); }
  world[0].disk.files["fleet.position"][20] ^= 1;
  world[0].start();
  world.run(seconds{3});
  CHECK(world[0].sink.text.find("fleet outbox unreadable") != std::string::npos);
  CHECK(world[0].sink.text.find("fleet position unreadable") != std::string::npos);
  CHECK(world[0].live());
  const auto done = world[0].relay("d.e.f");
  world.run(milliseconds{50});
  CHECK(*done == std::optional(true));
  CHECK(world[1].inbox.events == std::vector<std::string>{"a.b.c", "d.e.f"});
}

TEST_CASE("fleet: without a disk it relays all the same") {
  FleetWorld world;
  world[0].with_disk = false;
  world.start();
  const auto done = world[0].relay("a.b.c");
  CHECK(*done == std::optional(true));
  world.run(milliseconds{20});
  CHECK(world[1].inbox.events == std::vector<std::string>{"a.b.c"});
  world[0].stop();
  CHECK(world[0].stopped_cleanly);
}

}  // namespace introspectd::testing
