// KeptPurge: what is remembered of purges, as values that outlive the process (SPEC §4: only purges are persisted). Tags
// stay valid under the same claim key and names of ASs; times are what is left; seqs are given anew on import.
// Threads: values.  Owns: nothing.  Errors: none.  Cost: a few words each.
#pragma once

#include <cstdint>
#include <variant>

#include "base/time.h"
#include "cache/identity.h"
#include "cache/judgement.h"

namespace introspectd::cache {

struct KeptDeadToken {
  TokenHash token;
  ServerId server = 0;
  Duration left{};
};

struct KeptClaimPurge {
  std::uint64_t tag = 0;
  std::uint64_t constraint = 0;
  ServerId server = 0;
  PurgeKind kind = PurgeKind::kHold;
  bool without_sid = false;
  std::uint32_t cut_off = 0;   // seconds since 1970
  Duration hold_left{};        // zero: the hold has ended
  Duration left{};
};

// The issued-before cut-off of a whole AS: never forgotten.
struct KeptIssuedBefore {
  ServerId server = 0;
  std::uint32_t issued_before = 0;   // seconds since 1970, inclusive
};

// An AS of which purges found no room, in memory or in the file: nothing that is fetched in the time that is left is
// stored, as it may be older than they were (I6).
struct KeptHoldOfAll {
  ServerId server = 0;
  Duration left{};
};

using KeptPurge = std::variant<KeptDeadToken, KeptClaimPurge, KeptIssuedBefore, KeptHoldOfAll>;

}  // namespace introspectd::cache
