// TokenCache's purges by claim and of whole authorization servers: entered, judged, imported (DESIGN §5).
#include <algorithm>

#include "base/assert.h"
#include "base/mutant.h"
#include "cache/token_cache.h"

namespace introspectd::cache {
namespace {

std::uint32_t cut_off_of(std::int64_t event_time) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(event_time, 0, kFarExp));
}

void raise(std::atomic<Seq>& floor, Seq seq) { floor.store(seq, std::memory_order_release); }

PurgeKind kind_of(oauth::SignalKind kind) {
  switch (kind) {
    case oauth::SignalKind::kCutOff: return PurgeKind::kCutOff;
    case oauth::SignalKind::kLogout: return PurgeKind::kLogout;
    case oauth::SignalKind::kHold:
    case oauth::SignalKind::kDead:
    case oauth::SignalKind::kFlush:
    case oauth::SignalKind::kForgetNegatives: break;
  }
  return PurgeKind::kHold;
}

}  // namespace

// What is known of purges beyond what named the ticket's token or AS: by the claims of the answer.
void TokenCache::judge_purges(const Ticket& ticket, const Determination& what, bool said_active, Now now,
                              Commit& result) const {
  const ServerMarks& marks = marks_[ticket.server];
  if (!said_active) {
    const Seq floor = marks.negative_floor.load(std::memory_order_relaxed);
    if (floor > ticket.seq && !MUTANT(negatives_not_forgotten)) result.purge.add({floor, false, false, ticket.seq + 1});
    return;
  }
  if (!what.active) return;
  const Issued issued{what.iat, what.offline_access};
  const ClaimPurges::Subject subject{what.tags, every_token_tags_[ticket.server], issued, ticket.seq, what.born};
  const ClaimPurges::Match match = purges_->match(subject, tick_of(now.mono));
  result.purge.add(match.purge);
  result.by_sub = match.by_sub;
  if (what.iat != 0 && what.iat <= marks.issued_before.load(std::memory_order_relaxed) &&
      !MUTANT(issued_before_ignored)) {
    result.purge.dead = true;
  }
  if (what.born < hold_all_until_[ticket.server]) result.purge.hold = true;
}

Seq TokenCache::enter_purge(ServerId server, const oauth::Signal& signal, Now now) {
  CHECK_INVARIANT(signal.kind != oauth::SignalKind::kDead);
  const Seq seq = next_seq();
  if (signal.kind == oauth::SignalKind::kFlush) {
    raise_floor(server, seq);
    return seq;
  }
  if (signal.kind == oauth::SignalKind::kForgetNegatives) {
    raise(marks_[server].negative_floor, seq);
    return seq;
  }
  ClaimPurge purge;
  purge.seq = seq;
  purge.server = server;
  purge.kind = kind_of(signal.kind);
  purge.cut_off = cut_off_of(signal.event_time);
  purge.hold_until = end_tick(now.mono + options_.hold);
  if (purge.kind == PurgeKind::kCutOff) purge.keep_until = end_tick(now.mono + options_.tombstone_ttl);
  enter_claims(server, signal, purge, now);
  wanted_ = seq;
  ++purge_changes_;
  return seq;
}

// Every member of the match narrows: the rarest is the tag that is entered, client_id beside it the constraint. A
// session is named by its sid; answers without one are matched by its sub (STD 5.29).
void TokenCache::enter_claims(ServerId server, const oauth::Signal& signal, ClaimPurge purge, Now now) {
  const oauth::ClaimMatch& match = signal.match;
  const BootKey& key = claim_keys_[server];
  const std::uint64_t client = claim_tag(key, ClaimKind::kClientId, match.client_id);
  if (match.empty()) {
    purge.tag = every_token_tags_[server];
    enter_of_all(server, purge, now);
    return;
  }
  if (!match.jti.empty()) {
    purge.tag = claim_tag(key, ClaimKind::kJti, match.jti);
    enter_claim(ClaimKind::kJti, purge, now);
    return;
  }
  if (!match.sid.empty()) {
    purge.tag = claim_tag(key, ClaimKind::kSid, match.sid);
    purge.constraint = client;
    enter_claim(ClaimKind::kSid, purge, now);
    if (match.sub.empty()) sid_answers_[server].purged();
    if (match.sub.empty() || MUTANT(fallback_to_sub_left_out)) return;
    purge.without_sid = true;
  }
  if (!match.sub.empty()) {
    purge.tag = claim_tag(key, ClaimKind::kSub, match.sub);
    purge.constraint = client;
    enter_claim(ClaimKind::kSub, purge, now);
    return;
  }
  if (!match.sid.empty()) return;
  purge.tag = client;
  enter_claim(ClaimKind::kClientId, purge, now);
}

// Reads are judged by the AS's marks instead of by live tags.
void TokenCache::enter_of_all(ServerId server, const ClaimPurge& purge, Now now) {
  ServerMarks& marks = marks_[server];
  if (purge.kind == PurgeKind::kCutOff) {
    const std::uint32_t before = marks.issued_before.load(std::memory_order_relaxed);
    marks.issued_before.store(std::max(before, purge.cut_off), std::memory_order_release);
    raise(marks.undated_floor, purge.seq);
  } else {
    raise_floor(purge.server, purge.seq);
  }
  remember(purge, now);
}

void TokenCache::enter_claim(ClaimKind kind, const ClaimPurge& purge, Now now) {
  remember(purge, now);
  if (floor(purge.server) == purge.seq) return;   // nothing older is left to be hidden
  if (live_->enter(kind, purge.tag, purge.seq)) return;
  // It is remembered for commits; entries, which live would have hidden, are hidden by the floor.
  if (!MUTANT(floor_not_raised_when_full)) raise_floor(purge.server, purge.seq);
  ++floors_raised_;
}

// For what may still arrive.
void TokenCache::remember(const ClaimPurge& purge, Now now) {
  const ClaimPurges::Entered entered = purges_->enter(purge, tick_of(now.mono), swept_);
  if (entered == ClaimPurges::Entered::kNoRoom) no_room(purge);
  if (entered != ClaimPurges::Entered::kFiltered) return;
  filtered_until_[purge.server] = std::max(filtered_until_[purge.server], purge.hold_until);
}

// No purge is silently dropped (I6): the AS's older entries and fills go, and nothing that starts within its hold is
// stored.
void TokenCache::no_room(const ClaimPurge& purge) {
  ++floors_raised_;
  if (MUTANT(floor_not_raised_when_full)) return;
  raise_floor(purge.server, purge.seq);
  hold_all_until_[purge.server] = std::max(hold_all_until_[purge.server], purge.hold_until);
}

void TokenCache::raise_floor(ServerId server, Seq seq) {
  raise(marks_[server].floor, seq);
  floors_[server].rose(seq);
}

// A lookup that locks after it sees what was entered before; one before was decided before the acknowledgement (I5).
void TokenCache::barrier() {
  if (MUTANT(barrier_left_out)) return;
  for (const std::unique_ptr<GuardedShard>& shard : shards_) shard->with([this](Shard&) { ++shards_passed_; });
}

Seq TokenCache::flush(ServerId server) {
  const Seq seq = next_seq();
  raise_floor(server, seq);
  barrier();
  return seq;
}

// G is rounded up and L down: what the channel covers is never made more than it is.
void TokenCache::set_channel(ServerId server, const ChannelView& view) {
  ServerMarks& marks = marks_[server];
  const std::int64_t age = std::min<std::int64_t>(view.age_most.count() / kTickNs, 0xfffffff0LL);
  marks.age_most.store(static_cast<std::uint32_t>(std::max<std::int64_t>(age, 0) + 1), std::memory_order_relaxed);
  const std::uint64_t since = tick_of(view.since + Duration{kTickNs - 1});
  const std::uint64_t stretch = view.contiguous ? (since << 32U) | tick_of(view.proof) : 0;
  marks.channel.store(stretch, std::memory_order_release);
}

void TokenCache::import_purge(const KeptPurge& purge, Now now) {
  ++purge_changes_;
  if (const auto* const dead = std::get_if<KeptDeadToken>(&purge)) {
    import_dead(*dead, now);
    return;
  }
  const Seq seq = next_seq();
  if (const auto* const before = std::get_if<KeptIssuedBefore>(&purge)) {
    ServerMarks& marks = marks_[before->server];
    const std::uint32_t old = marks.issued_before.load(std::memory_order_relaxed);
    marks.issued_before.store(std::max(old, before->issued_before), std::memory_order_release);
    raise(marks.undated_floor, seq);
    return;
  }
  if (const auto* const hold = std::get_if<KeptHoldOfAll>(&purge)) {
    raise_floor(hold->server, seq);
    hold_all_until_[hold->server] = std::max(hold_all_until_[hold->server], end_tick(now.mono + hold->left));
    return;
  }
  const auto& claim = std::get<KeptClaimPurge>(purge);
  if (claim.left <= Duration::zero() || claim.tag == 0) return;
  ClaimPurge entered;
  entered.tag = claim.tag;
  entered.constraint = claim.constraint;
  entered.seq = seq;
  entered.cut_off = claim.cut_off;
  entered.hold_until = claim.hold_left > Duration::zero() ? end_tick(now.mono + claim.hold_left) : 0;
  entered.keep_until = end_tick(now.mono + claim.left);
  entered.server = claim.server;
  entered.kind = claim.kind;
  entered.without_sid = claim.without_sid;
  raise_floor(claim.server, seq);   // no claim kind is known to make it live by; a cold cache loses nothing
  remember(entered, now);
  wanted_ = seq;
}

void TokenCache::import_dead(const KeptDeadToken& dead, Now now) {
  if (dead.left <= Duration::zero()) return;
  const Seq seq = next_seq();
  const Tick until = end_tick(now.mono + dead.left);
  const Shard::Purge purge{.seq = seq, .until = until, .unknown_until = until, .trusted = true};
  const std::uint64_t at = place(dead.token);
  shard_of(at).with([&](Shard& shard) {
    shard.purge_token(dead.token, at, dead.server, views_of_server_[dead.server], purge, tick_of(now.mono));
  });
}

TokenCache::PurgeCounts TokenCache::purge_counts() const {
  PurgeCounts counts;
  counts.kept = purges_->size();
  counts.kept_most = purges_->capacity();
  counts.filter_most = purges_->filter_capacity();
  counts.live = live_->size();
  counts.forgotten_early = purges_->forgotten_early();
  counts.filtered = purges_->filtered();
  counts.floors_raised = floors_raised_;
  for (const SidAnswers& answers : sid_answers_) counts.unmappable_sids += answers.unmappable();
  counts.laps = laps_;
  counts.checked_records = checked_records_;
  counts.swept_records = swept_records_;
  counts.shards_passed = shards_passed_;
  return counts;
}

}  // namespace introspectd::cache
