// What goes round under the fleet's key, and what is left of a fleet without one.
#include <doctest/doctest.h>

#include "fleet_world.h"

namespace introspectd::testing {
namespace {

using service::FleetGap;
using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

TEST_CASE("fleet: an unsigned purge needs the key: without it, it stays here, with it, it is applied everywhere") {
  FleetWorld without(2, "");
  without.start();
  const auto local = relay_flush(without[0]);
  CHECK(*local == std::optional(true));
  without.run(seconds{1});
  CHECK(count_kind(without.log, "purge") == 0);
  CHECK(without[0].fleet->figures().kept_local == 1);

  FleetWorld with;
  with.start();
  const auto relayed = relay_flush(with[0]);
  CHECK_FALSE(relayed->has_value());
  with.run(milliseconds{50});
  CHECK(*relayed == std::optional(true));
  CHECK(with[1].inbox.signals == flush());
}

TEST_CASE("fleet: a long list of signals goes in several entries, acknowledged together") {
  FleetWorld world;
  world.start();
  const auto done = relay_flush(world[0], service::Fleet::kSignalsPerEntry + 1);
  world.run(milliseconds{50});
  CHECK(*done == std::optional(true));
  CHECK(count_kind(world.log, "purge") == 2);
  CHECK(world[1].inbox.signals.size() == service::Fleet::kSignalsPerEntry + 1);
}

TEST_CASE("fleet: signals that are long go in several entries too; one that fits in none is refused aloud") {
  FleetWorld world;
  world.start();
  const auto relay_subs = [&world](std::size_t count, std::size_t bytes) {
    oauth::Signals signals(count);
    for (oauth::Signal& signal : signals) signal.match.sub = std::string(bytes, 's');
    auto result = std::make_shared<std::optional<bool>>();
    world[0].fleet->relay_unsigned(0, service::EventOrigin::kAdmin, signals,
                                   [result](bool durable) { *result = durable; });
    world.run(milliseconds{50});
    return *result;
  };
  constexpr std::size_t kMost = service::FleetEntry::kSignalsTextMost;
  CHECK(relay_subs(5, kMost / 4) == std::optional(true));
  CHECK(count_kind(world.log, "purge") == 2);
  CHECK(world[1].inbox.signals.size() == 5);
  oauth::Signal empty;
  empty.match.sub = "s";
  const std::size_t frame = service::write_signals({empty}).size() - 1;
  CHECK(relay_subs(1, kMost - frame) == std::optional(true));
  CHECK(world[1].inbox.signals.size() == 6);
  CHECK(relay_subs(1, kMost - frame + 1) == std::optional(false));
  CHECK(world[0].fleet->figures().refused_here == 1);
  CHECK(world[0].sink.text.find("fleet purge too large") != std::string::npos);
  world.run(seconds{2});
  CHECK(world[1].inbox.signals.size() == 6);
  CHECK(world[1].gaps(FleetGap::kHole) == 0);
}

TEST_CASE("fleet: a purge with a wrong mac is dropped and counted, a signed event is left to its own signature") {
  FleetWorld world;
  world.start();
  relay_flush(world[0]);
  world[0].relay("a.b.c");
  world.run(milliseconds{50});
  REQUIRE(world[1].inbox.signals.size() == 1);
  service::StreamFields purge = world.log.entries[index_of_kind(world.log, "purge")].fields;
  service::StreamFields event = world.log.entries[index_of_kind(world.log, "signed")].fields;
  for (service::StreamFields* fields : {&purge, &event}) {
    for (auto& [name, value] : *fields) {
      if (name == "number") value = "77";   // a hole, if it were believed
    }
    world.log.append(*fields);
  }
  world.run(milliseconds{50});
  CHECK(world[1].inbox.signals.size() == 1);
  CHECK(world[1].inbox.events.size() == 2);
  CHECK(world[1].fleet->figures().refused[static_cast<std::size_t>(service::FleetDefect::kUnauthentic)] == 1);
  CHECK(world[1].floors.empty());
}

TEST_CASE("fleet: without a key nothing is proven, neither one's own nor another's (I13, I14, I24)") {
  FleetWorld world(2, "");
  world.start();
  world[0].fleet->relay_proof(0, Duration::zero());
  world.run(seconds{3});
  CHECK(world[0].live());   // the stream is, and what is signed goes round
  CHECK(world[0].proofs.empty());
  CHECK(count_kind(world.log, "proof") == 0);
  service::FleetEntry forged;
  forged.kind = service::FleetEntryKind::kProof;
  forged.node = std::string(32, 'f');
  forged.run = std::string(16, 'f');
  forged.server = "main";
  for (const FakeLog::Entry& entry : world.log.entries) {
    if (value_of(entry, "kind") == "heartbeat") forged.seen = {value_of(entry, "beat")};
  }
  world.log.append(service::write_fleet_entry(forged, ""));
  world.log.append(service::write_fleet_entry(forged, "guessed"));
  world.run(seconds{3});
  CHECK(world[0].proofs.empty());
  CHECK(world[1].proofs.empty());
}

TEST_CASE("fleet: without a key a farewell that anybody can write ends no waiting, and events go round all the same") {
  FleetWorld world(2, "");
  world.start();
  service::FleetEntry farewell;
  farewell.node = world[1].fleet->node();
  farewell.run = std::string(16, 'f');
  farewell.beat = std::string(16, 'e');
  farewell.leaving = true;
  world[1].stream->reachable = false;
  world.run(milliseconds{10});
  world.log.append(service::write_fleet_entry(farewell, ""));
  world.run(seconds{2});
  CHECK(world[0].fleet->figures().nodes == 1);
  world[1].stream->reachable = true;
  world.run(seconds{2});
  const auto durable = world[0].relay("a.b.c");
  world.run(milliseconds{20});
  CHECK(*durable == std::optional(true));
  CHECK(world[1].inbox.events == std::vector<std::string>{"a.b.c"});
}

}  // namespace introspectd::testing
