#include "cache/claim_purges.h"

#include <algorithm>
#include <memory>
#include <new>

#include "base/assert.h"
#include "base/mutant.h"
#include "cache/slot_memory.h"

namespace introspectd::cache {
namespace {

Tick after(Tick tick, Tick by) { return tick > 0xffffffffU - by ? 0xffffffffU : tick + by; }

// The only constraint there is names a client; an answer need not (RFC 7662 §2.2).
bool has_no_client(const ClaimPurges::Subject& subject) {
  return subject.tags[static_cast<std::size_t>(ClaimKind::kClientId)] == 0;
}

}  // namespace

ClaimPurges::ClaimPurges(std::span<std::byte> memory, std::span<std::byte> filter_memory, Tick flight_ticks)
    : filter_(filter_memory), flight_ticks_(flight_ticks) {
  const std::size_t count = std::min(memory.size() / kEntryBytes, kEntriesMost);
  CHECK_INVARIANT(count > 0 && memory.size() >= count * (sizeof(Entry) + sizeof(std::uint32_t)));
  entries_ = {reinterpret_cast<Entry*>(memory.data()), count};   // each made when it is first taken
  chains_ = make_slots<std::uint32_t>(memory.subspan(count * sizeof(Entry), count * sizeof(std::uint32_t)), 1);
}

std::uint32_t& ClaimPurges::chain_of(std::uint64_t tag) { return chains_[scale(tag, chains_.size())]; }

std::uint32_t ClaimPurges::find(const ClaimPurge& purge) {
  std::uint32_t at = chain_of(purge.tag);
  for (; at != kNone; at = entry(at).chain) {
    const ClaimPurge& there = entry(at).purge;
    if (there.tag == purge.tag && there.constraint == purge.constraint && there.kind == purge.kind &&
        there.without_sid == purge.without_sid) {
      break;
    }
  }
  return at;
}

std::uint32_t ClaimPurges::take_free() {
  if (free_ != kNone) {
    const std::uint32_t at = free_;
    free_ = entry(at).chain;
    return at;
  }
  CHECK_INVARIANT(untouched_ < entries_.size());
  std::construct_at(&entries_[untouched_]);
  return static_cast<std::uint32_t>(++untouched_);
}

// At the young end of its order.
void ClaimPurges::append(std::uint32_t at) {
  Order& order = order_of(entry(at).purge);
  entry(at).older = order.newest;
  entry(at).newer = kNone;
  (order.newest == kNone ? order.oldest : entry(order.newest).newer) = at;
  order.newest = at;
}

void ClaimPurges::unlink(std::uint32_t at) {
  const Entry& gone = entry(at);
  Order& order = order_of(gone.purge);
  (gone.older == kNone ? order.oldest : entry(gone.older).newer) = gone.newer;
  (gone.newer == kNone ? order.newest : entry(gone.newer).older) = gone.older;
}

void ClaimPurges::forget(std::uint32_t at) {
  unlink(at);
  std::uint32_t* link = &chain_of(entry(at).purge.tag);
  while (*link != at) link = &entry(*link).chain;
  *link = entry(at).chain;
  entry(at).purge = ClaimPurge{};
  entry(at).chain = free_;
  free_ = at;
  --size_;
}

void ClaimPurges::forget_ended(const Order& order, Tick now, Seq swept) {
  constexpr int kEndedMost = 2;   // an entry comes, two of each order may go
  for (int i = 0; i < kEndedMost && order.oldest != kNone; ++i) {
    const ClaimPurge& oldest = entry(order.oldest).purge;
    if (oldest.keep_until > now || oldest.seq > swept) break;
    forget(order.oldest);
  }
}

// Where all entries are taken the oldest goes before its time, but never while a flight older than it, or one that
// started within its hold, may still end, and never before the sweep has carried it out (I6).
bool ClaimPurges::make_room(Tick now, Seq swept) {
  return forget_early(orders_[1], now, swept) || forget_early(orders_[0], now, swept);
}

bool ClaimPurges::forget_early(const Order& order, Tick now, Seq swept) {
  if (order.oldest == kNone) return false;
  const ClaimPurge& oldest = entry(order.oldest).purge;
  if (oldest.seq > swept || after(oldest.hold_until, flight_ticks_) > now) return false;
  if (oldest.keep_until > now) ++forgotten_early_;
  forget(order.oldest);
  return true;
}

// Its tag is held until hold and flight have ended.
bool ClaimPurges::filter(const ClaimPurge& purge, Tick now, Seq swept) {
  const Tick held = after(purge.hold_until, flight_ticks_);
  const bool taken = filter_.enter({purge.tag, purge.seq, purge.hold_until, held}, now, swept);
  if (taken) ++filtered_;
  return taken;
}

bool ClaimPurges::waits_for_sweep(Seq swept) const {
  if (size_ < entries_.size()) return false;
  return std::ranges::any_of(orders_, [&](const Order& order) {
    return order.oldest != kNone && entry(order.oldest).purge.seq > swept;
  });
}

ClaimPurges::Entered ClaimPurges::enter(const ClaimPurge& purge, Tick now, Seq swept) {
  ClaimPurge entered = purge;
  entered.keep_until = std::max(entered.keep_until, after(purge.hold_until, flight_ticks_));
  if (const std::uint32_t same = find(purge); same != kNone) {
    say_again(same, entered);
    return Entered::kKept;
  }
  for (const Order& order : orders_) forget_ended(order, now, swept);
  if (size_ == entries_.size()) {
    const bool lossless = purge.kind == PurgeKind::kHold && !MUTANT(hold_pushes_out_a_cut_off);
    if (lossless && filter(entered, now, swept)) return Entered::kFiltered;
    if (!make_room(now, swept)) return filter(entered, now, swept) ? Entered::kFiltered : Entered::kNoRoom;
  }
  const std::uint32_t at = take_free();
  entry(at).purge = entered;
  entry(at).since = 0;
  std::uint32_t& chain = chain_of(purge.tag);
  entry(at).chain = chain;
  chain = at;
  append(at);
  ++size_;
  return Entered::kKept;
}

void ClaimPurges::say_again(std::uint32_t at, const ClaimPurge& purge) {
  ClaimPurge& there = entry(at).purge;
  const Seq first = there.seq - entry(at).since;
  there.seq = std::max(there.seq, purge.seq);
  entry(at).since = static_cast<std::uint32_t>(std::min<Seq>(there.seq - first, ~std::uint32_t{0}));
  there.cut_off = MUTANT(cut_off_moves_back) ? purge.cut_off : std::max(there.cut_off, purge.cut_off);
  there.hold_until = std::max(there.hold_until, purge.hold_until);
  there.keep_until = std::max(there.keep_until, purge.keep_until);
  unlink(at);
  append(at);
}

bool ClaimPurges::matches(const ClaimPurge& purge, const Subject& subject, Tick now) const {
  const bool remembered = purge.keep_until > now || purge.seq > subject.seq;
  if (!remembered) return false;
  if (purge.without_sid && subject.tags[static_cast<std::size_t>(ClaimKind::kSid)] != 0) return false;
  return purge.constraint == 0 || MUTANT(constraint_ignored) || has_no_client(subject) ||
         std::find(subject.tags.begin(), subject.tags.end(), purge.constraint) != subject.tags.end();
}

void ClaimPurges::judge(std::uint64_t tag, const Subject& subject, Tick now, Match& result) const {
  for (std::uint32_t at = chains_[scale(tag, chains_.size())]; at != kNone; at = entry(at).chain) {
    const ClaimPurge& purge = entry(at).purge;
    if (purge.tag != tag || !matches(purge, subject, now)) continue;
    // "Started within the hold": the AS may have lied until its end, whenever the answer comes.
    const bool within_hold =
        subject.seq < purge.seq || (subject.start < purge.hold_until && !MUTANT(hold_missing));
    // An AS-wide cut-off spares what was issued after it; by claim the AS is asked about what is older than the purge,
    // for its time may be that of a clock that was set back (F107). So it is where the answer does not say whose it is.
    const bool ask_older = subject.seq < purge.seq && tag != subject.every_token;
    const bool unclear = purge.constraint != 0 && has_no_client(subject);
    ClaimFate fate = judge_claim(unclear ? PurgeKind::kHold : purge.kind, purge.cut_off, within_hold, subject.issued);
    if (fate == ClaimFate::kUntouched && ask_older && !MUTANT(younger_than_the_cut_off_kept)) fate = ClaimFate::kAsk;
    if (fate == ClaimFate::kUntouched) continue;
    MatchingPurge matching{purge.seq, fate == ClaimFate::kDead, fate == ClaimFate::kAsk};
    if (purge.seq > subject.seq) matching.oldest = std::max(purge.seq - entry(at).since, subject.seq + 1);
    result.purge.add(matching);
    result.by_sub = result.by_sub || purge.without_sid;
  }
  if (!filter_.idle(subject.seq, now)) result.purge.add(filter_.match(tag, subject.seq, subject.start, now));
}

ClaimPurges::Match ClaimPurges::match(const Subject& subject, Tick now) const {
  Match result;
  if ((size_ == 0 && filter_.idle(subject.seq, now)) || MUTANT(commit_table_ignored)) return result;
  for (const std::uint64_t tag : subject.tags) {
    if (tag != 0) judge(tag, subject, now, result);
  }
  judge(subject.every_token, subject, now, result);
  return result;
}

}  // namespace introspectd::cache
