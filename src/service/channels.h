// Channels: the health of every AS's revocation channel, told to the cache as it changes (GUARANTEES, H; I13, I14).
// Pollers, verifiers and the fleet bring proofs and losses; a channel that says it is paused proves nothing until it
// says that it is enabled, or delivers a verification event that it would not have sent while paused (STD 5.19); over a
// restart too where there is a state_dir. Transitions are logged once and counted.
// Threads: the back loop.  Owns: a ChannelHealth for each AS, what ASs said of their streams.  Errors: none; what is not
// on the disk KeptStreams says.
// Cost: O(1) a proof; one timer while any channel is live, so that its end is told on time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/unique_function.h"
#include "cache/identity.h"
#include "cache/server_marks.h"
#include "ports/event_loop.h"
#include "ports/storage.h"
#include "service/channel_health.h"
#include "service/kept_streams.h"
#include "service/relay.h"
#include "service/settings.h"

namespace introspectd::service {

// Can this AS's channel prove itself: by polls, by verification, or by proofs that a fleet with a key relays?
ChannelPolicy channel_policy(const Settings& settings, cache::ServerId server);

struct ChannelFigures {
  bool configured = false;
  bool live = false;
  bool paused = false;
  bool stream_unknown = false;           // … as what the AS said was lost with a damaged file
  std::optional<Duration> since_proof;   // of the current stretch
  std::uint64_t proofs = 0;
  std::uint64_t losses = 0;              // live → not live
};

class Channels {
 public:
  using Publish = UniqueFunction<void(cache::ServerId, const cache::ChannelView&)>;

  // `storage` null: pauses are forgotten at the end of the process.
  Channels(ports::EventLoop& loop, const Settings& settings, Log log, Publish publish,
           ports::Storage* storage = nullptr);
  Channels(Channels&&) = delete;
  Channels& operator=(Channels&&) = delete;
  ~Channels() = default;

  // Tells the cache how every channel stands now.
  void start();
  // Everything that was said until `dated` has been received and applied here.
  void proven(cache::ServerId server, MonoTime dated);
  // This node has a proof, as far as it can tell by itself. Where there is a relay that alone is told, and calls `proven`
  // when it counts here too: another node may have taken what this one did not get.
  void proven_here(cache::ServerId server, MonoTime dated);
  // A verification event that was asked for at `asked` came back, behind everything that was received before it. A proof;
  // of a paused stream none yet, but its end, where it was asked for long enough after the pause.
  void verified_here(cache::ServerId server, MonoTime asked);
  // Null: there is no fleet.
  void set_relay(Relay* relay) { relay_ = relay; }
  // Proofs dated before now say nothing any more. `why` is a constant, for the log.
  void lost(cache::ServerId server, std::string_view why);
  // The AS says that it does not deliver, or delivers again. `said_at`: the event's iat; an older word than the last
  // changes nothing. To be acknowledged when `streams` has kept it.
  void set_paused(cache::ServerId server, bool paused, std::int64_t said_at);
  // Nothing that arrives proves this channel, here or on other nodes: events are held back.
  bool paused(cache::ServerId server) const { return streams_.paused(server); }
  KeptStreams& streams() { return streams_; }
  // Every event goes through the fleet's stream as well: while that is not live no channel is (F92). Proofs stay what
  // they were.
  void set_fleet_live(bool live);

  bool live(cache::ServerId server) const { return is_live(channels_[server], loop_->now().mono); }
  const ChannelHealth& health(cache::ServerId server) const { return channels_[server].health; }
  ChannelFigures figures(cache::ServerId server) const;
  void shut_down() {
    timer_.reset();
    streams_.shut_down();
  }

 private:
  struct Channel {
    explicit Channel(const ChannelPolicy& policy) : health(policy) {}
    ChannelHealth health;
    bool was_live = false;
    MonoTime stopped_by;   // paused: what was asked for since was not sent before the AS had stopped
    std::uint64_t proofs = 0;
    std::uint64_t losses = 0;
  };

  void tell(cache::ServerId server, std::string_view why);
  bool is_live(const Channel& channel, MonoTime now) const {
    return channel.health.live(now) && (fleet_live_ || channel.health.policy().assume_live);
  }
  void arm();
  void on_timer();
  cache::ChannelView reading(const Channel& channel, MonoTime now) const;

  ports::EventLoop* loop_;
  const Settings* settings_;
  Log log_;
  Publish publish_;
  Relay* relay_ = nullptr;
  std::vector<Channel> channels_;
  KeptStreams streams_;
  MonoTime started_;
  bool fleet_live_ = true;
  MonoTime armed_for_;
  ports::PendingToken timer_;
};

}  // namespace introspectd::service
