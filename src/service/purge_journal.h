// PurgeJournal: purges outlive the process; determinations never do (SPEC §4, I52). One file in state_dir:
//   {names of the ASs, the time, a check of the claim key} · {purges, as the cache knows them}… · {cut-offs, as signals}…
// The whole is written anew while it changes, every few seconds and at the end; a cut-off, which has to hold for good, is
// appended before it is acknowledged, and becomes a part of the whole with the next one.
// A wall clock that was set back shortens no memory; one set forward does. ASs are known by their names.
// Threads: the back loop; `restore` blocks on the disk and is for the start only.  Owns: cut-offs that are being written.
// Errors: logged and counted. A damaged file is refused: nothing of it is believed, the cache starts cold as always.
// Cost: O(purges) a snapshot, off the hit path; one append for all cut-offs of a turn.
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
#include "service/settings.h"

namespace introspectd::service {

struct JournalFigures {
  bool failing = false;                       // the disk has not what it should have
  std::uint64_t restored = 0, dropped = 0;    // purges, at the start; dropped: over, or of an AS that is not there
  std::uint64_t saved = 0, failed = 0;        // snapshots
  std::uint64_t appended = 0;                 // lists of cut-offs
  std::size_t bytes = 0;                      // of the newest snapshot
  std::optional<double> age_seconds;          // of the newest snapshot
  bool refused = false;                       // the file that was found at the start was damaged
};

class PurgeJournal {
 public:
  static constexpr std::string_view kFile = "purges";
  static constexpr std::string_view kKeyFile = "claim.key";
  static constexpr Duration kSaveEvery = std::chrono::seconds{5};
  static constexpr std::size_t kBytesMost = 48U << 20U;     // of a snapshot; dead tokens beyond it are not kept, and counted

  // The key of claim tags, that must stay the same for what was kept to match: read, or `fresh` written down. Blocks.
  static cache::BootKey claim_key(ports::Storage& storage, const cache::BootKey& fresh, const Log& log);

  struct Parts {
    ports::EventLoop& loop;
    ports::Storage& storage;
    const Settings& settings;
    cache::TokenCache& cache;
    cache::BootKey claim_key;
    Log log;
  };
  // `apply` is for cut-offs that are read as signals.
  using Apply = UniqueFunction<void(cache::ServerId, std::span<const oauth::Signal>)>;
  PurgeJournal(const Parts& parts, Apply apply) : parts_(parts), apply_(std::move(apply)) {}
  PurgeJournal(PurgeJournal&&) = delete;
  PurgeJournal& operator=(PurgeJournal&&) = delete;

  // Before the first lookup.
  void restore();
  // Saves every few seconds from now on.
  void start();
  void shut_down() { timer_.reset(); }

  // What was purged, at once when it was. Cut-offs are kept by the next `keep_cut_offs`.
  void applied(cache::ServerId server, std::span<const oauth::Signal> signals);
  bool has_cut_offs() const { return !cut_offs_.empty(); }
  // Writes what `applied` has collected; `done` when it is durable.
  void keep_cut_offs(UniqueFunction<void(bool durable)> done);
  // Everything that was purged until now is durable when `done(true)` runs, in this turn or a later one.
  void keep_all(UniqueFunction<void(bool durable)> done);

  JournalFigures figures() const;

 private:
  using Servers = std::vector<std::optional<cache::ServerId>>;   // by their index in the file
  bool read_purges(PackedReader& reader, Duration elapsed, const Servers& servers);
  bool read_cut_offs(PackedReader& reader);
  void begin_snapshot();
  void snapshot_ended(bool ok, std::uint64_t changes);
  std::string snapshot();

  Parts parts_;
  Apply apply_;
  std::string cut_offs_;                                    // packed, not on disk yet
  bool restoring_ = false;
  bool same_key_ = true;                                    // tags in the file are of our claim key
  bool snapshot_under_way_ = false;
  bool suspect_ = true;                                     // an append might not be found again: a snapshot is needed
  std::optional<std::uint64_t> kept_changes_;
  std::vector<UniqueFunction<void(bool)>> waiting_;         // for a snapshot that begins later
  std::vector<UniqueFunction<void(bool)>> in_snapshot_;
  JournalFigures figures_;
  std::optional<MonoTime> saved_at_;
  ports::PendingToken timer_;
};

}  // namespace introspectd::service
