// Sweeper: drops from the cache what purges by claim made stale, a little in each turn of the back loop, and tells who
// waits how many records that were. Purges are acknowledged without it: it gives memory back, and forgets live tags.
// Threads: the back loop only.  Owns: who waits.  Errors: none.
// Cost: ≤ kRecordsATurn records, about half a millisecond, a turn; nothing while there is nothing to sweep.
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

  Sweeper(ports::EventLoop& loop, cache::TokenCache& cache, LoopCounters& counters)
      : loop_(&loop), cache_(&cache), counters_(&counters) {}
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
  void turn();
  std::size_t slice();
  void tell();

  ports::EventLoop* loop_;
  cache::TokenCache* cache_;
  LoopCounters* counters_;
  std::vector<Watch> watches_;
  bool posted_ = false;
};

}  // namespace introspectd::service
