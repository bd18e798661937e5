#include "service/purger.h"

#include "base/mutant.h"

namespace introspectd::service {
namespace {

Counter counter_of(const oauth::Signal& signal) {
  if (signal.kind == oauth::SignalKind::kForgetNegatives) return Counter::kForgottenNegatives;
  if (signal.kind == oauth::SignalKind::kFlush) return Counter::kFlushes;
  if (!signal.match.jti.empty()) return Counter::kPurgesByJti;
  if (!signal.match.sid.empty()) return Counter::kPurgesBySid;
  if (!signal.match.sub.empty()) return Counter::kPurgesBySub;
  if (!signal.match.client_id.empty()) return Counter::kPurgesByClientId;
  return signal.kind == oauth::SignalKind::kCutOff ? Counter::kPurgesIssuedBefore : Counter::kFlushes;
}

}  // namespace

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

bool Purger::is_presented(const cache::TokenHash& token, cache::ServerId server) const {
  return cache_->has_record(token, server) || fetcher_->has_flight(token, server);
}

void Purger::flush(cache::ServerId server) {
  fetcher_->server_flushed(server, cache_->flush(server));
  counters_->add(Counter::kFlushes);
}

cache::Seq Purger::enter(cache::ServerId server, const oauth::Signal& signal) {
  counters_->add(counter_of(signal));
  return cache_->enter_purge(server, signal, loop_->now());
}

// It names a session, and no answer has ever said of which session a token is. Before the first answer that is not
// known, and to hold an AS of which nothing is stored costs little.
bool Purger::is_unmappable(cache::ServerId server, const oauth::Signal& signal) const {
  const oauth::ClaimMatch& match = signal.match;
  return !match.sid.empty() && match.sub.empty() && match.jti.empty() && !cache_->answers_carry_sid(server) &&
         settings_->authorization_servers[server].events.flush_when_unmappable && !MUTANT(unmappable_sid_ignored);
}

Purger::Applied Purger::apply(cache::ServerId server, std::span<const oauth::Signal> signals, bool trusted) {
  Applied applied;
  cache::Seq flushed = 0;
  bool barrier = false;
  bool hold_all = false;
  for (const oauth::Signal& signal : signals) {
    if (signal.kind == oauth::SignalKind::kDead) {
      const cache::TokenCache::Purged purged = purge_token({signal.token}, server, trusted);
      applied.last = purged.seq;
      applied.known_tokens += purged.known ? 1 : 0;
    } else {
      applied.last = enter(server, signal);
      barrier = true;
    }
    if (signal.kind == oauth::SignalKind::kFlush) flushed = applied.last;
    if (applied.first == 0) applied.first = applied.last;
    hold_all = hold_all || is_unmappable(server, signal);
  }
  // A floor alone would let in again what the AS goes on saying while it sends its notices.
  if (hold_all) applied.last = enter(server, oauth::Signal{});
  if (barrier) cache_->barrier();
  if (flushed != 0) fetcher_->server_flushed(server, flushed);
  sweeper_.wake();
  if (applied_) applied_(server, signals);
  return applied;
}

bool Purger::renew_credential(cache::ServerId server) { return fetcher_->renew_credential(server); }

bool Purger::lift_dead(const cache::TokenHash& token, cache::ServerId server, cache::Seq seq) {
  return cache_->lift_dead(token, server, seq);
}

}  // namespace introspectd::service
