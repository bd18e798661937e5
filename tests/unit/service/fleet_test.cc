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

TEST_CASE("fleet: what one node accepted reaches every other one, and itself not again") {
  FleetWorld world(3);
  world.start();
  const auto done = world[0].relay("a.b.c");
  CHECK_FALSE(done->has_value());   // not before the disk has it
  world.run(milliseconds{20});
  CHECK(*done == std::optional(true));
  CHECK(world[1].inbox.events == std::vector<std::string>{"a.b.c"});
  CHECK(world[2].inbox.events == std::vector<std::string>{"a.b.c"});
  CHECK(world[1].inbox.origins == std::vector{service::EventOrigin::kFleet});
  CHECK(world[0].inbox.events.empty());
  CHECK(world[0].fleet->figures().outbox_entries == 0);
}

TEST_CASE("fleet: an event is acknowledged when the disk has it, whether or not the stream does") {
  FleetWorld world;
  world.start();
  world[0].stream->reachable = false;
  world.run(milliseconds{10});
  const auto done = world[0].relay("a.b.c");
  world.run(milliseconds{1});
  CHECK_FALSE(done->has_value());
  world.run(milliseconds{10});
  CHECK(*done == std::optional(true));
  CHECK(world[1].inbox.events.empty());
  CHECK(world[0].fleet->figures().outbox_entries == 1);
  world[0].stream->reachable = true;
  world.run(seconds{2});
  CHECK(world[1].inbox.events == std::vector<std::string>{"a.b.c"});
}

TEST_CASE("fleet: a full outbox refuses, at its limit and not before") {
  FleetWorld world(1);
  world[0].settings.fleet.outbox_bytes = 4096;
  world.start();
  world[0].stream->reachable = false;
  world.run(milliseconds{10});
  std::vector<std::shared_ptr<std::optional<bool>>> results;
  while (results.empty() || results.back()->value_or(true)) results.push_back(world[0].relay(std::string(500, 'j')));
  CHECK(world[0].fleet->figures().outbox_bytes <= 4096);
  CHECK(world[0].fleet->figures().outbox_bytes > 4096 - 600);
  CHECK(world[0].fleet->figures().refused_here == 1);
  world.run(milliseconds{10});
  CHECK(**results.front());
  world[0].stream->reachable = true;
  world.run(seconds{2});
  const auto again = world[0].relay(std::string(500, 'j'));
  world.run(milliseconds{20});
  CHECK(*again == std::optional(true));
}

TEST_CASE("fleet: a disk that fails refuses, and is believed again when it works") {
  FleetWorld world;
  world.start();
  world[0].disk.failing = true;
  world[0].disk.half_lands = true;
  const auto refused = world[0].relay("a.b.c");
  world.run(milliseconds{20});
  CHECK(*refused == std::optional(false));
  CHECK(world[1].inbox.events.empty());
  CHECK(world[0].fleet->figures().disk_failing);
  const auto again = world[0].relay("d.e.f");
  world.run(milliseconds{20});
  CHECK(*again == std::optional(false));
  world[0].disk.failing = false;
  const auto good = world[0].relay("g.h.i");
  world.run(milliseconds{20});
  CHECK(*good == std::optional(true));
  CHECK_FALSE(world[0].fleet->figures().disk_failing);
  CHECK(world[1].inbox.events == std::vector<std::string>{"g.h.i"});
  CHECK(world[1].gaps(FleetGap::kHole) == 0);
}

TEST_CASE("fleet: what was accepted before a crash is sent after it, and applied once more at home") {
  FleetWorld world;
  world.start();
  world[0].stream->reachable = false;
  world.run(milliseconds{10});
  world[0].relay("a.b.c");
  world[0].relay("d.e.f");
  world.run(milliseconds{10});
  world[0].disk.half_lands = true;
  const auto caught = world[0].relay("lost.in.crash");
  world[0].crash();
  CHECK_FALSE(caught->has_value());
  world[0].start();
  CHECK(world[0].inbox.events == std::vector<std::string>{"a.b.c", "d.e.f"});
  world.run(seconds{3});
  CHECK(world[1].inbox.events == std::vector<std::string>{"a.b.c", "d.e.f"});
  CHECK(world[1].gaps(FleetGap::kHole) == 0);
  CHECK(world[0].sink.text.find("fleet outbox torn") != std::string::npos);
}

TEST_CASE("fleet: the numbers of a node go on over its starts, and its name stays") {
  FleetWorld world;
  world.start();
  const std::string name = world[0].fleet->node();
  world[0].relay("a.b.c");
  world.run(seconds{1});
  world[0].stop();
  CHECK(world[0].stopped_cleanly);
  world[0].start();
  world.run(seconds{2});
  world[0].relay("d.e.f");
  world.run(seconds{1});
  CHECK(world[0].fleet->node() == name);
  CHECK(value_of(world.log.entries[index_of_kind(world.log, "signed")], "number") == "2");
  CHECK(world[1].floors.empty());
}

TEST_CASE("fleet: while the disk does not answer one save waits, not one for every five seconds") {
  FleetWorld world(1);
  world[0].hold_purges = true;
  world.start();
  world.run(minutes{1});
  CHECK(world[0].held_purges.size() == 1);
  std::exchange(world[0].held_purges, {}).front()(true);
  world.run(service::Fleet::kSaveEvery + milliseconds{10});
  CHECK(world[0].held_purges.size() == 1);
  CHECK(world[0].disk.files.contains("fleet.position"));
}

TEST_CASE("fleet: live within seconds of the start, not live 3 s after the stream broke off or fell silent (F92, F93)") {
  FleetWorld world;
  world.start();
  CHECK(world[0].live());
  SUBCASE("cut") {
    world[0].stream->reachable = false;
    world.run(milliseconds{10});
    CHECK_FALSE(world[0].live());
  }
  SUBCASE("silent") {
    world[0].stream->silent = true;
    world.run(seconds{3} + milliseconds{1});
    CHECK_FALSE(world[0].live());
  }
  CHECK(world[1].live());
  world[0].stream->reachable = true;
  world[0].stream->silent = false;
  world.run(seconds{3});
  CHECK(world[0].live());
  CHECK(world[0].floors.empty());   // it was all replayed
  CHECK(world[0].losses.empty());
}

TEST_CASE("fleet: heartbeats of others are no proof that our own reading is live (I24)") {
  FleetWorld world;
  world.start();
  // What we write never arrives; what the other writes does.
  world[0].stream->fail_appends = 1'000'000;
  world.run(seconds{4});
  CHECK_FALSE(world[0].live());
  CHECK(world[1].live());
}

TEST_CASE("fleet: a proof is believed when every node was heard after it, then everywhere, never dated newer") {
  FleetWorld world(3);
  world.start();
  const MonoTime now = world.loop.now().mono;
  world[0].fleet->relay_proof(1, milliseconds{300});
  CHECK(world[0].proofs.empty());
  world.run(seconds{3});
  REQUIRE(world[0].proofs.size() == 1);
  CHECK(world[0].proofs[0].server == 1);
  CHECK(world[0].proofs[0].dated == now - milliseconds{300});
  for (std::size_t i = 1; i < 3; ++i) {
    REQUIRE(world[i].proofs.size() == 1);
    CHECK(world[i].proofs[0].server == 1);
    CHECK(world[i].proofs[0].dated <= now - milliseconds{300});
    CHECK(world[i].proofs[0].dated >= now - milliseconds{300} - seconds{3});
  }
}

TEST_CASE("fleet: a proof that is shown again is dated as old as it is, so it proves nothing new (I24)") {
  FleetWorld world;
  world.start();
  world[0].fleet->relay_proof(0, Duration::zero());
  world.run(seconds{3});
  REQUIRE(world[1].proofs.size() == 1);
  const MonoTime first = world[1].proofs[0].dated;
  const service::StreamFields proof = world.log.entries[index_of_kind(world.log, "proof")].fields;
  world.run(seconds{20});
  world.log.append(proof);
  world.run(seconds{1});
  REQUIRE(world[1].proofs.size() == 2);
  CHECK(world[1].proofs[1].dated == first);
  world.run(minutes{2});
  world.log.append(proof);
  world.run(seconds{1});
  CHECK(world[1].proofs.size() == 2);   // older than what is remembered
}

TEST_CASE("fleet: a recorded session of a node, shown to one that never knew it, proves nothing (I24)") {
  FleetWorld world;
  world.start();
  world[0].fleet->relay_proof(0, Duration::zero());
  world.run(seconds{3});
  const std::deque<FakeLog::Entry> recorded = world.log.entries;
  FleetNode fresh(world.loop, world.log, 77, FleetWorld::kKey);
  world[0].stop();
  world[1].stop();
  world.log.reset();
  fresh.start();
  world.run(seconds{2});
  for (const FakeLog::Entry& entry : recorded) world.log.append(entry.fields);
  world.run(seconds{2});
  CHECK(fresh.proofs.empty());
}

TEST_CASE("fleet: no proof counts while a node that is waited for is silent; one that left is not waited for") {
  FleetWorld world(3);
  world.start();
  world[2].stop();
  CHECK(world[0].fleet->figures().nodes == 1);
  world[0].fleet->relay_proof(0, Duration::zero());
  world.run(seconds{3});
  CHECK(world[0].proofs.size() == 1);

  world[1].crash();
  world.run(seconds{3});
  world[0].fleet->relay_proof(0, Duration::zero());
  world.run(seconds{30});
  CHECK(world[0].proofs.size() == 1);
  CHECK(world[0].losses.empty());
  world.run(service::FleetPeers::kForgottenAfter);
  CHECK(world[0].losses.size() == 2);   // a new stretch for both ASs: what it never relayed is not waited for
  CHECK(world[0].floors.empty());
  world[0].fleet->relay_proof(0, Duration::zero());
  world.run(seconds{3});
  CHECK(world[0].proofs.size() == 2);
}

TEST_CASE("fleet: a proof of another node is not believed where a server keeps a third one's entries back (I24)") {
  FleetWorld world(3);
  world.start();
  world[1].stream->withheld = world[2].fleet->node();
  const auto durable = world[2].relay("kept.from.one");
  world.run(seconds{4});
  CHECK(*durable == true);
  const MonoTime asked = world.loop.now().mono;
  world[0].fleet->relay_proof(0, Duration::zero());
  world.run(seconds{10});
  CHECK(world[0].proofs.size() == 1);   // it has read everything
  CHECK(count_kind(world.log, "proof") == 1);
  CHECK(world[1].live());
  CHECK(world[1].proofs.empty());
  CHECK(world[1].floors.empty());
  world[1].stream->withheld = "nobody";   // the next heartbeat shows what is missing
  world.run(seconds{4});
  CHECK(world[1].gaps(service::FleetGap::kHole) == 1);
  CHECK_FALSE(world[1].floors.empty());
  for (const Proof& proof : world[1].proofs) CHECK(proof.dated <= asked);   // older than the loss, to no effect
}

TEST_CASE("fleet: an old farewell that is shown again does not end the waiting for a node that is there (I24)") {
  FleetWorld world(3);
  world.start();
  world[2].relay("of.the.first.run");
  world.run(seconds{2});
  world[2].stop();
  service::StreamFields farewell;
  for (const FakeLog::Entry& entry : world.log.entries) {
    const auto leaves = std::pair<std::string, std::string>("leaving", "1");
    if (std::ranges::find(entry.fields, leaves) != entry.fields.end()) farewell = entry.fields;
  }
  REQUIRE_FALSE(farewell.empty());
  world[2].start();
  world.run(minutes{2});   // long enough for the farewell to be forgotten
  CHECK(world[0].fleet->figures().nodes == 2);
  world[2].stream->reachable = false;
  world.run(milliseconds{1500});   // nothing of it comes behind the farewell
  world.log.append(farewell);
  world.run(seconds{2});
  CHECK(world[0].fleet->figures().nodes == 2);
  world[0].fleet->relay_proof(0, Duration::zero());
  world.run(seconds{10});
  CHECK(world[0].proofs.empty());
}

TEST_CASE("fleet: a node that is unheard for long still keeps events, but does not acknowledge them") {
  FleetWorld world;
  world.start();
  world[0].stream->reachable = false;
  world.run(service::Fleet::kRefuseAfter - seconds{5});
  const auto before = world[0].relay("a.b.c");
  world.run(seconds{10});
  CHECK(*before == std::optional(true));
  const auto after = world[0].relay("d.e.f");
  world.run(milliseconds{20});
  CHECK(*after == std::optional(false));
  world[0].stream->reachable = true;
  world.run(seconds{2});
  CHECK(world[1].inbox.events == std::vector<std::string>{"a.b.c", "d.e.f"});
}

}  // namespace introspectd::testing
