// EventFigures: what became of revocation events, by where they came from: verdicts, duplicates, and how long after the
// AS's own time an event was applied here (the revocation lag).
// Threads: values; counted on the back loop.  Owns: numbers.  Errors: none.  Cost: O(buckets) a lag.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "service/event_inbox.h"

namespace introspectd::service {

// Seconds, upper bounds of the buckets; the last is +Inf. `iat` is in whole seconds, so below 1 s it only says "at once".
inline constexpr std::array<double, 13> kLagBounds{0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
                                                   120.0, 300.0, 900.0};

struct LagFigures {
  std::array<std::uint64_t, kLagBounds.size() + 1> buckets{};
  double sum_seconds = 0;

  void add(double seconds) {
    const double lag = seconds < 0 ? 0 : seconds;   // the AS's clock may run ahead of ours
    std::size_t bucket = 0;
    while (bucket < kLagBounds.size() && lag > kLagBounds[bucket]) ++bucket;
    ++buckets[bucket];
    sum_seconds += lag;
  }
};

struct EventFigures {
  struct Origin {
    std::array<std::uint64_t, kEventVerdicts> verdicts{};
    std::uint64_t duplicates = 0;   // accepted again, by (AS, kind, jti)
    LagFigures lag;                 // of what was accepted
  };
  std::array<Origin, kEventOrigins> origins;
  std::uint64_t unknown_events = 0;        // event types that are accepted and ignored (STD 5.25)
  std::uint64_t unmappable_subjects = 0;   // subjects that name nothing which tokens carry
  std::size_t waiting = 0;                 // for keys, for their turn, or for the outbox

  const Origin& of(EventOrigin origin) const { return origins[static_cast<std::size_t>(origin)]; }
  std::uint64_t count(EventOrigin origin, EventVerdict verdict) const {
    return of(origin).verdicts[static_cast<std::size_t>(verdict)];
  }
};

}  // namespace introspectd::service
