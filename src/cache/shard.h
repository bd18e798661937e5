// Shard: one stripe of the cache: an index over a ring of records, the negatives, the dead tokens and the fill floor.
// It is LRU by second chance (CLOCK): a hit sets a bit; at the tail a record that was asked again goes once more to the
// head, the others go. A record of X never stands beside a dead X of the same AS, so a hit does not look there.
// Threads: none of its own: always under the lock that guards it, but for prefetch_bucket.  Owns: its index; memory
// belongs to the cache.
// Errors: none: a full shard evicts, and what cannot be kept is told.  Cost: lookup O(1), no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "cache/claim_purges.h"
#include "cache/dead_tokens.h"
#include "cache/freshness.h"
#include "cache/live_claims.h"
#include "cache/negatives.h"
#include "cache/record.h"
#include "cache/ring.h"
#include "cache/server_marks.h"
#include "cache/shard_index.h"
#include "oauth/audience.h"

namespace introspectd::cache {

// The moment of a read, with what is the same for every shard.
struct ReadTime {
  Tick tick = 0;
  WallTime wall;
};

// What a read is judged by beside the entry itself.
struct ReadRules {
  Duration exp_skew{};
  const ServerMarks& marks;   // of the key's AS
  const LiveClaims& live;
};

struct Key {
  const TokenHash& token;
  std::uint64_t place;   // place_of(boot key, token)
  ViewId view;
  ServerId server;
};

enum class LookupOutcome : std::uint8_t {
  kHit,        // active; the body was copied
  kTooSmall,   // active, but `room` is less than body_bytes: nothing copied, ask again with more
  kNegative,   // the AS said inactive within negative_ttl
  kDead,       // revoked by token
  kAudience,   // active, but for none of the caller's audiences: {"active":false} for this caller (STD 1.24)
  kMiss,
};

struct LookupResult {
  LookupOutcome outcome = LookupOutcome::kMiss;
  std::size_t body_bytes = 0;
  Seq seq = 0;   // kMiss: the process-wide seq while the shard was locked: "seq at its lookup" (DESIGN §3)
};

// What is stored of a determination; `body` empty and `active` false for a negative.
struct Determination {
  bool active = false;
  bool storable = false;    // false: it only supersedes what was there (I20)
  Seq seq = 0;
  Tick born = 0;
  Tick dies = 0;
  std::uint32_t exp = kNoExp;
  std::uint32_t iat = 0;
  bool offline_access = false;
  ClaimTags tags{};
  oauth::AudienceMask audience = 0;
  std::string_view body;
};

enum class CommitOutcome : std::uint8_t {
  kStored,
  kNotStorable,     // no life left, or none was given (I9); older entries of the key are gone
  kRefusedDead,     // the token is dead (I2)
  kRefusedFloor,    // a floor is above the flight (I2, I6)
  kRefusedPurge,    // a newer purge matches, or a hold or a cut-off does
  kRefusedNewer,    // what is there started later (I20)
};

// Entries: inserted − replaced − evicted − expired − purged = entries (I53). Counted under the lock.
struct ShardCounts {
  std::uint64_t inserted = 0, replaced = 0, evicted = 0, expired = 0, purged = 0;
  std::uint64_t second_chances = 0, negatives_inserted = 0, negatives_evicted = 0;
  std::uint64_t dead_forgotten_early = 0, fill_floor_raised = 0;
  std::uint64_t entries = 0, used_bytes = 0;
};

struct ShardMemory {
  std::span<std::byte> index, ring, negatives, dead;
};

class Shard {
 public:
  Shard(const ShardMemory& memory, const BootKey& key);
  Shard(Shard&&) = delete;
  Shard& operator=(Shard&&) = delete;
  ~Shard() = default;

  // `audience` 0 asks for none.
  LookupResult lookup(const Key& key, ReadTime now, const ReadRules& rules, oauth::AudienceMask audience,
                      std::span<char> room);
  // For lookups to come: both only begin to fetch memory. prefetch_bucket needs no lock.
  void prefetch_bucket(std::uint64_t place, ViewId view) const;
  void prefetch_record(std::uint64_t place, ViewId view) const;
  // `floor` is the AS's: fills that started at or before it are refused.
  CommitOutcome commit(const Key& key, const Determination& what, Seq floor, Tick now);

  struct Purge {
    Seq seq = 0;
    Tick until = 0;          // how long a token this node knows stays dead
    Tick unknown_until = 0;  // how long one that it does not know
    Tick young_after = 0;    // a dead token forgotten early and made after this tick raises the fill floor
    Tick tombstone = 0;      // until − made, to know when a forgotten one was made
    bool flight_known = false;  // a flight of the token is under way: dead for the full time
    bool trusted = false;    // an operator's: kept in full even when unknown
  };
  struct PurgeResult {
    bool known = false;       // a record, a flight or a dead token was there
    bool newly_dead = false;  // it was not dead before
    Seq dead_since = 0;       // … by this purge, where it was
    std::size_t dropped_records = 0;
  };
  // Drops the token's entries in `views` (all of one AS) and remembers it as dead.
  PurgeResult purge_token(const TokenHash& token, std::uint64_t place, ServerId server, std::span<const ViewId> views,
                          const Purge& purge, Tick now);
  // A record or a dead token is there. A negative is none: the AS itself does not know the token.
  bool knows(const TokenHash& token, std::uint64_t place, ServerId server, std::span<const ViewId> views, Tick now);
  bool has_record(const TokenHash& token, std::uint64_t place, std::span<const ViewId> views);
  bool lift_dead(const TokenHash& token, std::uint64_t place, ServerId server, Seq seq);

  // Everything by which a sweep judges a record.
  struct SweepRules {
    std::span<const ServerMarks> marks;               // by AS
    std::span<const std::uint64_t> every_token_tags;  // by AS
    const LiveClaims& live;
    const ClaimPurges& purges;
    Tick now = 0;
  };
  struct Swept {
    bool done = false;            // every record that was there when the sweep began has been checked
    std::size_t seen = 0;
    std::size_t dropped = 0;
    std::size_t by_sub = 0;       // of these, because their answer had no sid
  };
  // A sweep checks every record that is there at its beginning; what is committed later was judged by its commit.
  void begin_sweep();
  // Checks the next `dropped_by.size()` records at most; drops those that a purge matches, and says each one's seq.
  Swept sweep(const SweepRules& rules, std::span<Seq> dropped_by);
  // As DeadTokens::copy; false: those were the last ones.
  bool copy_dead(std::vector<DeadSlot>& into, std::size_t from, std::size_t count, Tick now) const {
    dead_.copy(into, from, count, now);
    return from + count < dead_.capacity();
  }

  const ShardCounts& counts() const { return counts_; }
  std::size_t index_buckets() const { return index_.buckets(); }   // never changes (tested)
  Seq fill_floor() const { return fill_floor_; }

 private:
  LookupResult serve(RecordHeader& record, oauth::AudienceMask audience, std::span<char> room);
  LookupOutcome lookup_inactive(const Key& key, ReadTime now, const ServerMarks& marks);
  CommitOutcome refuse(const Key& key, Seq flight, Seq floor, Tick now);
  void store_active(const Key& key, const Determination& what, Tick now);
  void store_negative(const Key& key, const Determination& what, Tick now);
  static ClaimPurges::Match purged_by(const RecordHeader& record, const SweepRules& rules);
  void drop(RecordHeader& record, std::uint64_t place);
  void make_room(std::size_t size, Tick now);
  void give_second_chance(RecordHeader& record);
  void write_record(std::byte* where, const Key& key, const Determination& what);
  void remember_dead(const TokenHash& token, std::uint64_t place, ServerId server, const Purge& purge,
                     PurgeResult& result, Tick now);

  Ring ring_;
  ShardIndex index_;
  Negatives negatives_;
  DeadTokens dead_;
  BootKey boot_key_;
  std::uint64_t sweep_at_ = 0;    // positions in the ring: the next record to check,
  std::uint64_t sweep_end_ = 0;   // and where the sweep ends
  Seq fill_floor_ = 0;
  ShardCounts counts_;
};

}  // namespace introspectd::cache
