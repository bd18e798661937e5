#include "cache/shard.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/assert.h"
#include "base/mutant.h"

namespace introspectd::cache {
namespace {

constexpr int kSecondChancesMost = 16;   // per insertion: bounds the work of a commit

RecordHeader& record_at(Ring& ring, std::size_t offset) {
  return *std::launder(reinterpret_cast<RecordHeader*>(ring.at(offset)));
}

std::byte* bytes_of(RecordHeader& record) { return reinterpret_cast<std::byte*>(&record); }

oauth::AudienceMask audience_of(RecordHeader& record) {
  if (record.has_audience == 0) return 0;
  oauth::AudienceMask mask = 0;
  std::memcpy(&mask, bytes_of(record) + sizeof(RecordHeader) + sizeof(ClaimTags), sizeof mask);
  return mask;
}

ClaimTags tags_of(const RecordHeader& record) {
  ClaimTags tags;
  std::memcpy(tags.data(), reinterpret_cast<const std::byte*>(&record) + sizeof(RecordHeader), sizeof tags);
  return tags;
}

bool is_fresh(const RecordHeader& record, ReadTime now, const ReadRules& rules) {
  const bool living = MUTANT(dies_inclusive) ? now.tick <= record.dies : now.tick < record.dies;
  const Duration skew = MUTANT(exp_skew_ignored) ? Duration::zero() : rules.exp_skew;
  const bool current = MUTANT(exp_ignored_on_hit) || before_exp(record.exp, now.wall, skew);
  return living && current && rules.marks.allow(record.seq, record.iat) &&
         rules.marks.channel_allows(record.born, now.tick) &&
         (rules.live.empty() || rules.live.newest(tags_of(record)) < record.seq);
}

}  // namespace

Shard::Shard(const ShardMemory& memory, const BootKey& key)
    : ring_(memory.ring),
      index_(memory.index, ring_),
      negatives_(memory.negatives),
      dead_(memory.dead),
      boot_key_(key) {}

LookupResult Shard::lookup(const Key& key, ReadTime now, const ReadRules& rules, oauth::AudienceMask audience,
                           std::span<char> room) {
  RecordHeader* const record = index_.find(key.place, key.token, key.view);
  if (record != nullptr && is_fresh(*record, now, rules)) return serve(*record, audience, room);
  return {.outcome = lookup_inactive(key, now, rules.marks)};
}

void Shard::prefetch_bucket(std::uint64_t place, ViewId view) const { index_.prefetch_bucket(place, view); }

void Shard::prefetch_record(std::uint64_t place, ViewId view) const { index_.prefetch_record(place, view); }

LookupResult Shard::serve(RecordHeader& record, oauth::AudienceMask audience, std::span<char> room) {
  const bool for_this_caller = audience == 0 || (audience_of(record) & audience) != 0;
  if (!for_this_caller && !MUTANT(policy_skipped_on_hit)) return {.outcome = LookupOutcome::kAudience};
  const std::size_t size = record.body_bytes;
  if (room.size() < size) return {.outcome = LookupOutcome::kTooSmall, .body_bytes = size};
  if (record.asked_again == 0) record.asked_again = 1;   // written only if unset: the line stays clean
  if (MUTANT(hit_slides_the_ttl)) record.dies += 64;
  std::memcpy(room.data(), bytes_of(record) + body_offset(record), size);
  return {.outcome = LookupOutcome::kHit, .body_bytes = size};
}

LookupOutcome Shard::lookup_inactive(const Key& key, ReadTime now, const ServerMarks& marks) {
  if (dead_.find(key.place, key.token, key.server, now.tick) != nullptr) return LookupOutcome::kDead;
  const NegativeSlot* const negative = negatives_.find(key.place, key.token, key.view);
  const bool living = negative != nullptr && (now.tick < negative->dies || MUTANT(negative_never_expires));
  const Seq floor = std::max(marks.floor.load(std::memory_order_acquire),
                             MUTANT(negatives_not_forgotten) ? 0 : marks.negative_floor.load(std::memory_order_acquire));
  const bool fresh = living && (negative->seq > floor || MUTANT(negative_ignores_the_floor));
  return fresh ? LookupOutcome::kNegative : LookupOutcome::kMiss;
}

CommitOutcome Shard::refuse(const Key& key, Seq flight, Seq floor, Tick now) {
  if (dead_.find(key.place, key.token, key.server, now) != nullptr && !MUTANT(insert_after_purge)) {
    return CommitOutcome::kRefusedDead;
  }
  if (std::max(floor, fill_floor_) >= flight && !MUTANT(fill_under_the_floor)) return CommitOutcome::kRefusedFloor;
  const RecordHeader* const record = index_.find(key.place, key.token, key.view);
  const NegativeSlot* const negative = negatives_.find(key.place, key.token, key.view);
  const bool newer = (record != nullptr && record->seq > flight) || (negative != nullptr && negative->seq > flight);
  return newer && !MUTANT(older_answer_wins) ? CommitOutcome::kRefusedNewer : CommitOutcome::kStored;
}

CommitOutcome Shard::commit(const Key& key, const Determination& what, Seq floor, Tick now) {
  if (const CommitOutcome refused = refuse(key, what.seq, floor, now); refused != CommitOutcome::kStored) {
    return refused;
  }
  if (what.active && what.storable) {
    negatives_.erase(key.place, key.token, key.view);
    store_active(key, what, now);
    return CommitOutcome::kStored;
  }
  if (RecordHeader* const old = index_.find(key.place, key.token, key.view)) {
    drop(*old, key.place);
    ++counts_.replaced;
  }
  if (what.storable) {
    store_negative(key, what, now);
    return CommitOutcome::kStored;
  }
  negatives_.erase(key.place, key.token, key.view);
  return CommitOutcome::kNotStorable;
}

void Shard::store_active(const Key& key, const Determination& what, Tick now) {
  const std::size_t size = record_bytes(what.body.size(), what.audience != 0);
  if (RecordHeader* const old = index_.find(key.place, key.token, key.view)) {
    ++counts_.replaced;
    if (record_bytes(*old) == size) {   // a refresh of the same length happens in place
      ++counts_.inserted;
      const bool asked_again = old->asked_again != 0;
      write_record(bytes_of(*old), key, what);
      old->asked_again = asked_again ? 1 : 0;
      return;
    }
    drop(*old, key.place);
  }
  make_room(size, now);
  const std::size_t offset = ring_.append(size);
  write_record(ring_.at(offset), key, what);
  index_.insert(key.place, key.view, offset);
  ++counts_.inserted;
  ++counts_.entries;
  counts_.used_bytes = ring_.used();
}

void Shard::store_negative(const Key& key, const Determination& what, Tick now) {
  const NegativeSlot slot{key.token, what.seq, what.dies, key.view, key.server};
  ++counts_.negatives_inserted;
  if (negatives_.insert(key.place, slot, now)) ++counts_.negatives_evicted;
}

void Shard::write_record(std::byte* where, const Key& key, const Determination& what) {
  auto* const record = ::new (where) RecordHeader{
      .token = key.token,
      .seq = what.seq,
      .born = what.born,
      .dies = what.dies,
      .exp = what.exp,
      .iat = what.iat,
      .body_bytes = static_cast<std::uint32_t>(what.body.size() & 0xfffffU),
      .live = 1,
      .asked_again = 0,
      .has_audience = what.audience != 0 ? 1U : 0U,
      .offline_access = what.offline_access ? 1U : 0U,
      .view = key.view,
      .server = key.server,
  };
  std::memcpy(where + sizeof(RecordHeader), what.tags.data(), sizeof(ClaimTags));
  if (what.audience != 0) {
    std::memcpy(where + sizeof(RecordHeader) + sizeof(ClaimTags), &what.audience, sizeof what.audience);
  }
  std::memcpy(where + body_offset(*record), what.body.data(), what.body.size());
}

// Takes the record out of the index; its bytes wait for the tail to pass them.
void Shard::drop(RecordHeader& record, std::uint64_t place) {
  index_.erase(place, record.token, record.view);
  record.live = 0;
  --counts_.entries;
}

void Shard::make_room(std::size_t size, Tick now) {
  CHECK_INVARIANT(size <= ring_.capacity() / 2);
  int second_chances = 0;
  while (!ring_.fits(size) || index_.full()) {
    CHECK_INVARIANT(!ring_.empty());
    RecordHeader& oldest = record_at(ring_, ring_.tail());
    const bool expired = oldest.dies <= now;
    if (oldest.live != 0 && !expired && oldest.asked_again != 0 && second_chances < kSecondChancesMost) {
      ++second_chances;
      give_second_chance(oldest);
      continue;
    }
    if (oldest.live != 0) {
      ++(expired ? counts_.expired : counts_.evicted);
      drop(oldest, place_of(boot_key_, oldest.token));
    }
    ring_.pop(record_bytes(oldest));
  }
  counts_.used_bytes = ring_.used();
}

// The tail's block is given back and taken again at the head: after the pop there is always room for it, and its bytes
// are still readable; the two places may overlap.
void Shard::give_second_chance(RecordHeader& record) {
  record.asked_again = 0;
  const std::size_t size = record_bytes(record);
  const std::byte* const from = bytes_of(record);
  std::uint32_t& unit = index_.unit_of(place_of(boot_key_, record.token), record.token, record.view);
  const bool unchecked = ring_.first_position() >= sweep_at_ && ring_.first_position() < sweep_end_;
  ring_.pop(size);
  const std::size_t offset = ring_.append(size);
  if (unchecked && !MUTANT(moved_record_not_swept)) sweep_end_ = ring_.end_position();
  std::memmove(ring_.at(offset), from, size);
  unit = ShardIndex::to_unit(offset);
  ++counts_.second_chances;
}

Shard::PurgeResult Shard::purge_token(const TokenHash& token, std::uint64_t place, ServerId server,
                                      std::span<const ViewId> views, const Purge& purge, Tick now) {
  PurgeResult result;
  for (const ViewId view : views) {
    if (MUTANT(purge_spares_the_record)) continue;
    if (RecordHeader* const record = index_.find(place, token, view)) {
      drop(*record, place);
      ++counts_.purged;
      ++result.dropped_records;
    }
    negatives_.erase(place, token, view);
  }
  result.known = result.dropped_records != 0 || purge.flight_known;
  remember_dead(token, place, server, purge, result, now);
  return result;
}

void Shard::remember_dead(const TokenHash& token, std::uint64_t place, ServerId server, const Purge& purge,
                          PurgeResult& result, Tick now) {
  // Only an entry proves that an AS knows the token; a flight can be had for a made-up one (F102). Its own taint keeps
  // the flight's answer out, so such a slot may be forgotten like an unknown one.
  const bool unknown = result.dropped_records == 0 && !purge.trusted;
  const bool brief = unknown && !purge.flight_known;
  const DeadSlot slot{token, purge.seq, brief ? purge.unknown_until : purge.until, server,
                      static_cast<std::uint16_t>(unknown ? 1 : 0)};
  const DeadTokens::KeepResult kept = dead_.keep(place, slot, now);
  result.newly_dead = kept.kept != DeadTokens::Kept::kExtended;
  result.dead_since = kept.extended;
  result.known = result.known || !result.newly_dead;
  if (kept.kept == DeadTokens::Kept::kNoRoom) ++counts_.dead_forgotten_early;
  if (kept.kept != DeadTokens::Kept::kForgotAnother) return;
  ++counts_.dead_forgotten_early;
  // An older flight of a forgotten token may still end: no fill of this shard from before its purge is taken (I6).
  // An unknown one had no flight when it was revoked, and later flights started after it.
  const bool young = kept.forgotten.until > purge.young_after + purge.tombstone;
  if (kept.forgotten.unknown == 0 && young && !MUTANT(fill_floor_not_raised)) {
    fill_floor_ = std::max(fill_floor_, kept.forgotten.seq);
    ++counts_.fill_floor_raised;
  }
}

void Shard::begin_sweep() {
  sweep_at_ = ring_.first_position();
  sweep_end_ = ring_.end_position();
}

Shard::Swept Shard::sweep(const SweepRules& rules, std::span<Seq> dropped_by) {
  Swept result;
  sweep_at_ = std::max(sweep_at_, ring_.first_position());   // the tail may have passed it
  while (sweep_at_ < sweep_end_ && result.seen < dropped_by.size()) {
    RecordHeader& record = record_at(ring_, ring_.offset_at(sweep_at_));
    sweep_at_ += record_bytes(record);
    ++result.seen;
    if (record.live == 0) continue;
    const ClaimPurges::Match match = purged_by(record, rules);
    if (match.purge.newest == 0) continue;
    drop(record, place_of(boot_key_, record.token));
    ++counts_.purged;
    dropped_by[result.dropped++] = match.purge.newest;
    if (match.by_sub) ++result.by_sub;
  }
  result.done = sweep_at_ >= sweep_end_;
  return result;
}

// A hit asks only whether a purge is younger; the sweep asks whether it matches.
ClaimPurges::Match Shard::purged_by(const RecordHeader& record, const SweepRules& rules) {
  const ServerMarks& marks = rules.marks[record.server];
  if (!marks.allow(record.seq, record.iat)) {
    const Seq newest = std::max(marks.floor.load(std::memory_order_relaxed),
                                marks.undated_floor.load(std::memory_order_relaxed));
    return {{newest, true, false}, false};
  }
  const ClaimTags tags = tags_of(record);
  if (rules.live.newest(tags) < record.seq) return {};
  return rules.purges.match({tags, rules.every_token_tags[record.server], {record.iat, record.offline_access != 0},
                             record.seq, record.born}, rules.now);
}

bool Shard::knows(const TokenHash& token, std::uint64_t place, ServerId server, std::span<const ViewId> views,
                  Tick now) {
  return dead_.find(place, token, server, now) != nullptr || has_record(token, place, views);
}

bool Shard::has_record(const TokenHash& token, std::uint64_t place, std::span<const ViewId> views) {
  return std::any_of(views.begin(), views.end(),
                     [&](ViewId view) { return index_.find(place, token, view) != nullptr; });
}

bool Shard::lift_dead(const TokenHash& token, std::uint64_t place, ServerId server, Seq seq) {
  return dead_.lift(place, token, server, seq);
}

}  // namespace introspectd::cache
