#include "oauth/arrival.h"

#include <utility>

#include "base/mutant.h"

namespace introspectd::oauth {

Signals cut_off_by_arrival(ClaimMatch match, WallTime now) {
  Signal cut_off;
  cut_off.kind = SignalKind::kCutOff;
  cut_off.match = std::move(match);
  cut_off.event_time = now.ms() / 1000;
  if (!cut_off.match.empty() || MUTANT(arrival_dated_by_the_wall_clock_alone)) return {cut_off};
  Signal flush;
  flush.kind = SignalKind::kFlush;
  flush.event_time = cut_off.event_time;
  return {cut_off, flush};
}

}  // namespace introspectd::oauth
