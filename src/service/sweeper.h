// Sweeper: drops from the cache what purges by claim made stale, a little in each turn of the back loop, and tells who
// waits how many records that were. Purges are acknowledged without it: it gives memory back, and forgets live tags.
// It may check kRecordsASecond on average, about a twentieth of a core, with a second's worth at once, so that a single
// purge of a small cache is swept in a few turns; a lap over ten million records takes 25 s. Only when live purges come
// so fast that they would find no room before the lap's end (TokenCache::sweep_behind), or while somebody waits to be
// told, it does not pause; what that takes is not owed afterwards.
// Threads: the back loop only.  Owns: who waits, its pause.  Errors: none.
// Cost: ≤ kRecordsATurn records and a slice, about half a millisecond, a turn, of which one that is dropped and what
// was live before count as what they take (TokenCache::SweepSlice::cost); nothing while there is nothing to sweep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/unique_function.h"
#include "cache/token_cache.h"
#include "ports/event_loop.h"
#include "service/loop_counters.h"

namespace introspectd::service {

class Sweeper {
 public:
  static constexpr std::size_t kRecordsATurn = 16 * cache::TokenCache::kSliceRecords;
  static constexpr int kSlicesATurn = 64;   // of shards that hold little
  static constexpr std::int64_t kRecordsASecond = 400'000;   // of 0.1 to 0.15 µs each
  static constexpr Duration kPause = std::chrono::milliseconds{10};

  Sweeper(ports::EventLoop& loop, cache::TokenCache& cache, LoopCounters& counters)
      : loop_(&loop), cache_(&cache), counters_(&counters), filled_(loop.now().mono) {}
  Sweeper(Sweeper&&) = delete;
  Sweeper& operator=(Sweeper&&) = delete;
  ~Sweeper() = default;

  // Purges have been entered into the cache in this turn.
  void wake();
  // `done` runs in a later turn, once every purge up to `last` has been carried out on all records; it is told how many
  // records were dropped that purges from `first` to `last` matched, and no younger one. Not after the loop has stopped.
  void when_swept(cache::Seq first, cache::Seq last, UniqueFunction<void(std::uint64_t records)> done);

 private:
  struct Watch {
    cache::Seq first = 0, last = 0;
    std::uint64_t records = 0;
    UniqueFunction<void(std::uint64_t)> done;
  };
  void go_on();
  void turn();
  std::size_t slice();   // what it cost, in records
  void tell();
  bool may_go_on();

  ports::EventLoop* loop_;
  cache::TokenCache* cache_;
  LoopCounters* counters_;
  std::vector<Watch> watches_;
  bool posted_ = false;
  ports::PendingToken pause_;
  MonoTime filled_;                            // when the allowance was last filled up
  std::int64_t allowance_ = kRecordsASecond;   // records that may be checked without a pause; below 0: a debt
};

}  // namespace introspectd::service
