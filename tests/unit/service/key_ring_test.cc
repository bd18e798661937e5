#include "service/key_ring.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "event_signer.h"
#include "service_world.h"

namespace introspectd::service {
namespace {

using testing::EventSigner;
using testing::HeldUpstream;
using testing::StepLoop;
using testing::upstream_reply;
using namespace std::chrono_literals;

struct RingWorld {
  RingWorld() {
    settings.name = "main";
    ring = std::make_unique<KeyRing>(KeyRingParts{loop, upstream, 0, settings, 1, Log(sink)});
  }
  codec::CompactJws jws_of(const EventSigner& signer) const {
    auto jws = codec::read_compact_jws(signer.sign("", "{}"));
    REQUIRE(jws.has_value());
    return std::move(*jws);
  }
  // Answers are written down as they come.
  void find(const codec::CompactJws& jws) {
    ring->find(jws, [this](KeyAnswer answer) { answers.push_back(answer); });
  }
  void doubt() {
    ring->doubt([this](DoubtAnswer answer) { doubts.push_back(answer); });
  }
  void answer(const EventSigner& signer, std::string cache_control = "") {
    ports::UpstreamReply reply = upstream_reply(200, signer.public_jwks());
    reply.cache_control = std::move(cache_control);
    upstream.answer(upstream.calls.size() - 1, std::move(reply));
  }
  void fail() { upstream.answer(upstream.calls.size() - 1, upstream_reply(500, "")); }
  std::size_t fetches() const { return upstream.calls.size(); }

  AuthorizationServerSettings settings;
  testing::SilentSink sink;
  StepLoop loop;
  HeldUpstream upstream;
  std::vector<KeyAnswer> answers;
  std::vector<DoubtAnswer> doubts;
  std::unique_ptr<KeyRing> ring;
};

}  // namespace

TEST_CASE("key_ring: Cache-Control is honoured within 5 min and 24 h (STD 3.15)") {
  CHECK(keys_lifetime("") == 1h);
  CHECK(keys_lifetime("max-age=3600") == 1h);
  CHECK(keys_lifetime("public, Max-Age = 7200 , must-revalidate") == 2h);
  CHECK(keys_lifetime("max-age=300") == 5min);
  CHECK(keys_lifetime("max-age=299") == 5min);
  CHECK(keys_lifetime("max-age=0") == 5min);
  CHECK(keys_lifetime("max-age=86400") == 24h);
  CHECK(keys_lifetime("max-age=86401") == 24h);
  CHECK(keys_lifetime("max-age=99999999999999999999999") == 24h);
  CHECK(keys_lifetime("max-age=\"600\"") == 10min);
  CHECK(keys_lifetime("max-age=abc") == 5min);
  CHECK(keys_lifetime("max-age=-1") == 5min);
  CHECK(keys_lifetime("max-age") == 1h);
  CHECK(keys_lifetime("no-store, max-age=7200") == 5min);
  CHECK(keys_lifetime("max-age=7200, no-cache") == 5min);
  CHECK(keys_lifetime("max-age=600, max-age=7200") == 10min);
  CHECK(keys_lifetime(",, ,") == 1h);
}

TEST_CASE("key_ring: the first need waits for the one fetch, and verifies when it has come") {
  RingWorld world;
  const EventSigner signer(1);
  const codec::CompactJws jws = world.jws_of(signer);
  world.ring->start();
  world.find(jws);
  world.find(jws);
  CHECK(world.fetches() == 1);
  CHECK(world.upstream.calls[0]->call.endpoint == ports::UpstreamEndpoint::kKeys);
  CHECK(world.answers.empty());
  world.answer(signer);
  CHECK(world.answers == std::vector{KeyAnswer::kHere, KeyAnswer::kHere});
  CHECK(world.ring->verify(jws).has_value());
  CHECK(world.ring->counts().keys == 1);
  CHECK(world.ring->counts().fetched == 1);
}

TEST_CASE("key_ring: an unknown kid is worth one fetch for all, the next when the cooldown ends (STD 3.16)") {
  RingWorld world;
  const EventSigner old_key(1, "old");
  const EventSigner new_key(2, "new");
  world.ring->start();
  world.answer(old_key);
  CHECK(world.ring->cooldown_left() == Duration{});          // nobody's event has asked
  const codec::CompactJws by_new = world.jws_of(new_key);
  world.find(by_new);
  world.find(by_new);
  CHECK(world.fetches() == 2);
  CHECK(world.ring->cooldown_left() == KeyRing::kCooldown);
  world.answer(old_key);                                     // its JWKS comes late
  CHECK(world.answers == std::vector{KeyAnswer::kNoSuchKey, KeyAnswer::kNoSuchKey});
  world.loop.advance(KeyRing::kCooldown - Duration{1});
  world.find(by_new);
  world.find(world.jws_of(EventSigner(3, "another")));
  CHECK(world.answers == std::vector(4, KeyAnswer::kNoSuchKey));
  CHECK(world.fetches() == 2);
  CHECK(world.ring->cooldown_left() == Duration{1});
  world.loop.advance(Duration{1});
  CHECK(world.ring->cooldown_left() == Duration{});
  world.find(by_new);
  REQUIRE(world.fetches() == 3);
  world.answer(new_key);
  CHECK(world.answers.back() == KeyAnswer::kHere);
}

TEST_CASE("key_ring: keys are as old as the question that brought them, for who joined it too") {
  RingWorld world;
  const EventSigner signer(1);
  world.ring->start();
  world.loop.advance(1s);
  world.find(world.jws_of(EventSigner(2, "late")));          // joins
  world.doubt();
  world.loop.advance(1s);
  world.answer(signer);
  CHECK(world.answers == std::vector{KeyAnswer::kNoSuchKey});
  CHECK(world.doubts == std::vector{DoubtAnswer::kChanged});
  CHECK(world.ring->asked_ago() == 2s);
  CHECK(world.ring->cooldown_left() == Duration{});          // it was no event that asked
  world.loop.advance(1s);
  world.doubt();
  world.loop.advance(1s);
  world.fail();
  CHECK(world.ring->asked_ago() == 4s);                      // still the same keys
}

TEST_CASE("key_ring: made-up kids can neither push out the kid that is looked for nor ask more often (STD 3.16)") {
  RingWorld world;
  const EventSigner old_key(1, "old");
  const EventSigner new_key(2, "new");
  world.ring->start();
  world.answer(old_key);
  const std::string long_kid(6000, 'k');
  for (std::size_t i = 0; i < 2 * KeyRing::kWaitersMost; ++i) {
    world.find(world.jws_of(EventSigner(3, long_kid + std::to_string(i))));
  }
  CHECK(world.fetches() == 2);
  CHECK(world.answers == std::vector(KeyRing::kWaitersMost, KeyAnswer::kTooManyWait));
  world.answer(old_key);
  world.answers.clear();
  const codec::CompactJws by_new = world.jws_of(new_key);
  world.find(by_new);                                        // the AS rotates now
  CHECK(world.answers == std::vector{KeyAnswer::kNoSuchKey});
  CHECK(world.fetches() == 2);
  world.loop.advance(KeyRing::kCooldown);
  world.find(world.jws_of(EventSigner(3, "made-up")));
  world.find(by_new);                                        // comes with the fetch of whoever asks first
  CHECK(world.fetches() == 3);
  world.answer(new_key);
  CHECK(world.answers == std::vector{KeyAnswer::kNoSuchKey, KeyAnswer::kNoSuchKey, KeyAnswer::kHere});
}

TEST_CASE("key_ring: a doubted signature is worth one fetch for all, under the cooldown of the kids") {
  RingWorld world;
  const EventSigner old_key(1);
  const EventSigner new_key(2);   // the same kid
  world.ring->start();
  world.answer(old_key);
  world.doubt();
  world.doubt();
  CHECK(world.fetches() == 2);
  CHECK(world.doubts.empty());
  world.answer(old_key);
  CHECK(world.doubts == std::vector{DoubtAnswer::kSame, DoubtAnswer::kSame});
  world.loop.advance(KeyRing::kCooldown - Duration{1});
  world.doubt();
  world.find(world.jws_of(EventSigner(3, "made-up")));
  CHECK(world.fetches() == 2);
  CHECK(world.doubts.back() == DoubtAnswer::kSame);
  CHECK(world.answers.back() == KeyAnswer::kNoSuchKey);
  world.loop.advance(Duration{1});
  world.doubt();
  REQUIRE(world.fetches() == 3);
  world.answer(new_key);
  CHECK(world.doubts.back() == DoubtAnswer::kChanged);
  world.find(world.jws_of(EventSigner(3, "made-up")));       // it was a doubt that asked
  CHECK(world.fetches() == 3);
}

TEST_CASE("key_ring: a doubt is no verdict while the JWKS cannot be had, nor where too many wait") {
  RingWorld world;
  const EventSigner signer(1);
  world.ring->start();
  world.answer(signer);
  world.doubt();
  world.fail();
  CHECK(world.doubts == std::vector{DoubtAnswer::kUnavailable});
  world.doubt();
  CHECK(world.doubts.back() == DoubtAnswer::kUnavailable);
  RingWorld crowd;
  crowd.ring->start();
  for (std::size_t i = 0; i < KeyRing::kWaitersMost; ++i) crowd.doubt();
  CHECK(crowd.doubts.empty());
  crowd.doubt();
  CHECK(crowd.doubts == std::vector{DoubtAnswer::kUnavailable});
  crowd.find(crowd.jws_of(signer));
  CHECK(crowd.answers == std::vector{KeyAnswer::kTooManyWait});
  crowd.ring->shut_down();
  CHECK(crowd.doubts == std::vector(KeyRing::kWaitersMost + 1, DoubtAnswer::kUnavailable));
}

TEST_CASE("key_ring: a rotated key is found by its kid, and the old one verifies nothing any more (STD 3.17)") {
  RingWorld world;
  const EventSigner old_key(1, "old");
  const EventSigner new_key(2, "new");
  const codec::CompactJws by_old = world.jws_of(old_key);
  const codec::CompactJws by_new = world.jws_of(new_key);
  world.ring->start();
  world.answer(old_key);
  REQUIRE(world.ring->verify(by_old).has_value());
  world.find(by_new);
  world.answer(new_key);
  CHECK(world.answers == std::vector{KeyAnswer::kHere});
  CHECK(world.ring->verify(by_new).has_value());
  CHECK_FALSE(world.ring->verify(by_old).has_value());
}

TEST_CASE("key_ring: keys are fetched again before their time is over (STD 3.15)") {
  RingWorld world;
  const EventSigner signer(1);
  world.ring->start();
  world.answer(signer, "max-age=1000");
  world.loop.advance(599s);
  CHECK(world.fetches() == 1);
  const MonoTime latest = world.loop.time.mono + 202s;
  while (world.fetches() == 1 && world.loop.time.mono < latest) world.loop.advance(1s);
  CHECK(world.fetches() == 2);
}

TEST_CASE("key_ring: failed refreshes are tried again, ever slower, and the last good keys stay for 24 h (STD 3.15)") {
  RingWorld world;
  const EventSigner signer(1);
  const codec::CompactJws jws = world.jws_of(signer);
  world.ring->start();
  world.answer(signer, "max-age=300");
  std::size_t answered = 1;
  const auto fail_for = [&](Duration span) {
    const MonoTime end = world.loop.time.mono + span;
    while (world.loop.time.mono < end) {
      world.loop.advance(1s);
      for (; answered < world.fetches(); ++answered) world.fail();
    }
  };
  fail_for(10min);
  CHECK(world.fetches() > 8);
  CHECK(world.fetches() < 24);
  CHECK(world.ring->verify(jws).has_value());
  fail_for(KeyRing::kKeptStale - 6min);
  CHECK(world.ring->verify(jws).has_value());
  fail_for(2min);                                             // five minutes and a day after the last good fetch
  CHECK_FALSE(world.ring->verify(jws).has_value());
  CHECK(world.ring->counts().keys == 0);
  world.find(jws);
  CHECK(world.answers == std::vector{KeyAnswer::kUnavailable});
}

TEST_CASE("key_ring: what is no JWKS is a failure, and one that waited is told that keys are unavailable (I18)") {
  for (const char* body : {"", "[]", "{}", "<html>", R"({"keys":1})"}) {
    INFO(body);
    RingWorld world;
    world.find(world.jws_of(EventSigner(1)));
    world.upstream.answer(0, upstream_reply(200, body));
    CHECK(world.answers == std::vector{KeyAnswer::kUnavailable});
    CHECK(world.ring->counts().failed == 1);
  }
}

TEST_CASE("key_ring: nobody waits longer than 5 s, whatever becomes of the fetch") {
  RingWorld world;
  world.find(world.jws_of(EventSigner(1)));
  world.loop.advance(KeyRing::kWaitMost - Duration{1});
  CHECK(world.answers.empty());
  world.loop.advance(Duration{1});
  CHECK(world.answers == std::vector{KeyAnswer::kUnavailable});
  CHECK(world.upstream.calls[0]->cancelled);
}

TEST_CASE("key_ring: 256 may wait, one more is told so") {
  RingWorld world;
  const EventSigner signer(1);
  const codec::CompactJws jws = world.jws_of(signer);
  for (std::size_t i = 0; i < KeyRing::kWaitersMost; ++i) world.find(jws);
  CHECK(world.answers.empty());
  world.find(jws);
  CHECK(world.answers == std::vector{KeyAnswer::kTooManyWait});
  world.answer(signer);
  CHECK(world.answers.size() == KeyRing::kWaitersMost + 1);
  CHECK(world.answers.back() == KeyAnswer::kHere);
}

TEST_CASE("key_ring: an idle connection that died is tried once more, on a fresh one (F78)") {
  RingWorld world;
  const EventSigner signer(1);
  world.ring->start();
  ports::UpstreamReply died;
  died.outcome = ports::TransportOutcome::kIdleConnectionDied;
  world.upstream.answer(0, died);
  REQUIRE(world.fetches() == 2);
  CHECK(world.upstream.calls[1]->call.fresh_connection);
  world.upstream.answer(1, died);
  CHECK(world.fetches() == 2);
  CHECK(world.ring->counts().failed == 1);
}

TEST_CASE("key_ring: when it ends, who waits is told, and nothing is fetched any more") {
  RingWorld world;
  const codec::CompactJws jws = world.jws_of(EventSigner(1));
  world.find(jws);
  world.ring->shut_down();
  CHECK(world.answers == std::vector{KeyAnswer::kUnavailable});
  world.find(jws);
  CHECK(world.answers.size() == 2);
  world.loop.advance(1h);
  CHECK(world.fetches() == 1);
}

}  // namespace introspectd::service
