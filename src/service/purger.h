// Purger: applies purges, from whatever source, to the cache and to the flights in one turn of the back loop, so that
// an acknowledged purge cannot be overtaken (I1–I6, DESIGN §5).
// Threads: the back loop only.  Owns: nothing.  Errors: none.  Cost: one shard lock for a token, one of each for all.
#pragma once

#include <span>

#include "cache/token_cache.h"
#include "oauth/signal.h"
#include "ports/event_loop.h"
#include "service/fetcher.h"
#include "service/loop_counters.h"

namespace introspectd::service {

class Purger {
 public:
  Purger(ports::EventLoop& loop, cache::TokenCache& cache, Fetcher& fetcher, LoopCounters& counters)
      : loop_(&loop), cache_(&cache), fetcher_(&fetcher), counters_(&counters) {}

  // `trusted`: an operator's purge is kept in full even when this node never saw the token.
  cache::TokenCache::Purged purge_token(const cache::TokenHash& token, cache::ServerId server, bool trusted);
  // An entry of the token is there, or it is dead. A flight alone proves nothing (F102).
  bool knows(const cache::TokenHash& token, cache::ServerId server) const;
  void flush(cache::ServerId server);
  // Everything that a source said of one AS, in this turn and in order: when this returns, every later lookup of any
  // thread says so (I5).
  void apply(cache::ServerId server, std::span<const oauth::Signal> signals, bool trusted);
  // The AS refused our credential: reads it again; a changed one retires what the old one brought (F63, I50).
  bool renew_credential(cache::ServerId server);
  bool lift_dead(const cache::TokenHash& token, cache::ServerId server, cache::Seq seq);

 private:
  ports::EventLoop* loop_;
  cache::TokenCache* cache_;
  Fetcher* fetcher_;
  LoopCounters* counters_;
};

}  // namespace introspectd::service
