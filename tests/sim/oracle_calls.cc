// What a call at an authorization server must be (I4, I21, I28, I31-I33).
#include <algorithm>

#include "tests/sim/oracle.h"

namespace introspectd::sim {
namespace {

constexpr unsigned kFailuresToOpen = 10;
// Retries are counted in buckets of a second, so a window of nine whole seconds is what they can be held to.
constexpr Duration kRetryWindow = std::chrono::seconds{9};
constexpr std::size_t kRetriesAlways = 10;
constexpr Duration kProbeGapLeast = std::chrono::milliseconds{500};

void forget_before(std::deque<MonoTime>& times, MonoTime limit) {
  while (!times.empty() && times.front() < limit) times.pop_front();
}

}  // namespace

void Oracle::on_call_started(const CallRecord& call) {
  std::vector<Moment>& firsts = health_[call.server].first_under_credential;
  if (firsts.size() <= call.credential) firsts.resize(call.credential + 1);
  if (!firsts[call.credential].happened()) firsts[call.credential] = call.started;
  i21_fidelity(call);
  i32_limits(call);
  i33_retries(call);
  i33_probes(call);
  if (call.is_revocation || call.learns) return;
  i4_dead_is_not_asked(call);
  i31_one_flight(call);
  f44_nobody_asks_twice(call);
}

// I21: the token that arrives was asked about, byte for byte. I28: by somebody who may ask.
void Oracle::i21_fidelity(const CallRecord& call) {
  if (history_->asked.contains(History::key(call.server, call.token))) return;
  found("I21", "a call for a token that no authorised caller sent to this server: " + call.token, call.server,
        call.token);
}

// Those who waited for a flight that a purge had overtaken are sent on when it ends, whatever a younger one has brought;
// and those who could not join it start then, though it had been tried again after the purge.
bool Oracle::follows_up(const CallRecord& call, const CallRecord& before) const {
  const auto& calls = history_->calls_for(call.server, call.token);
  return std::any_of(calls.begin(), calls.end(), [&](std::size_t i) {
    const CallRecord& overtaken = history_->calls[i];
    const bool in_this_turn = overtaken.ended.happened() && overtaken.ended.mono == call.started.mono;
    return in_this_turn && (overtaken.retry || overtaken.started.stamp < before.started.stamp);
  });
}

// F44: what stands in the cache, fresh and untouched by any purge, is not asked for again.
void Oracle::f44_nobody_asks_twice(const CallRecord& call) {
  if (call.retry || excuses_().evicted || excuses_().forgot_dead) return;
  PurgeRecord now;
  now.kind = PurgeKind::kFlush;
  now.server = call.server;
  now.token = call.token;
  now.sent = now.acked = call.started;
  for (const std::size_t i : history_->calls_for(call.server, call.token)) {
    const CallRecord& before = history_->calls[i];
    if (before.id == call.id || !before.ended.happened() || !stands_stored(before, now, call.id)) continue;
    if (follows_up(call, before)) continue;
    found("F44", "call " + std::to_string(call.id) + " for what call " + std::to_string(before.id) + " had brought",
          call.server, call.token);
  }
}

// A retry belongs to the flight of its first try, which ended in the same turn.
Stamp Oracle::flight_start(const CallRecord& call) const {
  if (!call.retry) return call.started.stamp;
  const CallRecord* first = nullptr;
  for (const std::size_t i : history_->calls_for(call.server, call.token)) {
    const CallRecord& other = history_->calls[i];
    const bool in_this_turn = other.ended.happened() && other.ended.mono == call.started.mono;
    if (other.retry || !in_this_turn || other.ended.stamp > call.started.stamp) continue;
    if (first == nullptr || other.ended.stamp > first->ended.stamp) first = &other;
  }
  if (first != nullptr) return first->started.stamp;
  return call.started.stamp;
}

// I31: one flight per key that new requests join, and at most one older one, which a purge has overtaken.
void Oracle::i31_one_flight(const CallRecord& call) {
  std::size_t others = 0;
  for (const std::size_t i : history_->calls_for(call.server, call.token)) {
    const CallRecord& other = history_->calls[i];
    if (other.id == call.id || other.ended.happened()) continue;
    ++others;
    const Stamp older = std::min(flight_start(call), flight_start(other));
    bool overtaken = history_->credential[call.server] != 0;   // a new credential floors everything
    each_purge(call.server, call.token, [&](const PurgeRecord& purge) {
      overtaken = overtaken || (!purge.refused && (!purge.acked.happened() || purge.acked.stamp > older));
    });
    for (const std::size_t purge : history_->claim_purges_of[call.server]) {   // of all a server issued: a floor
      overtaken = overtaken || history_->purges[purge].claims.empty();
    }
    if (!overtaken && !excuses_().raised_floor) {
      found("I31", "call " + std::to_string(call.id) + " beside call " + std::to_string(other.id) + " for no reason",
            call.server, call.token);
    }
  }
  // A renewed credential is tried beside the flights that it overtakes.
  if (others > 1 && history_->credential[call.server] == 0) found("I31", "three flights of one key", call.server, call.token);
}

// I32: calls in flight are limited; what is over is refused.
void Oracle::i32_limits(const CallRecord& call) {
  if (history_->in_flight[call.server] <= knobs_->servers[call.server].max_in_flight) return;
  found("I32", "more calls in flight than max_in_flight: " + std::to_string(history_->in_flight[call.server]),
        call.server, call.token);
}

// I33: at most two tries a flight, and retries stay within their budget.
void Oracle::i33_retries(const CallRecord& call) {
  Health& health = health_[call.server];
  const MonoTime now = call.started.mono;
  forget_before(health.retries, now - kRetryWindow);
  forget_before(health.first_tries, now - kRetryWindow - std::chrono::seconds{1});
  (call.retry ? health.retries : health.first_tries).push_back(now);
  if (!call.retry) return;
  if (health.retries.size() > kRetriesAlways + health.first_tries.size() / 10) {
    found("I33", "more retries than the budget allows: " + std::to_string(health.retries.size()), call.server);
  }
  if (call.is_revocation) return;
  const auto begun_by = [&](const CallRecord& first) {
    return !first.retry && first.ended.happened() && first.ended.mono == now && first.verdict == Verdict::kNothing;
  };
  const auto& calls = history_->calls_for(call.server, call.token);   // without look-ups before a revocation
  const bool second =
      call.learns ? std::any_of(history_->calls.begin(), history_->calls.end(),
                                [&](const CallRecord& first) {
                                  return first.learns && first.server == call.server && first.token == call.token &&
                                         begun_by(first);
                                })
                  : std::any_of(calls.begin(), calls.end(), [&](std::size_t i) { return begun_by(history_->calls[i]); });
  if (!second) found("I33", "a retry that follows no first try", call.server, call.token);
}

// I33: while the breaker is open one probe an interval. It opens after ten failures in a row, if it had not just closed.
void Oracle::i33_probes(const CallRecord& call) {
  Health& health = health_[call.server];
  const MonoTime now = call.started.mono;
  if (health.open && !call.retry && !call.is_revocation && !call.learns) {
    // The first may have been due: the daemon can have opened a little before we were sure of it.
    const bool first = health.last_start < health.opened;
    if (!first && now - health.last_start < kProbeGapLeast) {
      found("I33", "more than one probe an interval", call.server, call.token);
    }
    health.last_start = now;
  }
}

void Oracle::on_call_ended(const CallRecord& call) {
  Health& health = health_[call.server];
  if (call.server_in_order) {
    health.failures = 0;
    health.open = false;
    health.last_success = call.ended.mono;
  }
  if (!call.server_failed) return;
  health.ever_failed = true;
  ++health.failures;
  const bool settled = call.ended.mono - health.last_success > std::chrono::seconds{2};
  if (!health.open && health.failures >= kFailuresToOpen && settled) {
    health.open = true;
    health.opened = call.ended.mono;
  }
}

}  // namespace introspectd::sim
