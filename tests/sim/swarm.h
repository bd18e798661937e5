// Swarm: one world per seed. The seed switches on a random subset of faults and extremes (tiny TTLs, a tiny cache, slow
// or failing servers, purge storms, clock jumps, suspends, callers that leave) and then lets callers do as they please.
// Threads: one.  Owns: the world of the seed.  Errors: the violations in the result.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "service/loop_counters.h"
#include "service/outcomes.h"
#include "tests/sim/oracle.h"

namespace introspectd::sim {

struct SwarmResult {
  std::uint64_t trace_hash = 0;
  std::uint64_t requests = 0;
  std::uint64_t steps = 0;
  std::uint64_t trues = 0, falses = 0, errors = 0, calls = 0, purges = 0, gone = 0;
  std::array<std::uint64_t, service::kCounters> counters{};   // the daemon's own
  std::array<std::uint64_t, service::kOutcomes> outcomes{};
  std::vector<Violation> violations;
  std::string story;         // with `tell`: which switches were on
};

SwarmResult run_seed(std::uint64_t seed, std::uint64_t requests, bool tell = false, bool feeds = false);

}  // namespace introspectd::sim
