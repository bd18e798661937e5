#include "service/channels.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "service_world.h"

namespace introspectd::service {
namespace {

using namespace std::chrono_literals;

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
  world.channels->set_paused(0, true);
  CHECK_FALSE(world.channels->live(0));
  CHECK(world.channels->figures(0).paused);
  world.loop.advance(1s);
  world.channels->proven(0, world.now());
  CHECK_FALSE(world.channels->live(0));
  world.loop.advance(1s);
  world.channels->set_paused(0, false);
  world.channels->proven(0, world.now() - 500ms);            // sent while it was paused
  CHECK_FALSE(world.channels->live(0));
  world.loop.advance(1s);
  world.channels->proven(0, world.now());
  CHECK(world.channels->live(0));
  CHECK(world.channels->health(0).stretch().since == world.now());
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

}  // namespace introspectd::service
