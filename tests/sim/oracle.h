// Oracle: watches a simulated world from outside and says which guarantee was broken (GUARANTEES.md). It knows the
// History (what was asked, answered, purged, and when), never the daemon's own state, and shares no code with it.
// Each active answer of a model AS carries the number of its call, so that every `true` names where it came from.
//   I1 I5 I6 the barrier      I2 no resurrection        I3 no stale join      I4 sticky dead tokens
//   I7 exp                    I8 I13 age, no slide      I9 zero TTL           I10 no exp
//   I11 wall clock            I12 suspend               I15 I16 view and key  I17 provenance
//   I18 I19 causes of false   I20 the last start wins   I21 fidelity          I22 policy, equal bytes
//   I23 I30 causes of errors  I28 unauthorised          I29 deadlines         I31 one flight
//   I32 limits                I33 retries, probes     F44 one call for all  I50 a new credential
// Purges by claim are judged by I1-I4 and I19 as well (oracle_claims): the oracle matches claims by itself.
// I25, I26, I27 are judged by SimClient as bytes arrive, I53 by the Node's counters, I54 by the swarm.
// Threads: one.  Owns: what it has found.  Errors: `violations`.  Cost: O(what is known of the token) a reply.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/history.h"
#include "tests/sim/sim_world.h"
#include "tests/sim/world_knobs.h"

namespace introspectd::sim {

struct Violation {
  std::string invariant;   // "I2"
  std::string sentence;
  std::string story;       // all that happened to the token
};

class Oracle {
 public:
  // What cannot be seen from outside and excuses the daemon: memory pressure, which is counted by it (I4).
  struct Excuses {
    bool forgot_dead = false;    // a dead token was forgotten for want of space
    bool evicted = false;        // some record or negative was
    bool forgot_claims = false;  // a cut-off by claim was
    bool raised_floor = false;   // a purge by claim could not be kept and became a floor
  };

  Oracle(const SimWorld& world, const History& history, const WorldKnobs& knobs, std::function<Excuses()> excuses);

  void on_call_started(const CallRecord& call);
  void on_call_ended(const CallRecord& call);
  void on_reply(const AskRecord& ask);
  // The daemon was started again: its breakers and budgets begin anew, and its cache is cold (I52).
  void on_restart();
  // Everything has been drained: nobody may still be waiting.
  void at_end();
  void found(std::string invariant, std::string sentence, ServerIndex server = 0, const std::string& token = {});
  void found(const std::string& sentence);   // "I21: …"
  // Stretches in which a loop got no CPU: they excuse a late reply.
  void allow_delay(Duration by) { allowed_delay_ += by; }

  bool clean() const { return violations_.empty(); }
  const std::vector<Violation>& violations() const { return violations_; }
  std::string story_of(ServerIndex server, const std::string& token) const;

 private:
  struct Served {
    const AskRecord& ask;
    const CallRecord& call;
    bool from_store = false;   // the call had ended before the request was received
  };

  // --- a true ---
  void judge_true(const AskRecord& ask);
  void i1_i2_i3_purges(const Served& served);
  void judge_start(const Served& served, const PurgeRecord& purge);
  void i1_i2_i3_claims(const Served& served);
  void i4_cut_off(const Served& served, const PurgeRecord& purge);
  void hold_is_not_stored(const Served& served, const PurgeRecord& purge);
  void i13_elsewhere(const Served& served, const PurgeRecord& purge);
  void i7_not_past_exp(const Served& served);
  void i9_zero_ttl_not_stored(const Served& served);
  void i10_no_exp_short_life(const Served& served);
  void i11_wall_clock_never_lengthens(const Served& served);
  void i13_i12_i8_age(const Served& served);
  bool proven_young(const Served& served) const;
  bool proven_young(const Served& served, const Moment& decided) const;
  void i13_clear(const Served& served);
  struct Stretch {
    bool any = false;
    MonoTime since, last;
  };
  std::optional<Stamp> seen_to_go_on(ServerIndex server, const Moment& until) const;
  Stretch proven_stretch(ServerIndex server, const Moment& until) const;
  void i15_i16_view_and_key(const Served& served);
  void i17_provenance(const Served& served);
  void i20_last_start_wins(const Served& served);
  void i22_policy_and_bytes(const Served& served);
  void f59_not_before(const Served& served);
  void i50_new_credential(const Served& served);
  void i52_cold_start(const Served& served);

  // --- a false ---
  void judge_false(const AskRecord& ask);
  bool call_explains_false(const AskRecord& ask, const CallRecord& call) const;
  bool purge_explains_false(const AskRecord& ask, const PurgeRecord& purge) const;
  bool claim_explains_false(const AskRecord& ask, const CallRecord& call) const;
  bool negatives_forgotten(const AskRecord& ask, const CallRecord& call) const;
  Duration dead_for_at_most() const;
  MonoTime dead_from_at_most(const Moment& now, const PurgeRecord& purge) const;
  bool found_it_dead(const PurgeRecord& purge) const;
  void i4_sticky(const AskRecord& ask);

  // --- an error ---
  void judge_error(const AskRecord& ask);
  bool call_explains_error(const AskRecord& ask, const CallRecord& call) const;
  void i28_same_bytes(const AskRecord& ask);
  void i29_in_time(const AskRecord& ask);

  // --- a call ---
  void i4_dead_is_not_asked(const CallRecord& call);
  void i21_fidelity(const CallRecord& call);
  Stamp flight_start(const CallRecord& call) const;
  void i31_one_flight(const CallRecord& call);
  void f44_nobody_asks_twice(const CallRecord& call);
  bool follows_up(const CallRecord& call, const CallRecord& before) const;
  void i32_limits(const CallRecord& call);
  void i33_retries(const CallRecord& call);
  void i33_probes(const CallRecord& call);

  bool was_applied(const PurgeRecord& purge) const;
  bool survived(const PurgeRecord& purge, const Moment& now) const;
  bool may_concern(const PurgeRecord& purge, const std::string& token) const;
  Duration lasts(const PurgeRecord& purge) const;
  MonoTime over_at_most(const PurgeRecord& purge, const Moment& now) const;
  MonoTime applied_at_most(const PurgeRecord& purge, const Moment& now) const;
  bool claim_disturbs(const CallRecord& call, const Moment& until) const;
  bool was_lifted(const PurgeRecord& purge) const { return purge.kind == PurgeKind::kRevoke && purge.status == 400; }
  bool certainly_known(const PurgeRecord& purge) const;
  bool stands_stored(const CallRecord& call, const PurgeRecord& purge, std::uint64_t but = 0) const;
  MonoTime dead_until_at_least(const PurgeRecord& purge) const;
  Duration life(const CallRecord& call) const;
  Duration life_at_least(const CallRecord& call) const;
  bool suits(std::size_t caller, const CallRecord& call) const;
  // Those of the token by name, and the flushes of its server; not those by claim.
  template <typename F>
  void each_purge(ServerIndex server, const std::string& token, F&& see) const {
    for (const std::size_t i : history_->purges_for(server, token)) see(history_->purges[i]);
    for (const std::size_t i : history_->flushes_of[server]) see(history_->purges[i]);
  }

  const SimWorld* world_;
  const History* history_;
  const WorldKnobs* knobs_;
  std::function<Excuses()> excuses_;
  Duration allowed_delay_{};
  std::map<std::string, std::string> unauthorised_replies_;   // by the kind of request
  struct Health {
    std::deque<MonoTime> retries, first_tries;
    unsigned failures = 0;         // in a row
    bool ever_failed = false;
    std::vector<Moment> first_under_credential;   // the first call that started with it
    MonoTime last_success, opened, last_start;
    bool open = false;
  };
  std::vector<Health> health_;
  std::vector<Violation> violations_;
};

}  // namespace introspectd::sim
