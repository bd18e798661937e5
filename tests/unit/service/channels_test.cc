#include "service/channels.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "service_world.h"

namespace introspectd::service {
namespace {

using namespace std::chrono_literals;

// Files that are written at once.
class KeptFiles final : public ports::Storage {
 public:
  std::optional<std::string> read(std::string_view name) override {
    const auto found = files.find(name);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  }
  void replace(std::string_view name, std::string bytes, UniqueFunction<void(bool)> done) override {
    files[std::string(name)] = std::move(bytes);
    ++writes;
    done(true);
  }
  void append(std::string_view, std::string, UniqueFunction<void(bool)>) override { CHECK(false); }

  std::map<std::string, std::string, std::less<>> files;
  int writes = 0;
};

struct ChannelWorld {
  explicit ChannelWorld(OnChannelLoss on_loss = OnChannelLoss::kShorten, bool assume_live = false) {
    AuthorizationServerSettings& polled = settings.authorization_servers.emplace_back();
    polled.name = "main";
    polled.events.poll.emplace();
    polled.events.assume_live = assume_live;
    settings.authorization_servers.emplace_back().name = "silent";
    settings.revocation.on_channel_loss = on_loss;
    settings.revocation.channel_timeout = 20s;
    channels = std::make_unique<Channels>(loop, settings, Log(sink),
                                          [this](cache::ServerId server, const cache::ChannelView& view) {
                                            CHECK(server == 0);   // the other AS has nothing to be judged by
                                            told.push_back(view);
                                          });
    channels->start();
  }
  MonoTime now() const { return loop.time.mono; }

  Settings settings;
  testing::SilentSink sink;
  testing::StepLoop loop;
  std::vector<cache::ChannelView> told;
  std::unique_ptr<Channels> channels;
};

}  // namespace

TEST_CASE("channels: the cache is told of every proof and loss (I13)") {
  ChannelWorld world;
  REQUIRE(world.told.size() == 1);
  CHECK_FALSE(world.told.back().contiguous);
  world.loop.advance(5s);
  const MonoTime sent = world.now() - 2s;
  world.channels->proven(0, sent);
  CHECK(world.told.back().contiguous);
  CHECK(world.told.back().since == sent);
  CHECK(world.told.back().proof == sent);
  CHECK(world.told.back().age_most == world.settings.cache.ttl);
  CHECK(world.channels->live(0));
  CHECK_FALSE(world.channels->live(1));
  world.channels->lost(0, "gap");
  CHECK_FALSE(world.told.back().contiguous);
  CHECK_FALSE(world.channels->live(0));
  CHECK(world.channels->figures(0).losses == 1);
}

TEST_CASE("channels: with on_channel_loss = clear the end of a silent channel is told on time (I13)") {
  ChannelWorld world(OnChannelLoss::kClear);
  CHECK(world.told.back().age_most == 20s);                  // nothing is proven yet
  world.channels->proven(0, world.now());
  CHECK(world.told.back().age_most == 30s);
  const std::size_t before = world.told.size();
  world.loop.advance(20s);
  CHECK(world.told.size() == before);
  CHECK(world.channels->live(0));
  world.loop.advance(Duration{1});
  REQUIRE(world.told.size() == before + 1);
  CHECK(world.told.back().age_most == 20s);
  CHECK(world.told.back().contiguous);                       // silence alone is no gap
  CHECK(world.channels->figures(0).losses == 1);
}

TEST_CASE("channels: a proof that comes while the timer runs keeps the channel live") {
  ChannelWorld world(OnChannelLoss::kClear);
  world.channels->proven(0, world.now());
  world.loop.advance(15s);
  world.channels->proven(0, world.now());
  world.loop.advance(20s);
  CHECK(world.channels->live(0));
  CHECK(world.channels->figures(0).losses == 0);
  world.loop.advance(Duration{1});
  CHECK(world.channels->figures(0).losses == 1);
}

TEST_CASE("channels: a paused stream proves nothing until it is enabled, and then from new (STD 5.19, I14)") {
  ChannelWorld world;
  world.channels->proven(0, world.now());
  world.channels->set_paused(0, true, 100);
  CHECK_FALSE(world.channels->live(0));
  CHECK(world.channels->figures(0).paused);
  world.loop.advance(1s);
  world.channels->proven(0, world.now());
  CHECK_FALSE(world.channels->live(0));
  world.loop.advance(1s);
  world.channels->set_paused(0, false, 101);
  world.channels->proven(0, world.now() - 500ms);            // sent while it was paused
  CHECK_FALSE(world.channels->live(0));
  world.loop.advance(1s);
  world.channels->proven(0, world.now());
  CHECK(world.channels->live(0));
  CHECK(world.channels->health(0).stretch().since == world.now());
}

TEST_CASE("channels: an old word of the stream that comes again neither lifts a pause nor makes one (I24, F95)") {
  ChannelWorld world;
  world.channels->set_paused(0, false, 100);
  world.channels->set_paused(0, true, 200);
  world.channels->set_paused(0, false, 100);
  world.loop.advance(1s);
  world.channels->proven(0, world.now());
  CHECK_FALSE(world.channels->live(0));
  world.channels->set_paused(0, false, 201);
  world.loop.advance(1s);
  world.channels->proven(0, world.now());
  REQUIRE(world.channels->live(0));
  world.channels->set_paused(0, true, 200);
  CHECK(world.channels->live(0));
  CHECK_FALSE(world.channels->paused(0));
}

TEST_CASE("channels: a pause outlives the process where there is a state_dir: an empty poll must not prove it (STD 5.19)") {
  KeptFiles storage;
  ChannelWorld world;
  const auto start = [&] {
    return std::make_unique<Channels>(world.loop, world.settings, Log(world.sink),
                                      [](cache::ServerId, const cache::ChannelView&) {}, &storage);
  };
  auto channels = start();
  channels->set_paused(0, true, 200);
  channels->set_paused(0, false, 100);   // changes nothing, is not written
  CHECK(storage.writes == 1);
  channels = start();
  CHECK(channels->paused(0));
  CHECK_FALSE(channels->paused(1));
  channels->proven(0, world.now());
  CHECK_FALSE(channels->live(0));
  channels->set_paused(0, false, 201);
  channels = start();
  channels->proven(0, world.now());
  CHECK(channels->live(0));
}

TEST_CASE("channels: what a damaged file said of a stream is unknown: nothing proves it but what it says or sends anew (STD 5.19)") {
  KeptFiles storage;
  ChannelWorld world;
  const auto start = [&](std::string file) {
    storage.files["streams"] = std::move(file);
    return std::make_unique<Channels>(world.loop, world.settings, Log(world.sink),
                                      [](cache::ServerId, const cache::ChannelView&) {}, &storage);
  };
  for (const char* const file : {"torn", ""}) {   // the latter: it could not be read
    auto channels = start(file);
    CHECK(channels->figures(0).paused);
    CHECK(channels->figures(0).stream_unknown);
    channels->proven(0, world.now());
    CHECK_FALSE(channels->live(0));
    channels->verified_here(0, world.now() - Duration{1});   // asked for by the process before
    CHECK(channels->paused(0));
    channels->verified_here(0, world.now());
    CHECK_FALSE(channels->paused(0));
    CHECK_FALSE(channels->figures(0).stream_unknown);
    CHECK(channels->paused(1));
    channels->set_paused(1, false, 1);
    CHECK_FALSE(channels->paused(1));
    channels = start(storage.files["streams"]);
    CHECK_FALSE(channels->paused(0));
    CHECK_FALSE(channels->paused(1));
  }
}

TEST_CASE("channels: a verification event ends a pause where it was asked for when the AS had stopped, and proves nothing yet (I14)") {
  ChannelWorld world;   // channel_timeout = 20 s
  world.channels->proven(0, world.now());
  world.channels->set_paused(0, true, 100);
  world.channels->set_paused(0, false, 100);                 // of one second: which came last nobody can tell
  world.loop.advance(20s);
  world.channels->verified_here(0, world.now() - Duration{1});
  CHECK(world.channels->paused(0));
  const MonoTime asked = world.now();
  world.loop.advance(1s);
  world.channels->verified_here(0, asked);
  CHECK_FALSE(world.channels->paused(0));
  CHECK_FALSE(world.channels->live(0));                      // what was held back may still come
  world.channels->proven_here(0, asked);
  CHECK_FALSE(world.channels->live(0));
  const MonoTime again = world.now() + 1s;
  world.loop.advance(2s);
  world.channels->verified_here(0, again);
  CHECK(world.channels->live(0));
  CHECK(world.channels->health(0).stretch().since == again);
  world.channels->set_paused(0, true, 100);                  // comes again (F95)
  CHECK(world.channels->live(0));
  world.channels->set_paused(0, true, 200);
  CHECK_FALSE(world.channels->live(0));
}

TEST_CASE("channels: of a pause that was kept, only what is asked for a time-out after the start tells that it is over") {
  KeptFiles storage;
  ChannelWorld world;
  const auto start = [&] {
    return std::make_unique<Channels>(world.loop, world.settings, Log(world.sink),
                                      [](cache::ServerId, const cache::ChannelView&) {}, &storage);
  };
  start()->set_paused(0, true, 100);
  const auto channels = start();
  world.loop.advance(20s);
  channels->verified_here(0, world.now() - Duration{1});
  CHECK(channels->paused(0));
  channels->verified_here(0, world.now());
  CHECK_FALSE(channels->paused(0));
  CHECK_FALSE(start()->paused(0));
}

TEST_CASE("channels: an end that comes before the one the timer waits for is told on time too (I13)") {
  Settings settings;
  for (const char* name : {"early", "late"}) {
    AuthorizationServerSettings& server = settings.authorization_servers.emplace_back();
    server.name = name;
    server.events.poll.emplace();
  }
  settings.revocation.on_channel_loss = OnChannelLoss::kClear;
  settings.revocation.channel_timeout = 20s;
  testing::SilentSink sink;
  testing::StepLoop loop;
  std::vector<cache::ServerId> told;
  Channels channels(loop, settings, Log(sink), [&told](cache::ServerId server, const cache::ChannelView&) {
    told.push_back(server);
  });
  loop.advance(1min);
  channels.proven(1, loop.time.mono);
  channels.proven(0, loop.time.mono - 15s);   // over in five seconds
  told.clear();
  loop.advance(5s);
  CHECK(told.empty());
  loop.advance(Duration{1});
  CHECK(told == std::vector<cache::ServerId>{0});
  CHECK(channels.figures(0).losses == 1);
  loop.advance(15s);
  CHECK(told == std::vector<cache::ServerId>{0, 1});
}

TEST_CASE("channels: one believed live out loud is proven anew all the time") {
  ChannelWorld world(OnChannelLoss::kClear, true);
  for (int i = 0; i < 100; ++i) {
    world.loop.advance(700ms);
    CHECK(world.told.back().contiguous);
    CHECK(world.told.back().proof >= world.now());
    CHECK(world.told.back().age_most == world.settings.cache.ttl);
  }
}

TEST_CASE("channels: while the fleet's stream is not live no channel is; what was proven stays proven (F92, F93)") {
  ChannelWorld world(OnChannelLoss::kClear);
  world.channels->proven(0, world.now());
  world.channels->set_fleet_live(false);
  CHECK_FALSE(world.channels->live(0));
  CHECK(world.told.back().contiguous);
  CHECK(world.told.back().age_most == 20s);
  CHECK(world.channels->figures(0).losses == 1);
  world.channels->set_fleet_live(true);
  CHECK(world.channels->live(0));
  CHECK(world.told.back().age_most == 30s);
  world.loop.advance(20s + Duration{1});
  CHECK_FALSE(world.channels->live(0));
  CHECK(world.channels->figures(0).losses == 2);
}

TEST_CASE("channels: an AS whose proofs only the fleet can bring has a channel where the fleet has a key") {
  Settings settings;
  settings.authorization_servers.emplace_back().name = "main";
  CHECK_FALSE(channel_policy(settings, 0).configured);
  settings.fleet.enabled = true;
  CHECK_FALSE(channel_policy(settings, 0).configured);
  settings.fleet.key = Secret("key");
  CHECK(channel_policy(settings, 0).configured);
}

TEST_CASE("channels: on_channel_loss says the same of an AS that only the fleet proves: clear is the shorter of the two (I13)") {
  struct Case {
    OnChannelLoss on_loss;
    Duration timeout;
    Duration age_most;
  };
  for (const Case& each : {Case{OnChannelLoss::kShorten, 10s, 30s}, Case{OnChannelLoss::kClear, 10s, 10s},
                           Case{OnChannelLoss::kClear, 30s, 30s}, Case{OnChannelLoss::kClear, 60s, 30s}}) {
    Settings settings;
    settings.authorization_servers.emplace_back().name = "main";
    settings.fleet.enabled = true;
    settings.fleet.key = Secret("key");
    settings.revocation.on_channel_loss = each.on_loss;
    settings.revocation.channel_timeout = each.timeout;
    testing::SilentSink sink;
    testing::StepLoop loop;
    std::vector<cache::ChannelView> told;
    Channels channels(loop, settings, Log(sink),
                      [&told](cache::ServerId, const cache::ChannelView& view) { told.push_back(view); });
    channels.proven(0, loop.time.mono);
    CHECK(told.back().age_most == 30s);
    channels.set_fleet_live(false);
    CHECK(told.back().age_most == each.age_most);
    channels.set_fleet_live(true);
    CHECK(told.back().age_most == 30s);
    loop.advance(each.timeout + Duration{1});
    CHECK(told.back().age_most == each.age_most);
  }
}

}  // namespace introspectd::service
