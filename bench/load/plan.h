// Plan: what a run of the load generator does, from its arguments.
// Threads: a value.  Owns: its strings.  Errors: a contradiction ends the program (exit 2).  Cost: start-up only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "load/token_mix.h"
#include "support/socket.h"

namespace introspectd::bench {

struct Plan {
  Address address;
  std::string basic = "YmVuY2g6YmVuY2gtc2VjcmV0";  // bench:bench-secret
  std::size_t connections = 64;
  std::size_t depth = 1;             // requests in one write; the next batch goes when all are answered
  bool new_connection = false;       // one request, then close
  double rate = 0;                   // open loop: requests a second; 0 = closed loop
  bool spin = false;                 // never sleep between replies (always so in the open loop)
  double warm_up_seconds = 0.2;
  double seconds = 1;
  std::uint64_t requests = 0;        // ends the run when this many were answered; 0 = by time only
  std::int64_t server_pid = 0;       // whose CPU is measured
  std::int64_t core = -1;
  std::uint64_t token_seed = 1;
  std::uint64_t order_seed = 1;
  MixPlan mix;
};

Plan plan_from_arguments(int argc, char** argv);

}  // namespace introspectd::bench
