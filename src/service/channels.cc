#include "service/channels.h"

#include <algorithm>
#include <utility>

#include "base/mutant.h"

namespace introspectd::service {
namespace {

// A channel that is believed live without proof is told anew this often.
constexpr Duration kBeliefRenewed = std::chrono::seconds{1};

std::vector<std::string> names_of(const Settings& settings) {
  std::vector<std::string> names;
  names.reserve(settings.authorization_servers.size());
  for (const AuthorizationServerSettings& server : settings.authorization_servers) names.push_back(server.name);
  return names;
}

}  // namespace

ChannelPolicy channel_policy(const Settings& settings, cache::ServerId server) {
  const EventSettings& events = settings.authorization_servers[server].events;
  ChannelPolicy policy;
  const bool fleet_proves = settings.fleet.enabled && !settings.fleet.key.empty();
  policy.configured = events.poll.has_value() || events.has_verification || fleet_proves;
  policy.assume_live = events.assume_live;
  policy.on_loss = settings.revocation.on_channel_loss;
  policy.timeout = settings.revocation.channel_timeout;
  return policy;
}

Channels::Channels(ports::EventLoop& loop, const Settings& settings, Log log, Publish publish, ports::Storage* storage)
    : loop_(&loop),
      settings_(&settings),
      log_(log),
      publish_(std::move(publish)),
      streams_(loop, names_of(settings), storage, log),
      started_(loop.now().mono) {
  for (std::size_t i = 0; i < settings.authorization_servers.size(); ++i) {
    const auto server = static_cast<cache::ServerId>(i);
    Channel& channel = channels_.emplace_back(channel_policy(settings, server));
    // A pause may have been said just before the end of the last process; that there is one at all is no more than
    // possible where its word is lost.
    channel.stopped_by = streams_.unknown(server) ? started_ : started_ + settings.revocation.channel_timeout;
  }
}

void Channels::start() {
  for (std::size_t i = 0; i < channels_.size(); ++i) tell(static_cast<cache::ServerId>(i), "assumed");
  arm();
}

void Channels::proven(cache::ServerId server, MonoTime dated) {
  Channel& channel = channels_[server];
  if (paused(server)) return;
  channel.health.proven(dated);
  ++channel.proofs;
  tell(server, "proven");
  arm();
}

void Channels::proven_here(cache::ServerId server, MonoTime dated) {
  if (paused(server)) return;   // a poll of it is answered, and empty, as what it would say is held back
  if (relay_ != nullptr) {
    relay_->relay_proof(server, loop_->now().mono - dated);
  } else {
    proven(server, dated);
  }
}

// An AS sends nothing over a stream that is paused, and says so before it stops (SSF 1.0 §8.1.2, §8.1.5): what it sends
// on a request that came when it had stopped is sent over a stream that goes on. Of events that it held back, and sends
// late or never, this says nothing: a proof is what is asked for from now on (I14).
void Channels::verified_here(cache::ServerId server, MonoTime asked) {
  if (!paused(server)) return proven_here(server, asked);
  if (asked < channels_[server].stopped_by && !MUTANT(pause_ended_by_what_was_asked_before)) return;
  if (MUTANT(pause_never_ended_by_verification)) return;
  log_.info("revocation channel delivers again", {{"as", settings_->authorization_servers[server].name}});
  streams_.lift(server);
  lost(server, "resumed");
}

void Channels::lost(cache::ServerId server, std::string_view why) {
  channels_[server].health.lost(loop_->now().mono);
  tell(server, why);
}

void Channels::set_paused(cache::ServerId server, bool paused, std::int64_t said_at) {
  const bool was_paused = streams_.paused(server);
  if (!streams_.hear(server, paused, said_at)) return;
  if (paused) channels_[server].stopped_by = loop_->now().mono + settings_->revocation.channel_timeout;
  if (paused == was_paused) return;
  // Enabled again: what was missed meanwhile may still come, so what was proven before says nothing either (I14).
  lost(server, paused ? "paused" : "resumed");
}

void Channels::set_fleet_live(bool live) {
  if (fleet_live_ == live) return;
  fleet_live_ = live;
  for (std::size_t i = 0; i < channels_.size(); ++i) tell(static_cast<cache::ServerId>(i), "fleet");
  arm();
}

cache::ChannelView Channels::reading(const Channel& channel, MonoTime now) const {
  const ChannelHealth& health = channel.health;
  const CacheSettings& cache = settings_->cache;
  cache::ChannelView reading;
  reading.contiguous = health.stretch().contiguous;
  reading.since = health.stretch().since;
  reading.proof = health.stretch().proof;
  reading.age_most = cache.ttl;
  if (health.policy().assume_live) {
    reading.contiguous = true;
    reading.since = started_;
    reading.proof = now + 2 * kBeliefRenewed;
  } else if (health.policy().configured && !is_live(channel, now) &&
             health.policy().on_loss == OnChannelLoss::kClear) {
    reading.age_most = std::min(cache.ttl, health.policy().timeout);
  }
  return reading;
}

// The cache first; the log says only what has changed.
void Channels::tell(cache::ServerId server, std::string_view why) {
  Channel& channel = channels_[server];
  const ChannelPolicy& policy = channel.health.policy();
  if (!policy.configured && !policy.assume_live) return;   // the cache judges such an AS by age alone
  const MonoTime now = loop_->now().mono;
  publish_(server, reading(channel, now));
  const bool live = is_live(channel, now);
  if (live == channel.was_live) return;
  channel.was_live = live;
  const std::string& name = settings_->authorization_servers[server].name;
  if (live) {
    log_.info("revocation channel live", {{"as", name}});
  } else {
    ++channel.losses;
    log_.warning("revocation channel lost", {{"as", name}, {"why", why}});
  }
}

// For the moment at which the next live channel ends, unless it is proven again before: then there was no need.
void Channels::arm() {
  const MonoTime now = loop_->now().mono;
  std::optional<MonoTime> end;
  for (const Channel& channel : channels_) {
    const ChannelPolicy& policy = channel.health.policy();
    if (!is_live(channel, now)) continue;
    const MonoTime silent = channel.health.stretch().proof + policy.timeout + Duration{1};
    const MonoTime mine = policy.assume_live ? now + kBeliefRenewed : silent;
    end = std::min(end.value_or(mine), mine);
  }
  if (!end || (timer_ && armed_for_ <= *end)) return;
  armed_for_ = *end;
  timer_ = loop_->after(*end - now, [this] { on_timer(); });
}

void Channels::on_timer() {
  const ports::PendingToken ended = std::move(timer_);
  const MonoTime now = loop_->now().mono;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const Channel& channel = channels_[i];
    const bool changed = channel.was_live != is_live(channel, now);
    if (changed || channel.health.policy().assume_live) tell(static_cast<cache::ServerId>(i), "silent");
  }
  arm();
}

ChannelFigures Channels::figures(cache::ServerId server) const {
  const Channel& channel = channels_[server];
  const MonoTime now = loop_->now().mono;
  ChannelFigures figures;
  figures.configured = channel.health.policy().configured;
  figures.live = is_live(channel, now);
  figures.paused = paused(server);
  figures.stream_unknown = streams_.unknown(server);
  if (channel.health.stretch().contiguous) figures.since_proof = now - channel.health.stretch().proof;
  figures.proofs = channel.proofs;
  figures.losses = channel.losses;
  return figures;
}

}  // namespace introspectd::service
