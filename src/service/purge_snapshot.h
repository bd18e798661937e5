// PurgeSnapshot: the journal's file, whole: everything that the cache remembers of purges, built a slice a loop turn
// (I35), and the form of its records for reading.
//   {format, wall time, check of the claim key, names of the ASs} · {purges}… · {cut-offs and logouts, as signals}…
// The file is bounded: of dead tokens at most what purges by claim leave, at least half. What finds no room is counted, and
// becomes a hold of its whole AS: nothing that is fetched within its hold after a start is stored (I6).
// Threads: the back loop.  Owns: the file as far as it is built.  Errors: none to write; to read: nullopt.
// Cost: O(purges) in all; ≤ kLooksPerTurn places looked at in a turn, each purge that is written counts for kLooksAPurge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/token_cache.h"
#include "service/packed.h"
#include "service/settings.h"

namespace introspectd::service {

class PurgeSnapshot {
 public:
  static constexpr std::string_view kFormat = "introspectd purges 1";
  static constexpr std::string_view kPurges = "purges";
  static constexpr std::string_view kCutOffs = "cut-offs";
  static constexpr std::size_t kLooksPerTurn = 16384;
  static constexpr std::size_t kLooksAPurge = 16;
  // Of the file, `bytes_most` aside: the record under way, and two purges for each AS.
  static constexpr std::size_t kBytesBeyond = 1U << 20U;

  struct Parts {
    cache::TokenCache& cache;
    const Settings& settings;
    cache::BootKey claim_key;
    std::size_t bytes_most = 0;
    std::size_t bytes_behind = 0;   // that the caller may append
  };
  // The file is as of `now`: what was purged before is in it.
  PurgeSnapshot(const Parts& parts, Now now);
  PurgeSnapshot(PurgeSnapshot&&) = delete;
  PurgeSnapshot& operator=(PurgeSnapshot&&) = delete;

  // Goes on for a turn's worth; true: there is more.
  bool build();
  // Once built: the file; the caller may append records to it.
  std::string take() { return std::move(file_); }
  // Purges that found no room.
  std::uint64_t shed() const { return shed_; }

  static std::uint64_t check_of(const cache::BootKey& claim_key);

 private:
  void write(const cache::KeptPurge& purge);
  bool has_room(const cache::KeptPurge& purge) const;
  void leave_out(const cache::KeptPurge& purge);
  void end_record();

  Parts parts_;
  cache::TokenCache::PurgeExport at_;
  std::string file_, record_;
  std::size_t dead_bytes_most_ = 0;
  std::size_t written_ = 0;               // in this turn
  std::vector<Duration> shed_holds_;      // by AS: the longest hold of what found no room
  std::uint64_t shed_ = 0;
};

// A purge as it stands in the file. `server` is the index of its AS in the file's names, and of the value.
struct PackedPurge {
  std::uint64_t server = 0;
  cache::KeptPurge purge;
};
// The next one of a record, `elapsed` later; nullopt: it is not whole, or of a kind that is not known.
std::optional<PackedPurge> read_packed_purge(PackedReader& reader, Duration elapsed);
bool is_over(const cache::KeptPurge& purge);

}  // namespace introspectd::service
