#include "cache/token_cache.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "base/mutant.h"
#include "cache/shard_index.h"

namespace introspectd::cache {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::int64_t kLastTick = 0xffffffffLL;
// A record of a short answer, of 192 bytes; with smaller ones the index is full before the ring is.
constexpr std::size_t kRecordBytesExpected = 288;

std::size_t shard_count_for(std::size_t memory_bytes) {
  return std::clamp<std::size_t>(std::bit_floor(memory_bytes >> 20U), 8, 256);
}

std::span<std::byte> take(std::span<std::byte>& rest, std::size_t bytes) {
  const std::size_t aligned = bytes / kLine * kLine;
  const std::span<std::byte> taken = rest.first(aligned);
  rest = rest.subspan(aligned);
  return taken;
}

// DESIGN §5: 5 % of the whole is for purges by claim, up to what can be made use of; a third of it is for what is live, a
// quarter of the rest for the filter. Of what is left 8 % are for negatives, 4 % for dead tokens, the rest for rings and
// their indexes, which stand first: they are filled from end to end, the others are touched here and there or never.
struct Sizes {
  explicit Sizes(std::size_t whole) {
    const std::size_t of_claims = whole * 5 / 100;
    live = lines(std::min(of_claims / 3, LiveClaims::kSlotsMost * LiveClaims::kSlotBytes * 2));
    const std::size_t most = std::min(of_claims - live, ClaimPurges::kEntriesMost * ClaimPurges::kEntryBytes);
    filter = lines(std::min(most / 4, HoldFilter::kBytesMost));
    kept = lines(most - filter);
    const std::size_t of_shards = whole - live - filter - kept;
    negatives = lines(of_shards * 8 / 100);
    dead = lines(of_shards * 4 / 100);
    const std::size_t dense = of_shards - negatives - dead;
    constexpr std::size_t kRecords = ShardIndex::kTenthsMost * kRecordBytesExpected;   // for ten buckets
    constexpr std::size_t kBuckets = 10 * ShardIndex::kBucketBytes;
    index = lines(dense / (kRecords + kBuckets) * kBuckets);
    rings = lines(dense - index);
  }
  static std::size_t lines(std::size_t bytes) { return bytes / kLine * kLine; }

  std::size_t index = 0, rings = 0, negatives = 0, dead = 0, live = 0, filter = 0, kept = 0;
};

Tick ticks_in(Duration duration) {
  return static_cast<Tick>(std::clamp<std::int64_t>(duration.count() / kTickNs, 0, kLastTick));
}

}  // namespace

TokenCache::TokenCache(std::span<std::byte> memory, const CacheOptions& options, const ViewTable& views, MonoTime now)
    : options_(options),
      epoch_(now),
      memory_bytes_(memory.size()),
      views_of_server_(options.servers),
      marks_(options.servers) {
  CHECK_INVARIANT(memory.size() >= kMemoryLeast);
  CHECK_INVARIANT(reinterpret_cast<std::uintptr_t>(memory.data()) % kLine == 0);
  const Sizes sizes(memory.size());
  const std::size_t count = options.shards != 0 ? options.shards : shard_count_for(memory_bytes_);
  CHECK_INVARIANT(std::has_single_bit(count));
  std::span<std::byte> index = take(memory, sizes.index);
  std::span<std::byte> rings = take(memory, sizes.rings);
  if (!options.memory_is_zero) {
    std::fill(index.begin(), index.end(), std::byte{0});
    std::fill(memory.begin(), memory.end(), std::byte{0});
  }
  std::span<std::byte> negatives = take(memory, sizes.negatives);
  std::span<std::byte> dead = take(memory, sizes.dead);
  for (std::size_t left = count; left > 0; --left) {
    const ShardMemory part{.index = take(index, sizes.index / count),
                           .ring = take(rings, sizes.rings / count),
                           .negatives = take(negatives, sizes.negatives / count),
                           .dead = take(dead, sizes.dead / count)};
    shards_.push_back(std::make_unique<GuardedShard>(part, options.boot_key));
  }
  live_ = std::make_unique<LiveClaims>(take(memory, sizes.live));
  const std::span<std::byte> filter = take(memory, sizes.filter);
  purges_ = std::make_unique<ClaimPurges>(take(memory, sizes.kept), filter,
                                          ticks_in(options.longest_flight + std::chrono::seconds{1}) + 2);
  for (std::size_t view = 0; view < views.size(); ++view) {
    const auto id = static_cast<ViewId>(view);
    views_of_server_.at(views.server_of(id)).push_back(id);
  }
  make_servers();
}

void TokenCache::make_servers() {
  const bool own_key = options_.claim_key.k0 != 0 || options_.claim_key.k1 != 0;
  options_.traits.resize(options_.servers);
  for (std::size_t i = 0; i < options_.servers; ++i) {
    const ServerTraits& traits = options_.traits[i];
    claim_keys_.push_back(claim_key_of(own_key ? options_.claim_key : options_.boot_key,
                                       traits.name.empty() ? std::to_string(i) : traits.name));
    every_token_tags_.push_back(every_token_tag(claim_keys_.back()));
    FreshnessPolicy freshness = options_.freshness;
    if (!traits.has_channel) freshness.ttl_live = {};
    freshness_.push_back(freshness);
    // Nothing has been proven yet.
    if (traits.has_channel) set_channel(static_cast<ServerId>(i), {false, {}, {}, freshness.ttl});
  }
  hold_all_until_.resize(options_.servers);
  filtered_until_.resize(options_.servers);
  floors_.resize(options_.servers);
  sid_answers_.resize(options_.servers);
}

TokenCache::~TokenCache() = default;

std::size_t TokenCache::dense_bytes(std::size_t memory_bytes) {
  const Sizes sizes(memory_bytes);
  return sizes.index + sizes.rings;
}

// Rounded down: a tick stands for the 16 ms that begin with it. After 2.1 years the tick stands still at the last but
// one: every life has then ended (all is a miss, correct and slow), and dead tokens end later still.
Tick TokenCache::tick_of(MonoTime time) const {
  const std::int64_t ticks = (time - epoch_).count() / kTickNs;
  return static_cast<Tick>(std::clamp<std::int64_t>(ticks + 1, 1, kLastTick - 1));
}

// The end of a dead token: rounded up, and beyond every `now`, so that it never ends early (I4).
Tick TokenCache::end_tick(MonoTime time) const {
  const std::int64_t ticks = (time - epoch_).count() / kTickNs;
  return static_cast<Tick>(std::clamp<std::int64_t>(ticks + 2, 1, kLastTick));
}

LookupResult TokenCache::lookup(const Question& question, Now now, std::span<char> room) {
  return shard_of(question.place).with([&](Shard& shard) {
    const ReadRules rules{options_.freshness.exp_skew, marks_[question.server], *live_};
    LookupResult result = shard.lookup(question.key(), read_time(now), rules, question.audience, room);
    if (result.outcome == LookupOutcome::kMiss) result.seq = seq();   // under the lock: "seq at its lookup"
    return result;
  });
}

void TokenCache::prefetch_index(const Question& question) const {
  shard_of(question.place).constant().prefetch_bucket(question.place, question.view);
}

void TokenCache::prefetch_record(const Question& question) {
  shard_of(question.place).with([&](Shard& shard) { shard.prefetch_record(question.place, question.view); });
}

Ticket TokenCache::start_flight(const Question& question, Now now) {
  const Seq seq = next_seq();
  return {question.token, question.place, question.view, question.server, seq, now};
}

Determination TokenCache::determination(const Ticket& ticket, const oauth::IntrospectionAnswer& answer,
                                        const Worth& worth) const {
  const BootKey& key = claim_keys_[ticket.server];
  Determination what;
  what.active = worth.active;
  what.storable = worth.storable;
  what.seq = ticket.seq;
  what.born = tick_of(ticket.start.mono);
  what.dies = tick_of(worth.dies);
  what.exp = worth.exp;
  what.iat = worth.iat;
  if (!worth.active) return what;
  what.audience = answer.audience;
  what.body = answer.body;
  what.offline_access = answer.offline_access;
  what.tags = {claim_tag(key, ClaimKind::kSub, answer.sub), claim_tag(key, ClaimKind::kSid, answer.sid),
               claim_tag(key, ClaimKind::kClientId, answer.client_id), claim_tag(key, ClaimKind::kJti, answer.jti)};
  return what;
}

TokenCache::Commit TokenCache::commit(const Ticket& ticket, const oauth::IntrospectionAnswer& answer, Now now,
                                      const MatchingPurge& known) {
  Commit result;
  result.purge = known;
  if (answer.active) sid_answers_[ticket.server].answered(!answer.sid.empty());
  result.worth = judge_freshness(answer, freshness_[ticket.server], ticket.start, now);
  Determination what = determination(ticket, answer, result.worth);
  judge_purges(ticket, what, answer.active, now, result);
  // Over a suspend a call may last longer than purges are kept for it: one that matches may be forgotten (I6, F108).
  if (what.active && now.mono - ticket.start.mono > options_.longest_flight + std::chrono::seconds{1}) {
    result.purge.add({seq(), false, false, ticket.seq + 1});
  }
  const bool may = may_store(ticket.seq, result.purge) || MUTANT(insert_after_purge);
  what.storable = what.storable && may;   // what is not stored still supersedes older entries of the key
  const Key key{ticket.token, ticket.place, ticket.view, ticket.server};
  Seq fill_floor = 0;
  shard_of(ticket.place).with([&](Shard& shard) {
    result.outcome = shard.commit(key, what, floor(ticket.server), tick_of(now.mono));
    fill_floor = shard.fill_floor();
  });
  if (result.outcome == CommitOutcome::kRefusedDead) result.purge.dead = true;
  if (result.outcome == CommitOutcome::kRefusedFloor) {
    // Whether a flush or want of room raised it: who looked after the first of them may not have the older answer.
    const bool of_server = floor(ticket.server) >= ticket.seq && fill_floor < ticket.seq;
    const Seq first = of_server ? floors_[ticket.server].first_after(ticket.seq) : ticket.seq + 1;
    result.purge.add({std::max(fill_floor, floor(ticket.server)), false, false, first});
  }
  if (result.outcome == CommitOutcome::kNotStorable && !may) result.outcome = CommitOutcome::kRefusedPurge;
  return result;
}

TokenCache::Purged TokenCache::purge_token(const TokenHash& token, ServerId server, bool flight_known, bool trusted,
                                           Now now) {
  const Seq seq = next_seq();
  ++purge_changes_;
  const Duration flight = options_.longest_flight + std::chrono::seconds{1};
  const std::int64_t flight_ticks = flight.count() / kTickNs + 1;
  const std::int64_t tick = tick_of(now.mono);
  const Shard::Purge purge{
      .seq = seq,
      .until = end_tick(now.mono + options_.tombstone_ttl),
      .unknown_until = end_tick(now.mono + options_.unknown_ttl),
      .young_after = static_cast<Tick>(std::max<std::int64_t>(tick - flight_ticks, 0)),
      .tombstone = static_cast<Tick>(options_.tombstone_ttl.count() / kTickNs),
      .flight_known = flight_known,
      .trusted = trusted,
  };
  const std::uint64_t at = place(token);
  const Shard::PurgeResult result = shard_of(at).with([&](Shard& shard) {
    return shard.purge_token(token, at, server, views_of_server_[server], purge, tick_of(now.mono));
  });
  return {seq, result.known, result.newly_dead, result.dead_since};
}

bool TokenCache::knows(const TokenHash& token, ServerId server, Now now) {
  const std::uint64_t at = place(token);
  return shard_of(at).with([&](Shard& shard) {
    return shard.knows(token, at, server, views_of_server_[server], tick_of(now.mono));
  });
}

bool TokenCache::has_record(const TokenHash& token, ServerId server) {
  const std::uint64_t at = place(token);
  return shard_of(at).with(
      [&](Shard& shard) { return shard.has_record(token, at, views_of_server_[server]); });
}

bool TokenCache::lift_dead(const TokenHash& token, ServerId server, Seq seq) {
  const std::uint64_t at = place(token);
  ++purge_changes_;
  return shard_of(at).with([&](Shard& shard) { return shard.lift_dead(token, at, server, seq); });
}

ShardCounts TokenCache::counts() {
  ShardCounts sum;
  for (const std::unique_ptr<GuardedShard>& guarded : shards_) {
    const ShardCounts counts = guarded->with([](Shard& shard) { return shard.counts(); });
    sum.inserted += counts.inserted;
    sum.replaced += counts.replaced;
    sum.evicted += counts.evicted;
    sum.expired += counts.expired;
    sum.purged += counts.purged;
    sum.second_chances += counts.second_chances;
    sum.negatives_inserted += counts.negatives_inserted;
    sum.negatives_evicted += counts.negatives_evicted;
    sum.dead_forgotten_early += counts.dead_forgotten_early;
    sum.fill_floor_raised += counts.fill_floor_raised;
    sum.entries += counts.entries;
    sum.used_bytes += counts.used_bytes;
  }
  return sum;
}

}  // namespace introspectd::cache
