// What may justify a `true` (I1-I3, I7-I13, I15-I17, I20, I22).
#include <algorithm>
#include <charconv>

#include "tests/sim/oracle.h"

namespace introspectd::sim {
namespace {

// The number of the call that an active answer came from: the member "call" of its body.
std::uint64_t call_of(const std::string& body) {
  std::size_t at = body.find("\"call\"");
  if (at == std::string::npos) return 0;
  at = body.find_first_of("0123456789", at);
  if (at == std::string::npos) return 0;
  std::uint64_t id = 0;
  std::from_chars(body.data() + at, body.data() + body.size(), id);
  return id;
}

std::string named(const char* what, const AskRecord& ask, const CallRecord& call) {
  return std::string(what) + " (request " + std::to_string(ask.id) + ", from call " + std::to_string(call.id) + ")";
}

// One second of wall time is the unit of exp: seconds, compared in milliseconds.
WallTime seconds_of(std::int64_t seconds) { return WallTime::from_seconds(std::min<std::int64_t>(seconds, 0xfffffffeLL)); }

}  // namespace

void Oracle::judge_true(const AskRecord& ask) {
  const CallRecord* const call = history_->find_call(call_of(ask.body));
  if (call == nullptr) {
    found("I17", "a true that no server ever said: " + ask.body, ask.server, ask.token);
    return;
  }
  const Served served{ask, *call, call->ended.happened() && call->ended.stamp < ask.received.stamp};
  i15_i16_view_and_key(served);
  i17_provenance(served);
  i22_policy_and_bytes(served);
  i1_i2_i3_purges(served);
  i1_i2_i3_claims(served);
  i7_not_past_exp(served);
  f59_not_before(served);
  i20_last_start_wins(served);
  if (!served.from_store) return;
  i50_new_credential(served);
  i52_cold_start(served);
  i9_zero_ttl_not_stored(served);
  i10_no_exp_short_life(served);
  i11_wall_clock_never_lengthens(served);
  i13_i12_i8_age(served);
}

// I15: only calls of the same view. I16: different tokens never share a key.
void Oracle::i15_i16_view_and_key(const Served& served) {
  const auto& [ask, call, stored] = served;
  if (call.server != ask.server) found("I15", named("a true of another view", ask, call), ask.server, ask.token);
  if (call.token != ask.token) found("I16", named("a true of another token", ask, call), ask.server, ask.token);
}

// I17: a complete, strict HTTP 200 is the only thing that determines; and it had come before it was told.
void Oracle::i17_provenance(const Served& served) {
  const auto& [ask, call, stored] = served;
  if (call.verdict != Verdict::kActive) {
    found("I17", named("a true out of no determination", ask, call), ask.server, ask.token);
  }
  if (!call.ended.happened() || call.ended.stamp > ask.replied.stamp) {
    found("I17", named("a true before its call had ended", ask, call), ask.server, ask.token);
  }
}

bool Oracle::suits(std::size_t caller, const CallRecord& call) const {
  const std::vector<std::string>& wanted = knobs_->callers[caller].audience;
  if (wanted.empty()) return true;
  return std::any_of(wanted.begin(), wanted.end(), [&](const std::string& name) {
    return std::find(call.aud.begin(), call.aud.end(), name) != call.aud.end();
  });
}

// I22: policy runs on hits too, and a cached reply has the same bytes.
void Oracle::i22_policy_and_bytes(const Served& served) {
  const auto& [ask, call, stored] = served;
  if (!suits(ask.caller, call)) {
    found("I22", named("a true for a caller that is not in its audience", ask, call), ask.server, ask.token);
  }
  if (ask.body != call.body) found("I22", named("not the bytes of the AS", ask, call), ask.server, ask.token);
}

// I1, I5: after the acknowledgement a true needs a call that started after the purge. I2: a call that was under way at
// the purge was stored. I3: a request joined it.
void Oracle::i1_i2_i3_purges(const Served& served) {
  each_purge(served.ask.server, served.ask.token, [&](const PurgeRecord& purge) { judge_start(served, purge); });
}

void Oracle::judge_start(const Served& served, const PurgeRecord& purge) {
  const auto& [ask, call, stored] = served;
  if (!was_applied(purge) || purge.acked.stamp >= ask.received.stamp) return;
  if (call.started.stamp > purge.received.stamp) return;
  if (!stored) {
    found("I3", named("joined a flight from before an acknowledged purge", ask, call), ask.server, ask.token);
  } else if (call.ended.stamp < purge.received.stamp) {
    found("I1", named("an entry outlived an acknowledged purge", ask, call), ask.server, ask.token);
  } else {
    found("I2", named("a flight from before a purge was stored after it", ask, call), ask.server, ask.token);
  }
}

// I7: no true at W >= exp - skew, at the moment of the decision: within [received or call's end, replied].
void Oracle::i7_not_past_exp(const Served& served) {
  const auto& [ask, call, stored] = served;
  if (!call.exp) return;
  const Moment& from = stored ? ask.received : call.ended;
  if (world_->least_wall(from, ask.replied) >= seconds_of(*call.exp) - knobs_->exp_skew) {
    found("I7", named("a true past exp", ask, call), ask.server, ask.token);
  }
}

// F59: nbf in the future beyond the skew is false; iat in the future is served but not stored.
void Oracle::f59_not_before(const Served& served) {
  const auto& [ask, call, stored] = served;
  const Moment& until = stored ? call.ended : ask.replied;
  const WallTime latest = world_->greatest_wall(call.ended, until) + knobs_->exp_skew;
  if (call.nbf && seconds_of(*call.nbf) > latest) {
    found("F59", named("a true before nbf", ask, call), ask.server, ask.token);
  }
  if (stored && call.iat && seconds_of(*call.iat) > latest) {
    found("F59", named("an answer from the future was stored", ask, call), ask.server, ask.token);
  }
}

// I50: once a reply under the new credential was there, nothing that the old one brought is served.
void Oracle::i50_new_credential(const Served& served) {
  const auto& [ask, call, stored] = served;
  const auto& firsts = health_[ask.server].first_under_credential;
  for (std::size_t newer = call.credential + 1; newer < firsts.size(); ++newer) {
    if (firsts[newer].happened() && firsts[newer].stamp < ask.received.stamp) {
      found("I50", named("an entry of a retired credential", ask, call), ask.server, ask.token);
    }
  }
}

// I52: no determination is persisted across a start.
void Oracle::i52_cold_start(const Served& served) {
  const auto& [ask, call, stored] = served;
  if (call.ended.stamp > history_->node_started.stamp) return;
  found("I52", named("an entry from before the start", ask, call), ask.server, ask.token);
}

Duration Oracle::life(const CallRecord& call) const {
  return call.exp ? knobs_->ttl : std::min(knobs_->ttl, knobs_->ttl_without_exp);
}

// With `clear`, what is older than channel_timeout is asked for again while a channel is not proven.
Duration Oracle::life_at_least(const CallRecord& call) const {
  const FeedKnobs& feed = knobs_->servers[call.server].feed;
  const bool may_be_cleared = knobs_->clear_on_channel_loss && (feed.poll || feed.verification);
  return may_be_cleared ? std::min(life(call), knobs_->channel_timeout) : life(call);
}

// I9: 0 never means for ever.
void Oracle::i9_zero_ttl_not_stored(const Served& served) {
  const auto& [ask, call, stored] = served;
  if (life(call) <= Duration::zero()) found("I9", named("a zero TTL was stored", ask, call), ask.server, ask.token);
}

// I10: without exp at most ttl_without_exp.
void Oracle::i10_no_exp_short_life(const Served& served) {
  const auto& [ask, call, stored] = served;
  if (call.exp || ask.received.mono - call.started.mono < knobs_->ttl_without_exp) return;
  found("I10", named("a token without exp lived too long", ask, call), ask.server, ask.token);
}

// I11: the life up to exp is measured once, at the start of the call; setting the wall clock back adds nothing.
void Oracle::i11_wall_clock_never_lengthens(const Served& served) {
  const auto& [ask, call, stored] = served;
  if (!call.exp) return;
  const Duration left = seconds_of(*call.exp) - knobs_->exp_skew - call.started.wall;
  if (ask.received.mono - call.started.mono >= left) {
    found("I11", named("older than exp allowed at its start", ask, call), ask.server, ask.token);
  }
}

// I13: an entry is served for `ttl` from the start of its call, or from the last proof of a stretch that it began in. I12:
// a suspend counts. I8: hits do not.
void Oracle::i13_i12_i8_age(const Served& served) {
  const auto& [ask, call, stored] = served;
  i13_clear(served);
  const Duration age = ask.received.mono - call.started.mono;
  if (age < life(call) || proven_young(served)) return;
  const Duration slept = ask.received.slept - call.started.slept;
  if (age - slept < life(call)) {
    found("I12", named("a suspend did not age it", ask, call), ask.server, ask.token);
  } else {
    found("I13", named("older than its ttl (I8: a hit never moves the deadline)", ask, call), ask.server, ask.token);
  }
}

// I20: of two flights of one key that end out of order the one that started last wins.
void Oracle::i20_last_start_wins(const Served& served) {
  const auto& [ask, call, stored] = served;
  for (const std::size_t i : history_->calls_for(ask.server, ask.token)) {
    const CallRecord& later = history_->calls[i];
    if (later.verdict == Verdict::kNothing || !later.ended.happened()) continue;
    if (later.started.stamp > call.started.stamp && later.ended.stamp < ask.received.stamp) {
      found("I20", named("an older answer outlived a later one", ask, call), ask.server, ask.token);
    }
  }
}

}  // namespace introspectd::sim
