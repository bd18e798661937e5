#include "service/stream_verifier.h"

#include <doctest/doctest.h>

#include <string>

#include "event_world.h"

namespace introspectd::service {
namespace {

using testing::EventWorld;
using testing::status_of;
using testing::upstream_reply;
using ports::UpstreamEndpoint;
using namespace std::chrono_literals;

void verified(Settings& settings) {
  EventSettings& events = settings.authorization_servers[0].events;
  events.has_verification = true;
  events.stream_id = "stream-1";
  events.verification_bearer = Secret("stream-token");
}

std::string state_of(const EventWorld& world, std::size_t request) {
  const std::size_t call = world.calls_to(UpstreamEndpoint::kVerification).at(request);
  const std::string_view body = world.upstream.calls[call]->call.body.reveal();
  const std::string_view key = R"("state":")";
  const std::size_t at = body.find(key) + key.size();
  return std::string(body.substr(at, body.find('"', at) - at));
}

struct VerifiedWorld : EventWorld {
  VerifiedWorld() : EventWorld(&verified) { answer_keys(); }
  std::size_t requests() const { return calls_to(UpstreamEndpoint::kVerification).size(); }
  void take() { answer(UpstreamEndpoint::kVerification, upstream_reply(204, "")); }
  bool live() { return node->channels().live(0); }
};

}  // namespace

TEST_CASE("stream_verifier: the event with our state proves the channel as of the request (H, STD 5.18)") {
  VerifiedWorld world;
  REQUIRE(world.requests() == 1);
  const std::size_t call = world.calls_to(UpstreamEndpoint::kVerification)[0];
  CHECK(world.upstream.calls[call]->call.authorization.reveal() == "Bearer stream-token");
  CHECK(world.upstream.calls[call]->call.body.reveal().find(R"("stream_id":"stream-1")") != std::string_view::npos);
  CHECK(state_of(world, 0).size() == 32);
  const MonoTime sent = world.loop.time.mono;
  world.take();
  CHECK_FALSE(world.live());                 // taken is not delivered
  world.loop.advance(4s);
  CHECK(status_of(world.post_set(world.verification("v1", state_of(world, 0)))) == 202);
  CHECK(world.live());
  CHECK(world.node->channels().health(0).stretch().proof == sent);
}

TEST_CASE("stream_verifier: a state that is not ours, or none, proves nothing") {
  VerifiedWorld world;
  world.take();
  CHECK(status_of(world.post_set(world.verification("v1", "another"))) == 202);
  CHECK(status_of(world.post_set(world.verification("v2", ""))) == 202);
  CHECK_FALSE(world.live());
  const std::string state = state_of(world, 0);
  CHECK(status_of(world.post_set(world.verification("v3", state))) == 202);
  CHECK(world.live());
  world.node->channels().lost(0, "test");
  world.loop.advance(1s);
  CHECK(status_of(world.post_set(world.verification("v4", state))) == 202);   // replayed (F95)
  CHECK_FALSE(world.live());
}

TEST_CASE("stream_verifier: while the stream is paused nothing is proven; an old word that comes again lifts no pause (STD 5.19)") {
  VerifiedWorld world;
  world.take();
  const std::string state = state_of(world, 0);
  const auto updated = [&world](std::string_view jti, std::string_view status) {
    return world.set(jti, "https://schemas.openid.net/secevent/ssf/event-type/stream-updated",
                     R"({"status":")" + std::string(status) + "\"}", R"({"format":"opaque","id":"stream-1"})");
  };
  const std::string old_word = updated("u1", "enabled");
  CHECK(status_of(world.post_set(old_word)) == 202);
  world.loop.advance(1s);
  CHECK(status_of(world.post_set(updated("u2", "paused"))) == 202);
  world.loop.advance(1s);
  CHECK(status_of(world.post_set(old_word)) == 202);
  CHECK(world.node->channels().paused(0));
  CHECK(status_of(world.post_set(world.verification("v1", state))) == 202);
  CHECK_FALSE(world.live());
}

TEST_CASE("stream_verifier: what a paused stream delivers is not told to the fleet as a proof (H)") {
  struct Proofs final : Relay {
    void relay_signed(const SignedEvent&, UniqueFunction<void(bool)>) override { CHECK(false); }
    void relay_unsigned(cache::ServerId, EventOrigin, const oauth::Signals&, UniqueFunction<void(bool)>) override {
      CHECK(false);
    }
    void relay_proof(cache::ServerId, Duration) override { ++count; }
    int count = 0;
  };
  for (const bool paused : {false, true}) {
    VerifiedWorld world;   // for its loop and what it was told
    Proofs proofs;
    Channels channels(world.loop, world.settings, Log(world.sink), [](cache::ServerId, const cache::ChannelView&) {});
    StreamVerifier verifier({world.loop, world.upstream, channels, 0, world.settings.authorization_servers[0], 30s, 1,
                             Log(world.sink)});
    channels.set_relay(&proofs);
    verifier.start();
    const std::string state = state_of(world, world.requests() - 1);
    if (paused) channels.set_paused(0, true, 100);
    verifier.arrived(state, true);
    CHECK(proofs.count == (paused ? 0 : 1));
  }
}

TEST_CASE("stream_verifier: a forged verification event proves nothing (I24)") {
  VerifiedWorld world;
  world.take();
  world.confirm_keys();
  const std::string good = world.verification("v1", state_of(world, 0));
  CHECK(status_of(world.post_set(good.substr(0, good.size() - 6) + "AAAAAA")) == 503);
  CHECK_FALSE(world.live());
}

TEST_CASE("stream_verifier: it asks every third of the time-out, and one not back in time loses the channel (STD 5.19)") {
  VerifiedWorld world;
  world.take();
  world.post_set(world.verification("v1", state_of(world, 0)));
  REQUIRE(world.live());
  world.loop.advance(10s);
  REQUIRE(world.requests() == 2);
  world.take();                               // and its event never comes
  world.loop.advance(10s);
  REQUIRE(world.requests() == 3);
  world.take();
  world.loop.advance(10s);
  const std::string late = state_of(world, 2);
  world.loop.advance(25s);
  CHECK_FALSE(world.live());
  CHECK(world.node->figures().servers[0].verification->missed >= 1);
  CHECK_FALSE(world.node->channels().health(0).stretch().contiguous);
  // Dated before the loss: it proves nothing any more (I14).
  world.post_set(world.verification("v2", late));
  CHECK_FALSE(world.live());
}

TEST_CASE("stream_verifier: a request that the AS does not take is no loss, and Retry-After is honoured") {
  VerifiedWorld world;
  ports::UpstreamReply limited = upstream_reply(429, "");
  limited.retry_after = "25";
  world.answer(UpstreamEndpoint::kVerification, std::move(limited));
  world.loop.advance(24s);
  CHECK(world.requests() == 1);
  world.loop.advance(11s);
  CHECK(world.requests() == 2);
  world.loop.advance(4s);
  CHECK(world.node->figures().servers[0].verification->missed == 0);
  CHECK(world.node->figures().servers[0].verification->failed == 1);
}

TEST_CASE("stream_verifier: a stream that says it is paused or disabled is not live until it is enabled (STD 5.19)") {
  constexpr std::string_view kUpdated = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";
  for (const std::string status : {"paused", "disabled"}) {
    VerifiedWorld world;
    world.take();
    world.post_set(world.verification("v1", state_of(world, 0)));
    REQUIRE(world.live());
    CHECK(status_of(world.post_set(world.set("s1", kUpdated, R"({"status":")" + status + "\"}"))) == 202);
    CHECK_FALSE(world.live());
    world.loop.advance(10s);
    REQUIRE(world.requests() == 2);
    world.take();
    world.post_set(world.verification("v2", state_of(world, 1)));
    CHECK_FALSE(world.live());
    world.post_set(world.set("s2", kUpdated, R"({"status":"enabled"})"));
    world.loop.advance(10s);
    REQUIRE(world.requests() == 3);
    world.take();
    world.post_set(world.verification("v3", state_of(world, 2)));
    CHECK(world.live());
  }
}

TEST_CASE("stream_verifier: a pause whose end is never told ends with an event that was asked for a time-out after it (I14)") {
  VerifiedWorld world;
  world.take();
  CHECK(status_of(world.post_set(world.set("s1", "https://schemas.openid.net/secevent/ssf/event-type/stream-updated",
                                           R"({"status":"disabled"})"))) == 202);
  const MonoTime stopped = world.loop.time.mono + 30s;
  const auto ask = [&world] {
    const std::size_t before = world.requests();
    while (world.requests() == before) world.loop.advance(1s);
    world.take();
    return state_of(world, before);
  };
  world.post_set(world.verification("v1", ask()));
  CHECK(world.node->channels().paused(0));
  std::string state;
  while (world.loop.time.mono < stopped + 1s) state = ask();
  world.post_set(world.verification("v2", state));
  CHECK_FALSE(world.node->channels().paused(0));
  CHECK_FALSE(world.live());
  world.post_set(world.verification("v3", ask()));
  CHECK(world.live());
}

TEST_CASE("stream_verifier: a verification event does not overtake one that waits for its key") {
  VerifiedWorld world;
  world.take();
  const testing::EventSigner rotated(8, "k2");
  const std::string waits = rotated.sign("secevent+jwt", "{}");
  testing::Wire& wire = world.connect();
  world.arrive(wire, "POST /events HTTP/1.1\r\nHost: h\r\nContent-Type: application/secevent+jwt\r\nContent-Length: " +
                         std::to_string(waits.size()) + "\r\n\r\n" + waits);
  REQUIRE(wire.written.empty());
  CHECK(status_of(world.post_set(world.verification("v1", state_of(world, 0)))) == 202);
  CHECK_FALSE(world.live());
}

TEST_CASE("stream_verifier: a channel that was just proven otherwise is not asked to prove itself") {
  VerifiedWorld world;
  world.take();
  world.loop.advance(8s);
  world.node->channels().proven(0, world.loop.time.mono);
  world.loop.advance(2s);
  CHECK(world.requests() == 1);
  world.loop.advance(10s);
  CHECK(world.requests() == 2);
}

}  // namespace introspectd::service
