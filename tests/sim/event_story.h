// Stories with revocation events: the worlds that they begin with, and tokens that events can name.
// Threads: one.  Errors: doctest's.
#pragma once

#include <string>

#include "tests/sim/story.h"

namespace introspectd::sim {

inline WorldKnobs event_knobs() {
  WorldKnobs knobs = calm_knobs();
  knobs.servers[0].feed.events = true;
  return knobs;
}

inline WorldKnobs poll_knobs() {
  WorldKnobs knobs = event_knobs();
  knobs.servers[0].feed.poll = true;
  return knobs;
}

inline TokenTruth& issue_for(Simulation& sim, const std::string& token, const std::string& sub = "alice",
                             const std::string& sid = "s1") {
  TokenTruth& truth = sim.issue(token);
  truth.claims = {sub, sid, "app", "jti of " + token};
  truth.iat = sim.model().true_seconds() - 60;
  truth.exp = sim.model().true_seconds() + 3600;
  return truth;
}

}  // namespace introspectd::sim
