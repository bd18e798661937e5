// PurgeJournal: purges outlive the process; determinations never do (SPEC §4, I52). One file in state_dir: a snapshot of
// what the cache remembers (purge_snapshot.h), and behind it cut-offs and logouts as they came.
// The whole is written anew every few seconds while it changes, and at the end; a cut-off or logout is appended before it
// is acknowledged, and becomes a part of the whole with the next one. What is kept ends when it would have ended without
// the start; of what stands behind the snapshot the time begins anew. Only the issued-before of a whole AS is for good.
// A wall clock that was set back shortens no memory; one set forward does. ASs are known by their names.
// Threads: the back loop; `restore` blocks on the disk and is for the start only.  Owns: what is being written, within
// kBytesMost and kCutOffBytesMost; what is beyond is a hold of its AS after a start, or answered false, and counted.
// Errors: logged and counted. A file whose head is damaged is refused whole; else all records that stand before the
// damage are used. The cache starts cold as always.
// What nobody waits for (another node's, which is read again from the fleet's stream until a snapshot has it) is appended
// at its turn's end, within half of the room: it never takes that of those who wait. More than there is room for goes
// with the next snapshot; it is refused only when the disk has not taken one for kHangsAfter.
// Cost: O(purges) a snapshot, ≤ 1 ms a loop turn, off the hit path; one append for all cut-offs of a turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/unique_function.h"
#include "cache/token_cache.h"
#include "oauth/signal.h"
#include "ports/event_loop.h"
#include "ports/storage.h"
#include "service/packed.h"
#include "service/purge_snapshot.h"
#include "service/settings.h"

namespace introspectd::service {

struct JournalFigures {
  bool failing = false;                       // the disk has not what it should have
  std::uint64_t restored = 0, dropped = 0;    // purges, at the start; dropped: over, or of an AS that is not there
  std::uint64_t saved = 0, failed = 0;        // snapshots
  std::uint64_t appended = 0;                 // lists of cut-offs and logouts
  std::uint64_t cut_offs_refused = 0;         // events of which these could not be kept, as the disk does not answer
  std::uint64_t shed = 0;                     // purges that found no room in a snapshot
  std::size_t bytes = 0;                      // of the newest snapshot
  std::optional<double> age_seconds;          // of the newest snapshot
  bool refused = false;                       // the file that was found at the start was damaged
};

class PurgeJournal {
 public:
  static constexpr std::string_view kFile = "purges";
  static constexpr std::string_view kKeyFile = "claim.key";
  static constexpr Duration kSaveEvery = std::chrono::seconds{5};
  // Of a snapshot. With what is appended until the next one it stays within what a file of ports::Storage may hold.
  static constexpr std::size_t kBytesMost = 48U << 20U;
  // Of cut-offs and logouts that are not durable yet.
  static constexpr std::size_t kCutOffBytesMost = 4U << 20U;
  // A snapshot that is being written for longer: the disk hangs.
  static constexpr Duration kHangsAfter = std::chrono::seconds{5};

  // The key of claim tags, that must stay the same for what was kept to match: read, or `fresh` written down. Blocks.
  static cache::BootKey claim_key(ports::Storage& storage, const cache::BootKey& fresh, const Log& log);

  struct Parts {
    ports::EventLoop& loop;
    ports::Storage& storage;
    const Settings& settings;
    cache::TokenCache& cache;
    cache::BootKey claim_key;
    Log log;
    std::size_t bytes_most = kBytesMost;
    std::size_t cut_off_bytes_most = kCutOffBytesMost;
  };
  // `apply` is for cut-offs and logouts that are read as signals.
  using Apply = UniqueFunction<void(cache::ServerId, std::span<const oauth::Signal>)>;
  PurgeJournal(const Parts& parts, Apply apply) : parts_(parts), apply_(std::move(apply)) {}
  PurgeJournal(PurgeJournal&&) = delete;
  PurgeJournal& operator=(PurgeJournal&&) = delete;

  // Before the first lookup.
  void restore();
  // Saves every few seconds from now on.
  void start();
  void shut_down() { timer_.reset(); }

  // What was purged, at once when it was. Cut-offs and logouts are kept by the next `keep_cut_offs`, of the same turn.
  void applied(cache::ServerId server, std::span<const oauth::Signal> signals);
  bool has_cut_offs() const { return !cut_offs_.empty() || overflowed_; }
  // Writes what `applied` has collected in this turn; `done` when it is durable, or at once with false where there was no
  // room for it and the disk hangs.
  void keep_cut_offs(UniqueFunction<void(bool durable)> done);
  // Everything that was purged until now is durable when `done(true)` runs, in this turn or a later one.
  void keep_all(UniqueFunction<void(bool durable)> done);

  JournalFigures figures() const;

 private:
  enum class Stage : std::uint8_t {
    kIdle,
    kBuilding,   // a snapshot is built; what is appended meanwhile stands behind the one before, and behind it as well
    kWriting,    // … and on its way: what is appended now stands behind it
  };
  using Servers = std::vector<std::optional<cache::ServerId>>;   // by their index in the file
  std::optional<Servers> read_head(std::string_view record, Duration& elapsed);
  bool read_purges(PackedReader& reader, Duration elapsed, const Servers& servers);
  bool read_cut_offs(PackedReader& reader);
  void import_claims();
  void collect(std::string_view record);
  void end_turn();
  std::size_t not_durable() const;
  bool disk_hangs() const;
  void begin_snapshot();
  void build();
  void write();
  void snapshot_ended(bool ok);

  Parts parts_;
  Apply apply_;
  std::string cut_offs_;                                    // of this turn, packed, not handed to the disk yet
  std::size_t appending_bytes_ = 0;                         // … handed to it
  std::string behind_;                                      // … since the snapshot was begun
  bool overflowed_ = false;                                 // what was applied last is in none of these
  bool restoring_ = false;
  bool same_key_ = true;                                    // tags in the file are of our claim key
  std::vector<cache::KeptClaimPurge> restored_claims_;
  Stage stage_ = Stage::kIdle;
  std::optional<PurgeSnapshot> snapshot_;
  bool suspect_ = true;                                     // an append might not be found again: a snapshot is needed
  std::uint64_t changes_ = 0;                               // of the cache, when the snapshot was begun
  std::optional<std::uint64_t> kept_changes_;
  std::vector<UniqueFunction<void(bool)>> waiting_;         // for a snapshot that begins later
  std::vector<UniqueFunction<void(bool)>> in_snapshot_;
  JournalFigures figures_;
  MonoTime writing_since_;
  std::optional<MonoTime> saved_at_;
  ports::PendingToken timer_;
  ports::PendingToken turn_;
  ports::PendingToken turn_end_;
};

}  // namespace introspectd::service
