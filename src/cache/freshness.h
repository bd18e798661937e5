// Freshness: how long a determination may be served, and what it is worth right now (RFC 7662 §4).
// Pure: values in, values out. A life is counted from the start of the upstream call, never from its end, and is set
// once (I8); `exp` is compared with the wall clock at every read as well (I7, I11).
// Threads: values.  Errors: none; what may not be kept is "not storable" (I9, I10).  Cost: a few comparisons.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "oauth/introspection_answer.h"

namespace introspectd::cache {

struct FreshnessPolicy {
  Duration ttl = std::chrono::seconds{30};
  Duration ttl_without_exp = std::chrono::seconds{30};
  Duration negative_ttl = std::chrono::seconds{5};
  Duration exp_skew = std::chrono::seconds{1};
  Duration ttl_live{};   // of an AS with a revocation channel: its records may last as long, and the channel is judged
                         // at every read (I13); zero: it has none
};

// `exp` of a record: seconds since 1970, or kNoExp. Later than 2106 is kept as kFarExp: the TTL ends long before.
inline constexpr std::uint32_t kNoExp = 0xffffffffU;
inline constexpr std::uint32_t kFarExp = 0xfffffffeU;

struct Worth {
  bool active = false;                // what may be said now
  bool storable = false;
  MonoTime dies;                      // not served from this instant on; only where storable
  std::uint32_t exp = kNoExp;
  std::uint32_t iat = 0;              // 0: unknown
  bool not_current = false;           // the AS said active, but exp has passed or nbf has not come (F57, F58, F59)
  bool clock_skew_suspected = false;  // iat lies in the future: served, not stored (F59)
};

// `start` is when the upstream call began, `now` when its answer is judged.
Worth judge_freshness(const oauth::IntrospectionAnswer& answer, const FreshnessPolicy& policy, Now start, Now now);

// W < exp − skew (I7).
constexpr bool before_exp(std::uint32_t exp, WallTime now, Duration skew) {
  return exp == kNoExp || now < WallTime::from_seconds(exp) - skew;
}

}  // namespace introspectd::cache
