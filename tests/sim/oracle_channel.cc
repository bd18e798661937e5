// What the health of a revocation channel allows (I13, I14): the truth about proofs is the feed's, which knows when each
// was asked for and when all that came with it had been acknowledged.
#include <algorithm>

#include "tests/sim/oracle.h"

namespace introspectd::sim {
namespace {

// A proof is believed as soon as what came with it is applied; the acknowledgement that we see comes a little later.
constexpr Duration kAcknowledgedLate = std::chrono::seconds{2};
// Timers are seen a little late.
constexpr Duration kTimerLate = std::chrono::seconds{1};

// A request may wait for its turn on its connection: what it is served is decided before its reply begins, no earlier.
const Moment& decided_at_most(const AskRecord& ask) { return ask.answered.happened() ? ask.answered : ask.replied; }

}  // namespace

// A paused stream goes on where the server has said so, though we have not seen it acknowledged, or where it brought a
// verification event that was asked for when the server had stopped for sure: what is proven from then on counts.
std::optional<Stamp> Oracle::seen_to_go_on(ServerIndex server, const Moment& until) const {
  const ChannelRecord& channel = history_->channel_of[server];
  const bool said = channel.enabled_said_at > channel.said_at && channel.enabled_sent.stamp < until.stamp;
  if (said) return channel.enabled_sent.stamp;
  const MonoTime stopped = channel.heard.mono + knobs_->channel_timeout;
  for (const ProofRecord& proof : history_->proofs_of[server]) {
    const bool arrived = proof.verification && proof.answered.happened() && proof.answered.stamp <= until.stamp;
    if (arrived && proof.sent.mono >= stopped) return proof.answered.stamp;
  }
  return std::nullopt;
}

// The longest stretch that may be believed: from the first proof since the channel was lost to the last one.
Oracle::Stretch Oracle::proven_stretch(ServerIndex server, const Moment& until) const {
  Stretch stretch;
  const ChannelRecord& channel = history_->channel_of[server];
  const bool heard = channel.lost.stamp < until.stamp;
  Stamp lost = heard ? channel.lost.stamp : channel.lost_before.stamp;
  if (channel.paused && heard) {
    const std::optional<Stamp> goes_on = seen_to_go_on(server, until);
    if (!goes_on) return stretch;
    lost = std::max(lost, *goes_on);
  }
  for (const ProofRecord& proof : history_->proofs_of[server]) {
    if (!proof.answered.happened() || proof.answered.stamp > until.stamp) continue;
    if (proof.answered.stamp < std::max(lost, history_->node_started.stamp)) continue;
    const bool complete = proof.complete.happened() && proof.complete.stamp < until.stamp;
    const Duration awake = (until.mono - proof.answered.mono) - (until.slept - proof.answered.slept);
    if (!complete && awake > kAcknowledgedLate) continue;
    if (!stretch.any) stretch.since = proof.sent.mono;
    stretch.any = true;
    stretch.since = std::min(stretch.since, proof.sent.mono);
    stretch.last = std::max(stretch.last, proof.sent.mono);
  }
  return stretch;
}

// I13: B - start <= ttl_live and B - v <= ttl, v the newer of start and last proof, where start lies in the stretch.
bool Oracle::proven_young(const Served& served) const {
  return proven_young(served, served.ask.received) || proven_young(served, decided_at_most(served.ask));
}

bool Oracle::proven_young(const Served& served, const Moment& decided) const {
  const auto& [ask, call, stored] = served;
  const Stretch stretch = proven_stretch(ask.server, decided);
  if (!stretch.any || call.started.mono < stretch.since) return false;
  const Duration beyond = knobs_->clear_on_channel_loss ? std::max(knobs_->ttl, knobs_->channel_timeout) : knobs_->ttl;
  return ask.received.mono - call.started.mono <= knobs_->ttl_live && ask.received.mono - stretch.last <= beyond;
}

// I13, `clear`: after a loss nothing older than channel_timeout is served, by its own age or since the last proof.
void Oracle::i13_clear(const Served& served) {
  const auto& [ask, call, stored] = served;
  const FeedKnobs& feed = knobs_->servers[ask.server].feed;
  if (!knobs_->clear_on_channel_loss || !(feed.poll || feed.verification)) return;
  const Stretch stretch = proven_stretch(ask.server, decided_at_most(ask));
  if (!stretch.any || ask.received.mono - stretch.last <= knobs_->channel_timeout + kTimerLate) return;
  const MonoTime young = call.started.mono < stretch.since ? call.started.mono
                                                           : std::max(call.started.mono, stretch.last);
  if (ask.received.mono - young <= knobs_->channel_timeout) return;
  found("I13", "older than channel_timeout after a loss (request " + std::to_string(ask.id) + ", from call " +
                   std::to_string(call.id) + ")", ask.server, ask.token);
}

}  // namespace introspectd::sim
