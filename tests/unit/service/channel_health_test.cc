#include "service/channel_health.h"

#include <doctest/doctest.h>

namespace introspectd::service {
namespace {

MonoTime at(std::int64_t seconds) { return MonoTime::from_ns(seconds * 1'000'000'000); }

constexpr ChannelPolicy kPolled{.configured = true};

}  // namespace

TEST_CASE("channel_health: nothing is live before the first proof, and then for the timeout after it (H, I13)") {
  ChannelHealth health(kPolled);
  CHECK_FALSE(health.live(at(100)));
  CHECK_FALSE(health.stretch().contiguous);
  health.proven(at(100));
  CHECK(health.live(at(100)));
  CHECK(health.live(at(130)));                                           // the limit
  CHECK_FALSE(health.live(at(130) + Duration{1}));                       // one past it
  CHECK(health.stretch().contiguous);
  CHECK(health.stretch().since == at(100));
  CHECK(health.stretch().proof == at(100));
}

TEST_CASE("channel_health: a proof goes on with the stretch; an older one that comes late changes nothing (F96)") {
  ChannelHealth health(kPolled);
  health.proven(at(100));
  health.proven(at(110));
  CHECK(health.stretch().since == at(100));
  CHECK(health.stretch().proof == at(110));
  health.proven(at(105));
  CHECK(health.stretch().proof == at(110));
  CHECK(health.stretch().since == at(100));
}

TEST_CASE("channel_health: silence is no loss: the next proof says that all before it was delivered (I13)") {
  ChannelHealth health(kPolled);
  health.proven(at(100));
  CHECK_FALSE(health.live(at(500)));
  health.proven(at(500));
  CHECK(health.stretch().since == at(100));
}

TEST_CASE("channel_health: after a loss a new stretch begins with the next proof (I14)") {
  ChannelHealth health(kPolled);
  health.proven(at(100));
  health.lost(at(105));
  CHECK_FALSE(health.live(at(105)));
  CHECK_FALSE(health.stretch().contiguous);
  health.proven(at(110));
  CHECK(health.live(at(111)));
  CHECK(health.stretch().since == at(110));
}

TEST_CASE("channel_health: a proof dated before the loss proves nothing any more (I14)") {
  ChannelHealth health(kPolled);
  health.proven(at(100));
  health.lost(at(105));
  health.proven(at(104));
  CHECK_FALSE(health.live(at(106)));
  CHECK_FALSE(health.stretch().contiguous);
  health.proven(at(105));
  CHECK(health.stretch().contiguous);
}

TEST_CASE("channel_health: an AS without a channel of proof is never live, whatever is said of it") {
  ChannelHealth health(ChannelPolicy{});
  health.proven(at(100));
  CHECK_FALSE(health.live(at(100)));
  CHECK_FALSE(health.stretch().contiguous);
}

TEST_CASE("channel_health: one that is believed live out loud is, at every time") {
  ChannelHealth health(ChannelPolicy{.assume_live = true});
  CHECK(health.live(at(1)));
  health.lost(at(2));
  CHECK(health.live(at(1'000'000)));
}

}  // namespace introspectd::service
