// Story: what scenario tests share: calm worlds in which nothing is left to chance, and the question at the end.
// Threads: one.  Errors: doctest's.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "tests/sim/simulation.h"

namespace introspectd::sim {

// Bytes and posts arrive at once and whole: the clock moves only when the story says so, or a server takes its time.
inline WorldKnobs calm_knobs() {
  WorldKnobs knobs = plain_knobs();
  knobs.streams.delay_most = Duration::zero();
  knobs.streams.one_in_cut = knobs.streams.one_in_short = knobs.streams.one_in_would_block = 0;
  knobs.loops = {Duration::zero(), Duration::zero()};
  knobs.servers[0].knobs.latency_least = knobs.servers[0].knobs.latency_most = std::chrono::milliseconds{2};
  return knobs;
}

// Two servers that share nothing; caller 0 asks the first, caller 1 the second.
inline WorldKnobs two_server_knobs() {
  WorldKnobs knobs = calm_knobs();
  knobs.servers.push_back(knobs.servers[0]);
  knobs.servers[1].name = "other";
  knobs.callers[1].server = 1;
  return knobs;
}

inline std::string violations_of(Simulation& sim) {
  std::string text;
  for (const Violation& violation : sim.oracle().violations()) {
    text += violation.invariant + ": " + violation.sentence + "\n" + violation.story;
  }
  return text;
}

// The end of every story: all are served and the oracle has nothing to say.
inline void expect_clean_end(Simulation& sim) {
  sim.finish();
  CHECK(violations_of(sim) == "");
}

// Which call an active answer came from.
inline bool is_from_call(const AskRecord& ask, std::uint64_t call) {
  return ask.body.find("\"call\":" + std::to_string(call) + ",") != std::string::npos ||
         ask.body.find("\"call\" : " + std::to_string(call) + ",") != std::string::npos ||
         ask.body.find("\"call\":" + std::to_string(call) + "}") != std::string::npos;
}

}  // namespace introspectd::sim
