// TokenCache: remembers what the authorization servers said, until it may be stale (RFC 7662 §4).
// Threads: lookup from any thread, any time; everything else by the single writer (the back loop), so that a commit
// either precedes a purge or is refused by it (DESIGN §4).  Blocks: on one shard mutex only, never two.
// Owns: shards inside the memory given; that memory is the whole budget.
// Errors: none: a full cache evicts.  Cost: lookup O(1), one lock, no allocation.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/guarded.h"
#include "base/time.h"
#include "cache/freshness.h"
#include "cache/identity.h"
#include "cache/judgement.h"
#include "cache/shard.h"

namespace introspectd::cache {

struct CacheOptions {
  BootKey boot_key;
  FreshnessPolicy freshness;
  Duration tombstone_ttl = std::chrono::minutes{10};
  Duration unknown_ttl = std::chrono::seconds{13};      // hold + the longest flight: an unknown revoked token
  Duration longest_flight = std::chrono::seconds{3};    // + 1 s: how long an older fill may still arrive
  std::size_t servers = 1;
  std::size_t shards = 0;                               // 0: from the memory; tests choose
};

// Who asks, and for what; made once per request.
struct Question {
  TokenHash token;
  std::uint64_t place = 0;
  ViewId view = 0;
  ServerId server = 0;
  oauth::AudienceMask audience = 0;

  Key key() const { return {token, place, view, server}; }
};

// A fetch under way: which key, and the seq and time at which its upstream call started.
struct Ticket {
  TokenHash token;
  std::uint64_t place = 0;
  ViewId view = 0;
  ServerId server = 0;
  Seq seq = 0;
  Now start;
};

class TokenCache {
 public:
  static constexpr std::size_t kMemoryLeast = 8U << 20U;

  // `memory` must outlive the cache, be aligned to 64 and hold at least kMemoryLeast bytes. `now` becomes tick 0.
  TokenCache(std::span<std::byte> memory, const CacheOptions& options, const ViewTable& views, MonoTime now);
  TokenCache(TokenCache&&) = delete;
  TokenCache& operator=(TokenCache&&) = delete;
  ~TokenCache();

  std::uint64_t place(const TokenHash& token) const { return place_of(options_.boot_key, token); }

  // Any thread. On kHit the body stands at the beginning of `room`.
  LookupResult lookup(const Question& question, Now now, std::span<char> room);

  // --- the single writer ---
  // A new ticket for a call that starts now; every call, a retry too, takes its own.
  Ticket start_flight(const Question& question, Now now);
  // What the AS answered, judged: what it is worth now, and whether it may be kept.
  struct Commit {
    Worth worth;
    CommitOutcome outcome = CommitOutcome::kNotStorable;
    Seq fill_floor = 0;   // of the shard: what kRefusedFloor was judged by, beside floor(server)
  };
  Commit commit(const Ticket& ticket, const oauth::IntrospectionAnswer& answer, Now now);
  // The worth alone, for an answer that a newer purge keeps out of the cache.
  Worth judge(const Ticket& ticket, const oauth::IntrospectionAnswer& answer, Now now) const {
    return judge_freshness(answer, options_.freshness, ticket.start, now);
  }

  struct Purged {
    Seq seq = 0;
    bool known = false;
    bool newly_dead = false;
    Seq dead_since = 0;   // the purge that had made it dead before, 0: it was not
  };
  // The token is dead for this AS in every view. `flight_known`: a flight of it is under way. When this returns, every
  // later lookup of any thread says so (I1, I5).
  Purged purge_token(const TokenHash& token, ServerId server, bool flight_known, bool trusted, Now now);
  // Is there an entry of the token for this AS, or is it dead? Decides which quota a revocation takes (F102).
  bool knows(const TokenHash& token, ServerId server, Now now);
  // Undoes exactly the purge `seq`: the token lives, but is asked for anew (STD 4.06).
  bool lift_dead(const TokenHash& token, ServerId server, Seq seq);
  // Everything of this AS that started before now is a miss. Returns the new floor (I5).
  Seq flush(ServerId server);

  // What is known of purges that match a key beyond what taints its flight: floors and dead tokens.
  Seq floor(ServerId server) const { return floors_[server].load(std::memory_order_acquire); }

  ShardCounts counts();
  std::size_t shard_count() const { return shards_.size(); }
  std::size_t memory_bytes() const { return memory_bytes_; }
  Seq seq() const { return seq_.load(std::memory_order_acquire); }

 private:
  using GuardedShard = Guarded<Shard>;

  Tick tick_of(MonoTime time) const;
  Tick end_tick(MonoTime time) const;
  ReadTime read_time(Now now) const { return {tick_of(now.mono), now.wall}; }
  GuardedShard& shard_of(std::uint64_t place) { return *shards_[place & (shards_.size() - 1)]; }
  Determination determination(const Ticket& ticket, const oauth::IntrospectionAnswer& answer,
                              const Worth& worth) const;

  CacheOptions options_;
  MonoTime epoch_;
  std::size_t memory_bytes_;
  std::vector<std::unique_ptr<GuardedShard>> shards_;
  std::vector<std::vector<ViewId>> views_of_server_;
  std::vector<std::atomic<Seq>> floors_;
  std::atomic<Seq> seq_{0};
};

}  // namespace introspectd::cache
