// PollWorld: a SetPoller of one AS whose polls and inbox the test answers, and the channel that it proves.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "service/set_poller.h"
#include "service_world.h"

namespace introspectd::testing {

// An inbox that says what the test wants of each event, or keeps it for later.
class ScriptedInbox final : public service::EventInbox {
 public:
  void receive(service::SignedEvent event, UniqueFunction<void(service::EventResult)> done) override {
    received.push_back(event.jws);
    CHECK(event.origin == service::EventOrigin::kSetPoll);
    CHECK(event.kind == oauth::SignedEventKind::kSecurityEvent);
    if (hold) {
      held.push_back(std::move(done));
    } else {
      done({verdict, {}, {}});
    }
  }
  void receive_unsigned(service::UnsignedEvent, UniqueFunction<void(service::EventResult)>) override { CHECK(false); }

  service::EventVerdict verdict = service::EventVerdict::kAccepted;
  bool hold = false;
  std::vector<std::string> received;
  std::vector<UniqueFunction<void(service::EventResult)>> held;
};

class CountingRelay final : public service::Relay {
 public:
  void relay_signed(const service::SignedEvent&, UniqueFunction<void(bool)>) override { CHECK(false); }
  void relay_unsigned(cache::ServerId, service::EventOrigin, const oauth::Signals&, UniqueFunction<void(bool)>) override {
    CHECK(false);
  }
  void relay_proof(cache::ServerId, Duration age) override { ages.push_back(age); }
  std::vector<Duration> ages;
};

struct PollWorld {
  explicit PollWorld(bool in_a_fleet = false) {
    service::AuthorizationServerSettings& server = settings.authorization_servers.emplace_back();
    server.name = "main";
    server.credential.client_id = "node";
    server.credential.client_secret = Secret("secret");
    server.events.poll.emplace().bearer_token = Secret("poll-token");
    channels = std::make_unique<service::Channels>(loop, settings, Log(sink), [](cache::ServerId, const cache::ChannelView&) {});
    poller = std::make_unique<service::SetPoller>(
        service::SetPollerParts{loop, upstream, inbox, *channels, 0, settings.authorization_servers[0], 1, Log(sink)});
    if (in_a_fleet) channels->set_relay(&relay);
    poller->start();
  }
  std::size_t polls() const { return upstream.calls.size(); }
  std::string_view sent(std::size_t i) const { return upstream.calls.at(i)->call.body.reveal(); }
  std::string_view last_sent() const { return sent(polls() - 1); }
  void answer(std::string_view body) {
    upstream.answer(polls() - 1, upstream_reply(200, std::string(body)));
    loop.advance(Duration{});
  }
  void answer(ports::UpstreamReply reply) {
    upstream.answer(polls() - 1, std::move(reply));
    loop.advance(Duration{});
  }
  bool sent_has(std::string_view text) const { return last_sent().find(text) != std::string_view::npos; }

  service::Settings settings;
  SilentSink sink;
  StepLoop loop;
  HeldUpstream upstream;
  ScriptedInbox inbox;
  CountingRelay relay;
  std::unique_ptr<service::Channels> channels;
  std::unique_ptr<service::SetPoller> poller;
};

}  // namespace introspectd::testing
