#include <doctest/doctest.h>

#include "fleet_world.h"
#include "service_world.h"

namespace introspectd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A whole Node with a disk and the fleet's stream.
class WholeNode {
 public:
  WholeNode(TimerLoop& loop, FakeLog& log, std::uint64_t seed) : loop_(&loop), log_(&log), seed_(seed) {
    settings.authorization_servers.emplace_back().name = "main";
    settings.callers.emplace_back().id = "orders";
    settings.fleet.enabled = true;
    settings.fleet.key = Secret(FleetWorld::kKey);
    start();
  }
  void start() {
    storage = std::make_unique<FakeStorage>(*loop_, disk);
    stream = std::make_unique<FakeStream>(*loop_, *log_);
    node = std::make_unique<Node>(NodeParts{.back = *loop_,
                                            .fronts = {loop_},
                                            .upstream = upstream,
                                            .settings = settings,
                                            .cache_memory = {memory.get(), ServiceWorld::kMemory},
                                            .boot_key = {seed_, ++starts_},
                                            .log = Log(sink),
                                            .version = "test",
                                            .event_stream = stream.get(),
                                            .storage = storage.get(),
                                            .reload_secret = {},
                                            .log_losses = {}});
  }
  void crash() {
    stream.reset();
    storage.reset();
    node.reset();
  }
  std::shared_ptr<std::optional<service::EventVerdict>> receive(oauth::Signal signal) {
    service::UnsignedEvent event;
    event.origin = service::EventOrigin::kAdmin;
    event.signals = {std::move(signal)};
    auto verdict = std::make_shared<std::optional<service::EventVerdict>>();
    node->inbox().receive_unsigned(std::move(event),
                                   [verdict](const service::EventResult& result) { *verdict = result.verdict; });
    return verdict;
  }

  Settings settings;
  Disk disk;
  LineSink sink;
  HeldUpstream upstream;
  std::unique_ptr<std::byte, ServiceWorld::Free> memory{
      static_cast<std::byte*>(::operator new(ServiceWorld::kMemory, std::align_val_t{4096}))};
  std::unique_ptr<FakeStorage> storage;
  std::unique_ptr<FakeStream> stream;
  std::unique_ptr<Node> node;

 private:
  TimerLoop* loop_;
  FakeLog* log_;
  std::uint64_t seed_;
  std::uint64_t starts_ = 0;
};

const cache::TokenHash kToken = cache::hash_token("token");

oauth::Signal dead() {
  oauth::Signal signal;
  signal.kind = oauth::SignalKind::kDead;
  signal.token = kToken.bytes;
  signal.event_time = 1'800'000'000;
  return signal;
}

struct TwoNodes {
  TimerLoop loop;
  FakeLog log{loop};
  WholeNode one{loop, log, 1};
  WholeNode two{loop, log, 2};
  TwoNodes() { loop.run_for(milliseconds{4100}); }
};

}  // namespace

TEST_CASE("fleet of nodes: what one node accepts is dead on the other within moments, and in both figures") {
  TwoNodes world;
  const auto verdict = world.one.receive(dead());
  CHECK(world.one.node->purger().knows(kToken, 0));
  CHECK_FALSE(verdict->has_value());   // not before it is durable
  CHECK_FALSE(world.two.node->purger().knows(kToken, 0));
  world.loop.run_for(milliseconds{20});
  CHECK(*verdict == std::optional(service::EventVerdict::kAccepted));
  CHECK(world.two.node->purger().knows(kToken, 0));
  REQUIRE(world.one.node->figures().fleet.has_value());
  CHECK(world.one.node->figures().fleet->written == 1);
  CHECK(world.one.node->figures().fleet->live);
  CHECK(world.two.node->figures().fleet->nodes == 1);
  CHECK(world.two.node->figures().fleet->read > 0);
}

TEST_CASE("fleet of nodes: a full outbox is told to the sender, though the purge is in force here") {
  TwoNodes world;
  world.one.disk.failing = true;
  const auto verdict = world.one.receive(dead());
  world.loop.run_for(milliseconds{50});
  CHECK(*verdict == std::optional(service::EventVerdict::kOutboxFull));
  CHECK(world.one.node->purger().knows(kToken, 0));
}

TEST_CASE("fleet of nodes: what is dead stays dead over a start, an orderly one and a crash (I4)") {
  TwoNodes world;
  world.one.receive(dead());
  world.loop.run_for(milliseconds{20});
  SUBCASE("orderly") {
    bool settled = false;
    world.two.node->settle([&settled] { settled = true; });
    world.loop.run_for(seconds{3});
    CHECK(settled);
    CHECK(world.two.stream->stopped);
  }
  SUBCASE("a crash after the snapshot") { world.loop.run_for(seconds{6}); }
  SUBCASE("a crash at once: it is read once more") {}
  world.two.crash();
  world.log.redis6 = false;
  world.two.start();
  world.loop.run_for(seconds{3});
  CHECK(world.two.node->purger().knows(kToken, 0));
  CHECK(world.two.node->figures().fleet->live);
}

TEST_CASE("fleet of nodes: tags of claims stay the same over a start, whatever the boot key (I6)") {
  TwoNodes world;
  oauth::Signal signal;
  signal.kind = oauth::SignalKind::kCutOff;
  signal.match.sub = "alice";
  signal.event_time = 1'800'000'000;
  world.one.receive(signal);
  world.loop.run_for(seconds{6});
  const std::string key = world.two.disk.files.at("claim.key");
  world.two.crash();
  world.two.start();
  world.loop.run_for(seconds{1});
  CHECK(world.two.disk.files.at("claim.key") == key);
  CHECK(world.two.node->figures().journal->restored >= 1);
  CHECK_FALSE(world.two.node->figures().journal->refused);
  CHECK(world.two.node->cache().purge_counts().kept >= 1);
}

TEST_CASE("fleet of nodes: a gap raises the floor of the cache") {
  TwoNodes world;
  const cache::Seq floor = world.two.node->cache().floor(0);
  world.log.reset();
  world.two.stream->disconnect();
  world.loop.run_for(seconds{2});
  CHECK(world.two.node->cache().floor(0) > floor);
}

}  // namespace introspectd::testing
