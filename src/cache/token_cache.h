// TokenCache: remembers what the authorization servers said, until it may be stale (RFC 7662 §4), and what purges it.
// Threads: lookup from any thread, any time; everything else by the single writer (the back loop), so that a commit
// either precedes a purge or is refused by it (DESIGN §4).  Blocks: on one shard mutex only, never two.
// Owns: shards inside the memory given; that memory is the whole budget.
// Errors: none: a full cache evicts; a purge that cannot be kept holds more than was said, or raises a floor.
// Cost: lookup O(1), one lock, no allocation. A purge by claim costs the same for one record and for a million; the
// barrier one lock of every shard; what it made stale is dropped by the sweep, in slices.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/time.h"
#include "base/unique_function.h"
#include "cache/claim_purges.h"
#include "cache/floor_history.h"
#include "cache/freshness.h"
#include "cache/identity.h"
#include "cache/judgement.h"
#include "cache/kept_purge.h"
#include "cache/live_claims.h"
#include "cache/server_marks.h"
#include "cache/shard.h"
#include "cache/sid_answers.h"
#include "oauth/signal.h"

namespace introspectd::cache {

struct ServerTraits {
  std::string name;           // its claim tags depend on it; empty: its index
  bool has_channel = false;   // some revocation channel can prove itself: I13 is judged at every read
};

struct CacheOptions {
  BootKey boot_key;
  BootKey claim_key;                                    // of claim tags; all zero: the boot key
  FreshnessPolicy freshness;
  Duration tombstone_ttl = std::chrono::minutes{10};
  Duration unknown_ttl = std::chrono::seconds{13};      // hold + the longest flight: an unknown revoked token
  Duration longest_flight = std::chrono::seconds{3};    // + 1 s: how long an older fill may still arrive
  Duration hold = std::chrono::seconds{10};             // after a purge by claim: ask, do not store
  std::size_t servers = 1;
  std::vector<ServerTraits> traits;                     // by AS; those beyond its end have neither name nor channel
  std::size_t shards = 0;                               // 0: from the memory; tests choose
  bool memory_is_zero = false;                          // as a fresh mapping is: then only what is used is touched
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

  // How much of so much memory, from its beginning, is filled from end to end: there huge pages are worth their while.
  static std::size_t dense_bytes(std::size_t memory_bytes);

  std::uint64_t place(const TokenHash& token) const { return place_of(options_.boot_key, token); }

  // Any thread. On kHit the body stands at the beginning of `room`.
  LookupResult lookup(const Question& question, Now now, std::span<char> room);

  // Any thread: for a lookup that is soon to follow, in two steps with some work between them, so that the second finds
  // what the first began to fetch. The second takes the lock.
  void prefetch_index(const Question& question) const;
  void prefetch_record(const Question& question);

  // --- the single writer ---
  // A new ticket for a call that starts now; every call, a retry too, takes its own.
  Ticket start_flight(const Question& question, Now now);
  // What the AS answered, judged: what it is worth now, which purges match it, and whether it is kept.
  struct Commit {
    Worth worth;
    CommitOutcome outcome = CommitOutcome::kNotStorable;
    MatchingPurge purge;   // by it the flight's waiters are judged
    bool by_sub = false;   // a purge by sid matched the answer by its sub: it has no sid (STD 5.29)
  };
  // `known`: the purges that are known to match the ticket already, because they named its token or its AS.
  Commit commit(const Ticket& ticket, const oauth::IntrospectionAnswer& answer, Now now,
                const MatchingPurge& known = {});

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
  // Is there an active entry of the token for this AS?
  bool has_record(const TokenHash& token, ServerId server);
  // Undoes exactly the purge `seq`: the token lives, but is asked for anew (STD 4.06).
  bool lift_dead(const TokenHash& token, ServerId server, Seq seq);
  // Everything of this AS that started before now is a miss. Returns the new floor (I5).
  Seq flush(ServerId server);

  // A purge that names no single token: enters it and returns its seq. It holds for every lookup of any thread that
  // locks after the next barrier(), and for every commit at once (I5). Of kDead there is purge_token.
  Seq enter_purge(ServerId server, const oauth::Signal& signal, Now now);
  // Locks and unlocks every shard: once for all purges of a turn, before they are acknowledged.
  void barrier();
  // Has any answer of the AS had a sid? Where none has, a purge by sid alone reaches nothing (STD 5.29).
  bool answers_carry_sid(ServerId server) const { return sid_answers_[server].carry(); }

  // The sweep: drops what purges by claim made stale. A lap begins with the first slice after a purge and checks every
  // record; what was purged before it began is carried out when it ends.
  static constexpr std::size_t kSliceRecords = 256;
  static constexpr std::size_t kSliceSlots = 2048;   // of live purges that are over
  static constexpr std::size_t kDropCost = 3;        // beyond checking it: its place in the index is looked for
  static constexpr std::size_t kSlotsARecord = 8;    // that are cleared in the time in which a record is checked
  struct SweepSlice {
    std::size_t seen = 0;
    std::size_t dropped = 0;
    std::size_t by_sub = 0;
    std::size_t forgotten = 0;   // slots of live purges that were cleared
    // In records that are checked and stay.
    std::size_t cost() const { return seen + dropped * kDropCost + (forgotten + kSlotsARecord - 1) / kSlotsARecord; }
  };
  bool sweep_wanted() const { return lap_.under_way || lap_.forgetting || wanted_ > swept_; }
  // Purges by claim come so fast that there may be no room among the live ones before the lap ends, or there is none among
  // the remembered ones until it has: it has to go on faster than the purges do.
  bool sweep_behind() const;
  // One lock; at most kSliceRecords records. `dropped_by` takes the seq of the purge that each dropped record matched.
  SweepSlice sweep_slice(Now now, std::span<Seq, kSliceRecords> dropped_by);
  // Every purge up to here has been carried out on all records.
  Seq swept() const { return swept_; }

  // How the AS's revocation channel stands, from now on (I13). Of an AS without has_channel it only shortens.
  void set_channel(ServerId server, const ChannelView& view);

  // What must outlive the process (SPEC §4), slice by slice: everything that was purged before begin_export and is still
  // remembered when its slice comes, with what was left of it at the beginning; what is purged meanwhile, perhaps.
  static constexpr std::size_t kExportSlots = 1024;   // that a slice looks at, under one lock at most
  struct PurgeExport {
    Now begun;
    std::size_t shard = 0, slot = 0;     // dead tokens come first,
    std::size_t claim = 0, claims = 0;   // then purges by claim, then what concerns whole ASs
  };
  PurgeExport begin_export(Now now) const { return {now, 0, 0, 0, purges_->places()}; }
  // False: that was the last slice.
  bool export_slice(PurgeExport& at, UniqueFunction<void(const KeptPurge&)>& visit);
  // What is over is not kept, and the AS's older entries are misses, after the next barrier().
  void import_purge(const KeptPurge& purge, Now now);
  // Counts whatever changes what an export says.
  std::uint64_t purge_changes() const { return purge_changes_; }

  Seq floor(ServerId server) const { return marks_[server].floor.load(std::memory_order_acquire); }

  struct PurgeCounts {
    std::size_t kept = 0, kept_most = 0;     // purges by claim that are remembered
    std::size_t filter_most = 0;             // so many more can be held within one hold
    std::size_t live = 0;                    // … that the sweep has not carried out yet
    std::uint64_t forgotten_early = 0;       // never weakens I1–I3
    std::uint64_t filtered = 0;              // found no room, and were held by the filter
    std::uint64_t floors_raised = 0;         // because a purge by claim found no room
    std::uint64_t unmappable_sids = 0;       // purges by sid alone, of ASs whose answers have none
    std::uint64_t laps = 0, checked_records = 0, swept_records = 0;
    std::uint64_t shards_passed = 0;         // by barriers
  };
  PurgeCounts purge_counts() const;
  ShardCounts counts();
  std::size_t shard_count() const { return shards_.size(); }
  std::size_t memory_bytes() const { return memory_bytes_; }
  Seq seq() const { return seq_.load(std::memory_order_acquire); }

 private:
  using GuardedShard = Guarded<Shard>;

  struct Lap {
    bool under_way = false;
    Seq begun = 0;             // what was purged up to here is carried out when it ends
    std::size_t shard = 0;
    bool shard_begun = false;
    bool forgetting = false;   // it has ended; what is live no more is still being cleared
  };

  Seq next_seq() { return seq_.fetch_add(1, std::memory_order_acq_rel) + 1; }
  Tick tick_of(MonoTime time) const;
  Tick end_tick(MonoTime time) const;
  Duration left_of(Tick end, MonoTime now) const;
  ReadTime read_time(Now now) const { return {tick_of(now.mono), now.wall}; }
  GuardedShard& shard_of(std::uint64_t place) { return *shards_[place & (shards_.size() - 1)]; }
  const GuardedShard& shard_of(std::uint64_t place) const { return *shards_[place & (shards_.size() - 1)]; }
  void make_servers();
  Determination determination(const Ticket& ticket, const oauth::IntrospectionAnswer& answer,
                              const Worth& worth) const;
  void judge_purges(const Ticket& ticket, const Determination& what, bool said_active, Now now, Commit& result) const;
  void enter_claims(ServerId server, const oauth::Signal& signal, ClaimPurge purge, Now now);
  void enter_of_all(ServerId server, const ClaimPurge& purge, Now now);
  void enter_claim(ClaimKind kind, const ClaimPurge& purge, Now now);
  void remember(const ClaimPurge& purge, Now now);
  void no_room(const ClaimPurge& purge);
  void raise_floor(ServerId server, Seq seq);
  void import_dead(const KeptDeadToken& dead, Now now);
  void export_dead(PurgeExport& at, UniqueFunction<void(const KeptPurge&)>& visit);
  void export_claims(PurgeExport& at, UniqueFunction<void(const KeptPurge&)>& visit);
  void export_servers(const PurgeExport& at, UniqueFunction<void(const KeptPurge&)>& visit) const;
  void end_lap();
  std::size_t forget_live();

  CacheOptions options_;
  MonoTime epoch_;
  std::size_t memory_bytes_;
  std::vector<std::unique_ptr<GuardedShard>> shards_;
  std::vector<std::vector<ViewId>> views_of_server_;
  std::vector<ServerMarks> marks_;
  std::unique_ptr<LiveClaims> live_;

  // What the single writer writes stands on other cache lines than what every hit reads.
  alignas(64) std::atomic<Seq> seq_{0};
  // The single writer's own.
  std::unique_ptr<ClaimPurges> purges_;
  std::vector<BootKey> claim_keys_;          // by AS
  std::vector<std::uint64_t> every_token_tags_;   // by AS
  std::vector<FreshnessPolicy> freshness_;   // by AS
  std::vector<FloorHistory> floors_;         // by AS
  std::vector<SidAnswers> sid_answers_;      // by AS
  std::vector<Tick> hold_all_until_;         // by AS: purges that found no room hold it whole
  std::vector<Tick> filtered_until_;         // by AS: until when the filter holds some of it
  Lap lap_;
  Seq wanted_ = 0;                           // the newest purge that wants a lap
  Seq swept_ = 0;
  std::uint64_t purge_changes_ = 0;
  std::uint64_t floors_raised_ = 0, laps_ = 0, checked_records_ = 0, swept_records_ = 0, shards_passed_ = 0;
};

}  // namespace introspectd::cache
