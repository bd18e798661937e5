// Judgement: the one rule by which a determination may be stored or served once purges are known (DESIGN §3).
// A determination carries the seq at which its upstream call started, a purge has a seq, and
//   a determination may be stored or served iff no newer purge matches it.
// The same rule serves a hit, a finished flight, its waiters and a relayed event (I1, I2, I3).
// Threads: values.  Errors: none.  Cost: comparisons.
#pragma once

#include <cstdint>

#include "base/mutant.h"

namespace introspectd::cache {

using Seq = std::uint64_t;   // 0 is before everything

// What is known of purges that match a determination.
struct MatchingPurge {
  Seq newest = 0;      // 0: none
  bool dead = false;   // the token is dead, or a cut-off matches: false, whatever the AS said
  bool hold = false;   // it may be said to who asks, and is not stored
  Seq oldest = ~Seq{0};   // of those that are newer than the determination, or older; none: `newest` is the only one

  void add(const MatchingPurge& other) {
    newest = newest > other.newest ? newest : other.newest;
    oldest = oldest < other.oldest ? oldest : other.oldest;
    dead = dead || other.dead;
    hold = hold || other.hold;
  }
};

constexpr bool may_store(Seq flight, const MatchingPurge& purge) {
  return !purge.dead && (!purge.hold || MUTANT(stored_within_the_hold)) && purge.newest < flight;
}

enum class WaiterFate : std::uint8_t {
  kAnswer,     // may have what the flight brought
  kInactive,   // the token is dead: false, whatever the AS said
  kSuccessor,  // must wait for a flight that starts after the purge
};

// `waiter` is the seq at the waiter's own lookup. A flight that only its answer shows to match is joined between two
// purges as well: who has seen the first of them waits for a successor.
constexpr WaiterFate judge_waiter(Seq flight, Seq waiter, const MatchingPurge& purge) {
  if (purge.dead) return WaiterFate::kInactive;
  if (purge.newest < flight || MUTANT(join_after_purge)) return WaiterFate::kAnswer;
  const Seq first = purge.oldest < purge.newest && !MUTANT(only_the_newest_purge_judged) ? purge.oldest : purge.newest;
  return waiter < first ? WaiterFate::kAnswer : WaiterFate::kSuccessor;
}

// A purge by claim, once its tags match: cut-off, logout and hold (SPEC §6).
enum class PurgeKind : std::uint8_t { kCutOff, kLogout, kHold };

// What a determination says of when and how its token was issued.
struct Issued {
  std::uint32_t iat = 0;         // seconds since 1970, by the AS's clock; 0: unknown
  bool offline_access = false;   // the scope has it: the token outlives the session
};

enum class ClaimFate : std::uint8_t {
  kUntouched,
  kDead,       // false
  kAsk,        // what is older is asked again, what started within the hold is not stored
};

// `cut_off`: the event's time, inclusive, by the AS's clock. `within_hold`: the determination's call started before the
// hold's end; what is older than the purge did.
constexpr ClaimFate judge_claim(PurgeKind kind, std::uint32_t cut_off, bool within_hold, const Issued& issued) {
  if (kind == PurgeKind::kHold) return within_hold ? ClaimFate::kAsk : ClaimFate::kUntouched;
  if (kind == PurgeKind::kLogout) {
    if (!within_hold) return ClaimFate::kUntouched;   // the AS has had its time to say so itself
    if (issued.offline_access && !MUTANT(offline_access_ignored)) return ClaimFate::kAsk;
  }
  if (issued.iat == 0) return within_hold ? ClaimFate::kAsk : ClaimFate::kUntouched;
  const bool before = MUTANT(cut_off_compared_the_wrong_way) ? issued.iat >= cut_off
                      : MUTANT(cut_off_exclusive)            ? issued.iat < cut_off
                                                             : issued.iat <= cut_off;
  return before ? ClaimFate::kDead : ClaimFate::kUntouched;
}

}  // namespace introspectd::cache
