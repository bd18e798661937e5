#include "cache/token_cache.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "base/mutant.h"

namespace introspectd::cache {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::int64_t kLastTick = 0xffffffffLL;
// A record of a short answer; with smaller ones the index is full before the ring is.
constexpr std::size_t kRecordBytesExpected = 320;
constexpr std::size_t kIndexBucketBytes = 12;

std::size_t shard_count_for(std::size_t memory_bytes) {
  return std::clamp<std::size_t>(std::bit_floor(memory_bytes >> 20U), 8, 256);
}

std::span<std::byte> take(std::span<std::byte>& rest, std::size_t bytes) {
  const std::size_t aligned = bytes / kLine * kLine;
  const std::span<std::byte> taken = rest.first(aligned);
  rest = rest.subspan(aligned);
  return taken;
}

// DESIGN §5: 8 % negatives, 4 % dead tokens, the rest is index and ring. Claim purges will take 5 % of the ring.
ShardMemory divide(std::span<std::byte> slice) {
  ShardMemory memory;
  const std::size_t whole = slice.size();
  memory.negatives = take(slice, whole * 8 / 100);
  memory.dead = take(slice, whole * 4 / 100);
  const std::size_t buckets = slice.size() * 20 / 17 / (kRecordBytesExpected + kIndexBucketBytes * 20 / 17);
  memory.index = take(slice, (buckets + 1) * kIndexBucketBytes + kLine);
  memory.ring = take(slice, slice.size());
  return memory;
}

}  // namespace

TokenCache::TokenCache(std::span<std::byte> memory, const CacheOptions& options, const ViewTable& views, MonoTime now)
    : options_(options),
      epoch_(now),
      memory_bytes_(memory.size()),
      views_of_server_(options.servers),
      floors_(options.servers) {
  CHECK_INVARIANT(memory.size() >= kMemoryLeast);
  CHECK_INVARIANT(reinterpret_cast<std::uintptr_t>(memory.data()) % kLine == 0);
  const std::size_t count = options.shards != 0 ? options.shards : shard_count_for(memory.size());
  CHECK_INVARIANT(std::has_single_bit(count));
  const std::size_t slice = memory.size() / count / kLine * kLine;
  for (std::size_t i = 0; i < count; ++i) {
    shards_.push_back(std::make_unique<GuardedShard>(divide(memory.subspan(i * slice, slice)), options.boot_key));
  }
  for (std::size_t view = 0; view < views.size(); ++view) {
    const auto id = static_cast<ViewId>(view);
    views_of_server_.at(views.server_of(id)).push_back(id);
  }
}

TokenCache::~TokenCache() = default;

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
    LookupResult result = shard.lookup(question.key(), read_time(now), options_.freshness.exp_skew,
                                       floor(question.server), question.audience, room);
    if (result.outcome == LookupOutcome::kMiss) result.seq = seq();   // under the lock: "seq at its lookup"
    return result;
  });
}

Ticket TokenCache::start_flight(const Question& question, Now now) {
  const Seq seq = seq_.fetch_add(1, std::memory_order_acq_rel) + 1;
  return {question.token, question.place, question.view, question.server, seq, now};
}

Determination TokenCache::determination(const Ticket& ticket, const oauth::IntrospectionAnswer& answer,
                                        const Worth& worth) const {
  const BootKey& key = options_.boot_key;
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
  what.tags = {claim_tag(key, ClaimKind::kSub, ticket.server, answer.sub),
               claim_tag(key, ClaimKind::kSid, ticket.server, answer.sid),
               claim_tag(key, ClaimKind::kClientId, ticket.server, answer.client_id),
               claim_tag(key, ClaimKind::kJti, ticket.server, answer.jti)};
  return what;
}

TokenCache::Commit TokenCache::commit(const Ticket& ticket, const oauth::IntrospectionAnswer& answer, Now now) {
  Commit result;
  result.worth = judge(ticket, answer, now);
  const Determination what = determination(ticket, answer, result.worth);
  const Key key{ticket.token, ticket.place, ticket.view, ticket.server};
  shard_of(ticket.place).with([&](Shard& shard) {
    result.outcome = shard.commit(key, what, floor(ticket.server), tick_of(now.mono));
    result.fill_floor = shard.fill_floor();
  });
  return result;
}

TokenCache::Purged TokenCache::purge_token(const TokenHash& token, ServerId server, bool flight_known, bool trusted,
                                           Now now) {
  const Seq seq = seq_.fetch_add(1, std::memory_order_acq_rel) + 1;
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

bool TokenCache::lift_dead(const TokenHash& token, ServerId server, Seq seq) {
  const std::uint64_t at = place(token);
  return shard_of(at).with([&](Shard& shard) { return shard.lift_dead(token, at, server, seq); });
}

Seq TokenCache::flush(ServerId server) {
  const Seq seq = seq_.fetch_add(1, std::memory_order_acq_rel) + 1;
  floors_[server].store(seq, std::memory_order_release);
  // The barrier: a lookup that locks after it sees the floor, one before it was decided before the acknowledgement.
  for (const std::unique_ptr<GuardedShard>& shard : shards_) shard->with([](Shard&) {});
  return seq;
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
