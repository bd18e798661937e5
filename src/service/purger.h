// Purger: applies purges, from whatever source, to the cache and to the flights in one turn of the back loop, so that
// an acknowledged purge cannot be overtaken (I1–I6, DESIGN §5). What they made stale is dropped later, by its sweeper.
// Threads: the back loop only.  Owns: the sweeper.  Errors: none.
// Cost: one shard lock for a token; one of each shard for a call of `apply`, however many tokens its signals name.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "base/unique_function.h"
#include "cache/token_cache.h"
#include "oauth/signal.h"
#include "ports/event_loop.h"
#include "service/fetcher.h"
#include "service/loop_counters.h"
#include "service/settings.h"
#include "service/sweeper.h"

namespace introspectd::service {

class Purger {
 public:
  Purger(ports::EventLoop& loop, cache::TokenCache& cache, Fetcher& fetcher, const Settings& settings,
         LoopCounters& counters)
      : loop_(&loop), cache_(&cache), fetcher_(&fetcher), settings_(&settings), counters_(&counters),
        sweeper_(loop, cache, counters) {}

  // `trusted`: an operator's purge is kept in full even when this node never saw the token.
  cache::TokenCache::Purged purge_token(const cache::TokenHash& token, cache::ServerId server, bool trusted);
  // An entry of the token is there, or it is dead. A flight alone proves nothing (F102).
  bool knows(const cache::TokenHash& token, cache::ServerId server) const;
  // A record of the token is there, or a flight of it: services present it, so it is an access token.
  bool is_presented(const cache::TokenHash& token, cache::ServerId server) const;
  void flush(cache::ServerId server);
  // What `apply` did; its purges are the only ones with seqs from first to last.
  struct Applied {
    cache::Seq first = 0;         // 0: no signals
    cache::Seq last = 0;
    std::uint64_t known_tokens = 0;   // of kDead signals: those of which something was here
  };
  // Everything that a source said of one AS, in this turn and in order: when this returns, every later lookup of any
  // thread says so (I5). A purge by sid alone, of an AS none of whose answers has had one, holds the whole AS beside where
  // on_unmappable = "flush".
  Applied apply(cache::ServerId server, std::span<const oauth::Signal> signals, bool trusted);
  // `done` runs in a later turn, when the sweep has carried out all that was applied: with the number of records that it
  // dropped for these purges. What a younger purge matches as well counts there.
  void when_swept(const Applied& applied, UniqueFunction<void(std::uint64_t records)> done) {
    sweeper_.when_swept(applied.first, applied.last, std::move(done));
  }
  // Told of everything that was applied, in the same turn: what must outlive the process is kept.
  void on_applied(UniqueFunction<void(cache::ServerId, std::span<const oauth::Signal>)> told) {
    applied_ = std::move(told);
  }
  // The AS refused our credential: reads it again; a changed one retires what the old one brought (F63, I50).
  bool renew_credential(cache::ServerId server);
  bool lift_dead(const cache::TokenHash& token, cache::ServerId server, cache::Seq seq);

 private:
  cache::Seq enter(cache::ServerId server, const oauth::Signal& signal);
  bool is_unmappable(cache::ServerId server, const oauth::Signal& signal) const;

  ports::EventLoop* loop_;
  cache::TokenCache* cache_;
  Fetcher* fetcher_;
  const Settings* settings_;
  LoopCounters* counters_;
  Sweeper sweeper_;
  UniqueFunction<void(cache::ServerId, std::span<const oauth::Signal>)> applied_;
};

}  // namespace introspectd::service
