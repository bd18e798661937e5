// What may justify a `false` (I18, I19), and what forbids everything else (I4).
#include <algorithm>

#include "tests/sim/oracle.h"

namespace introspectd::sim {
namespace {

// The daemon counts lives in ticks of 16 ms and rounds down.
constexpr Duration kTick = std::chrono::milliseconds{16};

WallTime seconds_of(std::int64_t seconds) { return WallTime::from_seconds(std::min<std::int64_t>(seconds, 0xfffffffeLL)); }

}  // namespace

// An answer explains a false while it waited for it, or while the answer was fresh in the cache.
bool Oracle::call_explains_false(const AskRecord& ask, const CallRecord& call) const {
  if (call.verdict == Verdict::kNothing || !call.ended.happened() || call.ended.stamp > ask.replied.stamp) return false;
  const bool joined = call.ended.stamp > ask.received.stamp;
  if (!joined) {
    for (const std::size_t i : history_->flushes_of[ask.server]) {
      const PurgeRecord& flush = history_->purges[i];
      const bool before = was_applied(flush) && flush.acked.stamp < ask.received.stamp;
      if (before && call.started.stamp < flush.received.stamp) return false;
    }
    if (call.verdict == Verdict::kInactive && negatives_forgotten(ask, call)) return false;
  }
  const Duration age = ask.received.mono - call.started.mono;
  if (call.verdict == Verdict::kInactive) return joined || age < knobs_->negative_ttl;
  const bool stood = age < life(call) || proven_young({ask, call, true});
  if (!suits(ask.caller, call) && (joined || stood)) return true;
  if (!joined) return false;
  const WallTime latest = world_->greatest_wall(call.ended, ask.replied);
  if (call.exp && latest >= seconds_of(*call.exp) - knobs_->exp_skew) return true;
  return call.nbf && seconds_of(*call.nbf) > world_->least_wall(call.ended, ask.replied) + knobs_->exp_skew;
}

// The daemon's ticks round a dead token's end up.
Duration Oracle::dead_for_at_most() const {
  return std::max(knobs_->tombstone_ttl, knobs_->unknown_ttl()) + 3 * kTick;
}

// The latest moment from which a purge may have made its token dead. One whose request ran out of time may have been
// confirmed by the server after that, and is applied again then.
MonoTime Oracle::dead_from_at_most(const Moment& now, const PurgeRecord& purge) const {
  if (!purge.acked.happened()) return now.mono;
  MonoTime from = applied_at_most(purge, now);
  if (purge.status != 504) return from;
  for (const CallRecord& call : history_->calls) {
    if (!call.is_revocation || call.server != purge.server || call.token != purge.token) continue;
    if (call.started.stamp > purge.sent.stamp) from = std::max(from, call.ended.happened() ? call.ended.mono : now.mono);
  }
  return from;
}

// A refused revocation of a token that was dead already lifts nothing, and has prolonged what it found.
bool Oracle::found_it_dead(const PurgeRecord& purge) const {
  const auto& purges = history_->purges_for(purge.server, purge.token);
  return std::any_of(purges.begin(), purges.end(), [&](std::size_t i) {
    const PurgeRecord& other = history_->purges[i];
    if (&other == &purge || other.refused || was_lifted(other) || other.sent.stamp > purge.acked.stamp) return false;
    return purge.received.mono < dead_from_at_most(purge.acked, other) + dead_for_at_most();
  });
}

// A dead token explains a false from the moment its purge may have been applied until it surely was forgotten.
bool Oracle::purge_explains_false(const AskRecord& ask, const PurgeRecord& purge) const {
  if (purge.refused || purge.sent.stamp > ask.replied.stamp) return false;
  if (was_lifted(purge) && purge.acked.happened() && purge.acked.stamp < ask.received.stamp &&
      !found_it_dead(purge)) {
    return false;
  }
  return ask.received.mono < dead_from_at_most(ask.received, purge) + dead_for_at_most();
}

// I19: a false has a cause. I18: a failed call is none.
void Oracle::judge_false(const AskRecord& ask) {
  if (ask.kind == AskKind::kImpossibleToken) return;
  const auto& calls = history_->calls_for(ask.server, ask.token);
  const auto& purges = history_->purges_for(ask.server, ask.token);
  const bool said = std::any_of(calls.begin(), calls.end(),
                                [&](std::size_t i) {
                                  const CallRecord& call = history_->calls[i];
                                  return call_explains_false(ask, call) || claim_explains_false(ask, call);
                                });
  const bool dead = std::any_of(purges.begin(), purges.end(),
                                [&](std::size_t i) { return purge_explains_false(ask, history_->purges[i]); });
  if (said || dead) return;
  const bool failed = std::any_of(calls.begin(), calls.end(), [&](std::size_t i) {
    const CallRecord& call = history_->calls[i];
    return call.verdict == Verdict::kNothing && call.ended.happened() && call.ended.stamp > ask.received.stamp;
  });
  found(failed ? "I18" : "I19",
        std::string(failed ? "a failed call became a false" : "a false without a cause") + " (request " +
            std::to_string(ask.id) + ")",
        ask.server, ask.token);
}

// Did the daemon surely know the token when it was revoked? Only then it must remember it for all of tombstone_ttl: an
// unknown one is kept for hold + flight time (F102). A flight under way all the time, or a fresh stored answer, says so.
bool Oracle::certainly_known(const PurgeRecord& purge) const {
  if (purge.kind == PurgeKind::kOperator) return true;
  if (excuses_().evicted) return false;
  const auto& calls = history_->calls_for(purge.server, purge.token);
  return std::any_of(calls.begin(), calls.end(), [&](std::size_t i) {
    const CallRecord& call = history_->calls[i];
    if (call.started.stamp > purge.sent.stamp || call.is_revocation) return false;
    // In flight from before it was sent until after it was acknowledged.
    if (!call.ended.happened() || call.ended.stamp > purge.acked.stamp) return true;
    return stands_stored(call, purge);
  });
}

// Stored before the purge was sent, and fresh still when it was acknowledged: nothing has removed it in between.
// `but`: a call that is not counted as a later one.
bool Oracle::stands_stored(const CallRecord& call, const PurgeRecord& purge, std::uint64_t but) const {
  if (call.verdict != Verdict::kActive || call.ended.stamp > purge.sent.stamp) return false;
  if (call.started.stamp < history_->node_started.stamp) return false;
  // Where a channel may prolong a life, it is counted in ticks once more.
  const Duration rounded = knobs_->servers[call.server].feed.events ? 2 * kTick : kTick;
  const Duration age = purge.acked.mono - call.started.mono + rounded;
  if (call.credential != history_->credential[call.server]) return false;
  // What outlived the memory of purges is not stored: one that it should have met may be forgotten (I6, F108).
  if (call.ended.mono - call.started.mono > knobs_->longest_flight()) return false;
  const bool from_the_future = call.iat && seconds_of(*call.iat) > world_->least_wall(call.started, call.ended);
  if (call.nbf || from_the_future || age >= life_at_least(call) || excuses_().raised_floor) return false;
  if (claim_disturbs(call, purge.acked)) return false;
  if (call.exp) {
    const WallTime end = seconds_of(*call.exp) - knobs_->exp_skew;
    if (age >= end - call.started.wall) return false;
    if (world_->greatest_wall(call.started, purge.acked) + kTick >= end) return false;
  }
  bool disturbed = false;
  each_purge(purge.server, purge.token, [&](const PurgeRecord& other) {
    if (&other == &purge || other.refused) return;
    disturbed = disturbed || !other.acked.happened() || other.acked.stamp > call.started.stamp;
  });
  const auto& calls = history_->calls_for(purge.server, purge.token);
  return !disturbed && std::none_of(calls.begin(), calls.end(), [&](std::size_t i) {
    return history_->calls[i].started.stamp > call.started.stamp && history_->calls[i].id != but;
  });
}

MonoTime Oracle::dead_until_at_least(const PurgeRecord& purge) const {
  return purge.received.mono + (certainly_known(purge) ? knobs_->tombstone_ttl
                                                       : std::min(knobs_->tombstone_ttl, knobs_->unknown_ttl()));
}

// I4: after a token is dead every reply for it is false for tombstone_ttl.
void Oracle::i4_sticky(const AskRecord& ask) {
  if (ask.body == R"({"active":false})" || excuses_().forgot_dead) return;
  for (const std::size_t i : history_->purges_for(ask.server, ask.token)) {
    const PurgeRecord& purge = history_->purges[i];
    if (!was_applied(purge) || was_lifted(purge) || purge.acked.stamp > ask.received.stamp) continue;
    if (ask.replied.mono >= dead_until_at_least(purge) || !survived(purge, ask.replied)) continue;
    found("I4", "a dead token was not false (request " + std::to_string(ask.id) + "): " + std::to_string(ask.status),
          ask.server, ask.token);
  }
}

// I4: … without asking upstream.
void Oracle::i4_dead_is_not_asked(const CallRecord& call) {
  if (call.is_revocation || excuses_().forgot_dead) return;
  for (const std::size_t i : history_->purges_for(call.server, call.token)) {
    const PurgeRecord& purge = history_->purges[i];
    if (!was_applied(purge) || was_lifted(purge) || purge.acked.stamp > call.started.stamp) continue;
    if (call.started.mono >= dead_until_at_least(purge) || !survived(purge, call.started)) continue;
    found("I4", "the server was asked for a dead token by call " + std::to_string(call.id), call.server, call.token);
  }
}

}  // namespace introspectd::sim
