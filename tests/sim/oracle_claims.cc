// What a purge by claim forbids and what it explains (I1-I4, I19, SPEC §6): the oracle matches claims by itself, from
// what each call's answer said of its token.
#include <algorithm>

#include "tests/sim/oracle.h"

namespace introspectd::sim {
namespace {

constexpr Duration kTick = std::chrono::milliseconds{16};

bool leaves_open_or_names(const std::string& wanted, const std::string& claim) {
  return wanted.empty() || wanted == claim;
}

// A time ahead of the daemon's clock counts as its clock: it must not make tokens false that are issued later (F107).
std::int64_t time_heeded(const PurgeRecord& purge) {
  if (!purge.acked.happened()) return purge.event_time;
  const WallTime clock = std::min(purge.received.wall, purge.acked.wall);
  return WallTime::from_seconds(purge.event_time) <= clock ? purge.event_time : clock.ms() / 1000;
}

bool is_issued_by(const PurgeRecord& purge, const CallRecord& call) {
  return call.iat.has_value() && *call.iat <= time_heeded(purge);
}

// An undated purge speaks of what was issued until it arrived.
bool may_be_issued_by(const PurgeRecord& purge, const CallRecord& call) {
  if (!call.iat || is_issued_by(purge, call)) return call.iat.has_value();
  if (!purge.undated) return *call.iat <= purge.event_time;
  return !purge.acked.happened() || WallTime::from_seconds(*call.iat) <= purge.acked.wall;
}

// Every member narrows; an answer without a sid is matched by sub where the purge has both (STD 5.29).
bool surely_matches(const PurgeRecord& purge, const CallRecord& call) {
  const Claims& wanted = purge.claims;
  const Claims& has = call.claims;
  if (!leaves_open_or_names(wanted.jti, has.jti) || !leaves_open_or_names(wanted.client_id, has.client_id)) return false;
  if (wanted.sid.empty() || !has.sid.empty()) {
    return leaves_open_or_names(wanted.sid, has.sid) && leaves_open_or_names(wanted.sub, has.sub);
  }
  return !wanted.sub.empty() && wanted.sub == has.sub;
}

// A sid belongs to one subject, so that a purge which names both may go by the sid alone.
bool may_match(const PurgeRecord& purge, const CallRecord& call) {
  const bool same_session = !purge.claims.sid.empty() && purge.claims.sid == call.claims.sid;
  return same_session || surely_matches(purge, call);
}

// Until it has looked at every entry, a cache may go by one claim of several: it asks once more than it must.
bool touches(const PurgeRecord& purge, const CallRecord& call) {
  const auto same = [](const std::string& wanted, const std::string& claim) { return !wanted.empty() && wanted == claim; };
  const Claims& wanted = purge.claims;
  const Claims& has = call.claims;
  return wanted.empty() || same(wanted.sub, has.sub) || same(wanted.sid, has.sid) ||
         same(wanted.client_id, has.client_id) || same(wanted.jti, has.jti);
}

// Whether an answer is asked for again by this purge: what a new login brought is spared (SPEC §6, cut-off).
bool asks_again(const PurgeRecord& purge, const CallRecord& call) {
  if (purge.kind == PurgeKind::kHold) return true;
  return !call.iat || is_issued_by(purge, call);
}

// What such an answer is while the purge lasts: false, or asked and not stored.
bool is_dead_by(const PurgeRecord& purge, const CallRecord& call) {
  if (!is_issued_by(purge, call)) return false;
  return purge.kind == PurgeKind::kCutOff || (purge.kind == PurgeKind::kLogout && !call.offline_access);
}

bool may_be_dead_by(const PurgeRecord& purge, const CallRecord& call) {
  if (!may_be_issued_by(purge, call)) return false;
  return purge.kind == PurgeKind::kCutOff || (purge.kind == PurgeKind::kLogout && !call.offline_access);
}

bool is_held_by(const PurgeRecord& purge, const CallRecord& call) {
  if (purge.claims.empty()) return false;   // of a whole server: by its floor alone
  return asks_again(purge, call) && !is_dead_by(purge, call);
}

}  // namespace

// Has it anything to do with what the calls for this token brought? Stories leave the others out.
bool Oracle::may_concern(const PurgeRecord& purge, const std::string& token) const {
  const auto& calls = history_->calls_for(purge.server, token);
  return calls.empty() || std::any_of(calls.begin(), calls.end(), [&](std::size_t i) {
    return touches(purge, history_->calls[i]);
  });
}

Duration Oracle::lasts(const PurgeRecord& purge) const {
  return purge.kind == PurgeKind::kCutOff ? knobs_->tombstone_ttl : knobs_->hold;
}

// The moment from `now` on which it surely says nothing any more. What a whole server issued before is never forgotten.
MonoTime Oracle::over_at_most(const PurgeRecord& purge, const Moment& now) const {
  constexpr Duration kForEver = std::chrono::hours{24 * 365};
  const bool of_all = purge.kind == PurgeKind::kCutOff && purge.claims.empty();
  // A cut-off that is to last for less than a flight may take is remembered for that long.
  const Duration kept = std::max(lasts(purge), knobs_->hold + knobs_->longest_flight());
  const Duration most = of_all ? kForEver : purge.kind == PurgeKind::kCutOff ? kept : lasts(purge);
  return applied_at_most(purge, now) + most + 3 * kTick;
}

// The latest moment at which it may have been applied: a feed may deliver it again after its acknowledgement, and a daemon
// that is started again finds it on its disk, where it lasts for what was left of it when it was written.
MonoTime Oracle::applied_at_most(const PurgeRecord& purge, const Moment& now) const {
  if (!purge.acked.happened()) return now.mono;
  const bool found_again = knobs_->has_disk && history_->node_started.stamp > purge.acked.stamp;
  return std::max({purge.acked.mono, purge.delivered_last.mono, found_again ? history_->node_started.mono : MonoTime{}});
}

// I1, I2, I3 for what an acknowledged purge names by a claim of the answer.
void Oracle::i1_i2_i3_claims(const Served& served) {
  const auto& [ask, call, stored] = served;
  for (const std::size_t i : history_->claim_purges_of[ask.server]) {
    const PurgeRecord& purge = history_->purges[i];
    if (!purge.by_claim() || !surely_matches(purge, call) || !asks_again(purge, call)) continue;
    judge_start(served, purge);
    i4_cut_off(served, purge);
    hold_is_not_stored(served, purge);
    i13_elsewhere(served, purge);
  }
}

// I4: what a cut-off or a logout names is false while it lasts, whatever the server goes on saying.
void Oracle::i4_cut_off(const Served& served, const PurgeRecord& purge) {
  const auto& [ask, call, stored] = served;
  if (!was_applied(purge) || purge.acked.stamp >= ask.received.stamp || !is_dead_by(purge, call)) return;
  if (ask.replied.mono >= purge.received.mono + lasts(purge)) return;
  if (purge.kind == PurgeKind::kCutOff && excuses_().forgot_claims) return;
  if (!survived(purge, ask.replied)) return;
  found("I4", "a true for what a cut-off or a logout names (request " + std::to_string(ask.id) + ", from call " +
                  std::to_string(call.id) + ")", ask.server, ask.token);
}

// I13 across the fleet: what another node has accepted is known here, or nothing from before it is served for longer than
// ttl: no proof of a channel that is younger may be believed meanwhile.
void Oracle::i13_elsewhere(const Served& served, const PurgeRecord& purge) {
  const auto& [ask, call, stored] = served;
  const Moment& accepted = purge.accepted_elsewhere;
  if (!stored || !accepted.happened() || call.started.stamp > accepted.stamp) return;
  if (ask.received.mono - accepted.mono <= knobs_->ttl) return;
  found("I13", "served beyond ttl from before what another node accepted (request " + std::to_string(ask.id) +
                   ", from call " + std::to_string(call.id) + ")", ask.server, ask.token);
}

// SPEC §6: within the hold the server is asked and nothing is stored.
void Oracle::hold_is_not_stored(const Served& served, const PurgeRecord& purge) {
  const auto& [ask, call, stored] = served;
  if (!stored || !was_applied(purge) || !is_held_by(purge, call)) return;
  const bool within = call.ended.stamp > purge.acked.stamp && call.ended.mono < purge.received.mono + knobs_->hold;
  if (!within || !survived(purge, call.ended)) return;
  found("I2", "an answer was stored within a hold (request " + std::to_string(ask.id) + ", from call " +
                  std::to_string(call.id) + ")", ask.server, ask.token);
}

// I19: the answer that a request waited for said active, and a cut-off or a logout names it.
bool Oracle::claim_explains_false(const AskRecord& ask, const CallRecord& call) const {
  if (call.verdict != Verdict::kActive || !call.ended.happened()) return false;
  if (call.ended.stamp > ask.replied.stamp || call.ended.stamp < ask.received.stamp) return false;
  const auto& purges = history_->claim_purges_of[ask.server];
  return std::any_of(purges.begin(), purges.end(), [&](std::size_t i) {
    const PurgeRecord& purge = history_->purges[i];
    if (!purge.by_claim() || purge.refused || purge.sent.stamp > ask.replied.stamp) return false;
    if (!may_match(purge, call) || !may_be_dead_by(purge, call)) return false;
    return call.started.mono < over_at_most(purge, call.ended);
  });
}

// Does a purge by claim keep the cache from having this answer at `until`, or may it?
bool Oracle::claim_disturbs(const CallRecord& call, const Moment& until) const {
  const auto& purges = history_->claim_purges_of[call.server];
  return std::any_of(purges.begin(), purges.end(), [&](std::size_t i) {
    const PurgeRecord& purge = history_->purges[i];
    if (purge.refused || !purge.by_claim() || !touches(purge, call) || purge.sent.stamp > until.stamp) return false;
    if (!purge.acked.happened() || applied_at_most(purge, until) >= call.started.mono) return true;
    if (!may_match(purge, call)) return false;
    const bool lasting = purge.kind != PurgeKind::kCutOff || may_be_issued_by(purge, call);
    if (lasting) return call.started.mono < over_at_most(purge, until);
    return call.started.mono < applied_at_most(purge, until) + knobs_->hold + 3 * kTick;
  });
}

// RISC account-enabled: what was said inactive before it is asked for again.
bool Oracle::negatives_forgotten(const AskRecord& ask, const CallRecord& call) const {
  const auto& purges = history_->claim_purges_of[ask.server];
  return std::any_of(purges.begin(), purges.end(), [&](std::size_t i) {
    const PurgeRecord& purge = history_->purges[i];
    return purge.kind == PurgeKind::kForgetNegatives && was_applied(purge) && purge.acked.stamp < ask.received.stamp &&
           call.started.stamp < purge.received.stamp;
  });
}

}  // namespace introspectd::sim
