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

// What is known of purges that match a flight: the newest one's seq (0: none), and whether the token is dead.
struct MatchingPurge {
  Seq newest = 0;
  bool dead = false;
};

constexpr bool may_store(Seq flight, const MatchingPurge& purge) { return !purge.dead && purge.newest < flight; }

enum class WaiterFate : std::uint8_t {
  kAnswer,     // may have what the flight brought
  kInactive,   // the token is dead: false, whatever the AS said
  kSuccessor,  // must wait for a flight that starts after the purge
};

// `waiter` is the seq at the waiter's own lookup.
constexpr WaiterFate judge_waiter(Seq flight, Seq waiter, const MatchingPurge& purge) {
  if (purge.dead) return WaiterFate::kInactive;
  if (purge.newest < flight || MUTANT(join_after_purge)) return WaiterFate::kAnswer;
  return waiter < purge.newest ? WaiterFate::kAnswer : WaiterFate::kSuccessor;
}

}  // namespace introspectd::cache
