// Plan: what a run of the load generator does, from its arguments.
// Threads: a value.  Owns: its strings.  Errors: a contradiction ends the program (exit 2).  Cost: start-up only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "load/token_mix.h"
#include "support/socket.h"

namespace introspectd::bench {

// What is asked, and how: RFC 7662 by POST; a resource behind a server that looks at the token itself (RFC 6750);
// memcached's text protocol, with the token as the key and the answer as the value.
enum class Protocol : std::uint8_t { kIntrospect, kBearer, kMemcachedGet, kMemcachedSet };

struct Plan {
  Protocol protocol = Protocol::kIntrospect;
  Address address;
  std::string basic = "YmVuY2g6YmVuY2gtc2VjcmV0";  // bench:bench-secret
  std::size_t connections = 64;
  std::size_t depth = 1;             // requests in one write; the next batch goes when all are answered
  bool new_connection = false;       // one request, then close
  double rate = 0;                   // open loop: requests a second; 0 = closed loop
  bool spin = false;                 // never sleep between replies (always so in the open loop that shares no core)
  bool share_core = false;           // open loop: sleep until a request is due, ahead of all else on the core
  double warm_up_seconds = 0.2;
  double seconds = 1;
  std::uint64_t requests = 0;        // ends the run when this many were answered; 0 = by time only
  std::vector<std::int64_t> server_pids;  // whose CPU is measured, summed
  std::int64_t core = -1;
  std::uint64_t token_seed = 1;
  std::uint64_t order_seed = 1;
  MixPlan mix;
};

Plan plan_from_arguments(int argc, char** argv);

}  // namespace introspectd::bench
