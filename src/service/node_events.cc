// The part of Node that receives revocation events: keys, inbox, pollers, verifiers, channels and the notify listener.
#include <utility>

#include "base/random.h"
#include "service/node.h"

namespace introspectd::service {

void Node::make_events(std::uint64_t seed) {
  Random seeds(seed);
  const Settings& settings = parts_.settings;
  // The cache judges every read by these (I13).
  channels_ = std::make_unique<Channels>(parts_.back, settings, parts_.log,
                                         [this](cache::ServerId server, const cache::ChannelView& view) {
                                           cache_->set_channel(server, view);
                                         },
                                         parts_.storage);
  for (std::size_t i = 0; i < settings.authorization_servers.size(); ++i) {
    std::unique_ptr<KeyRing>& ring = keys_.emplace_back();
    const AuthorizationServerSettings& server = settings.authorization_servers[i];
    if (!server.events.has_keys) continue;
    ring = std::make_unique<KeyRing>(KeyRingParts{parts_.back, parts_.upstream, static_cast<cache::ServerId>(i), server,
                                                  seeds.next(), parts_.log});
  }
  desk_ = std::make_unique<EventDesk>(EventDeskParts{parts_.back, settings, *purger_, keys_, parts_.log});
  desk_->on_stream_news([this](cache::ServerId server, const oauth::SecurityEvent& event, bool complete) {
    on_stream_news(server, event, complete);
  });
  for (std::size_t i = 0; i < settings.authorization_servers.size(); ++i) {
    const auto id = static_cast<cache::ServerId>(i);
    const AuthorizationServerSettings& server = settings.authorization_servers[i];
    std::unique_ptr<SetPoller>& poller = pollers_.emplace_back();
    std::unique_ptr<StreamVerifier>& verifier = verifiers_.emplace_back();
    if (server.events.poll) {
      poller = std::make_unique<SetPoller>(SetPollerParts{parts_.back, parts_.upstream, *desk_, *channels_, id, server,
                                                          seeds.next(), parts_.log});
    }
    if (server.events.has_verification) {
      verifier = std::make_unique<StreamVerifier>(
          StreamVerifierParts{parts_.back, parts_.upstream, *channels_, id, server,
                              settings.revocation.channel_timeout, seeds.next(), parts_.log});
    }
  }
  parts_.back.post([this] { start_events(); });
}

// In the back loop's first turn: nothing is asked of an AS before the loops run.
void Node::start_events() {
  if (draining_) return;
  channels_->start();
  start_fleet();
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    if (keys_[i]) keys_[i]->start();
    if (pollers_[i]) pollers_[i]->start();
    if (verifiers_[i]) verifiers_[i]->start();
  }
}

void Node::use_relay(Relay* relay) {
  desk_->set_relay(relay);
  channels_->set_relay(relay);
}

void Node::on_stream_news(cache::ServerId server, const oauth::SecurityEvent& event, bool complete) {
  using Stream = oauth::SecurityEvent::Stream;
  if (event.stream != Stream::kUnchanged) {
    channels_->set_paused(server, event.stream != Stream::kEnabled, event.iat);
  }
  if (!event.verification_state || !verifiers_[server]) return;
  if (!pollers_[server]) return verifiers_[server]->arrived(*event.verification_state, complete);
  // What a poll brought before it may be held until its key comes, or stand behind it in the same answer.
  pollers_[server]->once_settled([this, server, state = *event.verification_state, complete] {
    verifiers_[server]->arrived(state, complete && pollers_[server]->all_applied());
  });
}

void Node::add_event_figures(Figures& figures) const {
  figures.events = desk_->figures();
  for (std::size_t i = 0; i < figures.servers.size(); ++i) {
    ServerFigures& server = figures.servers[i];
    server.channel = channels_->figures(static_cast<cache::ServerId>(i));
    if (keys_[i]) server.keys = keys_[i]->counts();
    if (pollers_[i]) server.polls = pollers_[i]->counts();
    if (verifiers_[i]) server.verification = verifiers_[i]->counts();
  }
}

}  // namespace introspectd::service
