#include "service/purger.h"

namespace introspectd::service {

cache::TokenCache::Purged Purger::purge_token(const cache::TokenHash& token, cache::ServerId server, bool trusted) {
  const bool flight_known = fetcher_->has_flight(token, server);
  const cache::TokenCache::Purged purged =
      cache_->purge_token(token, server, flight_known, trusted, loop_->now());
  fetcher_->token_purged(token, server, purged.seq);
  counters_->add(Counter::kPurges);
  return purged;
}

bool Purger::knows(const cache::TokenHash& token, cache::ServerId server) const {
  return cache_->knows(token, server, loop_->now());
}

void Purger::flush(cache::ServerId server) {
  fetcher_->server_flushed(server, cache_->flush(server));
  counters_->add(Counter::kFlushes);
}

void Purger::apply(cache::ServerId server, std::span<const oauth::Signal> signals, bool trusted) {
  bool floor = false;
  for (const oauth::Signal& signal : signals) {
    if (signal.kind == oauth::SignalKind::kDead) {
      purge_token({signal.token}, server, trusted);
    } else {
      floor = true;
    }
  }
  if (floor) flush(server);
}

bool Purger::renew_credential(cache::ServerId server) { return fetcher_->renew_credential(server); }

bool Purger::lift_dead(const cache::TokenHash& token, cache::ServerId server, cache::Seq seq) {
  return cache_->lift_dead(token, server, seq);
}

}  // namespace introspectd::service
