// WorldKnobs: everything that differs from one simulated world to the next: the configuration of the daemon, the
// behaviour of the servers, what the callers do and how often. The swarm draws them from the seed.
// Threads: values.  Errors: none.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/time.h"
#include "tests/sim/sim_loop.h"
#include "tests/sim/sim_stream.h"
#include "tests/sim/sim_upstream.h"

namespace introspectd::sim {

struct CallerKnobs {
  std::string id;
  std::string secret;
  std::vector<std::string> audience;   // empty: any
  ServerIndex server = 0;
  std::size_t max_in_flight = 128;
};

struct ServerSetup {
  std::string name;
  bool has_revocation_endpoint = true;
  bool credential_in_body = false;     // client_secret_post
  Duration timeout = std::chrono::seconds{2};
  std::size_t max_in_flight = 256;
  Duration replica_lag{};
  ServerKnobs knobs;
};

struct WorldKnobs {
  // the daemon
  std::size_t front_loops = 2;
  std::size_t cache_shards = 8;        // of 8 MiB: 512 make tiny shards
  std::size_t max_connections = 10000;
  Duration ttl = std::chrono::seconds{30};
  Duration ttl_without_exp = std::chrono::seconds{30};
  Duration negative_ttl = std::chrono::seconds{5};
  Duration tombstone_ttl = std::chrono::minutes{10};
  Duration exp_skew = std::chrono::seconds{1};
  Duration hold = std::chrono::seconds{10};
  Duration request_timeout = std::chrono::seconds{5};
  std::vector<ServerSetup> servers;
  std::vector<CallerKnobs> callers;
  SimLoop::Knobs loops;
  StreamKnobs streams;

  // what an unknown revoked token is kept for (DESIGN §5): hold + the longest flight
  Duration longest_flight() const;
  Duration unknown_ttl() const { return hold + longest_flight(); }
};

// Two callers of one server, all as the defaults say.
WorldKnobs plain_knobs();

}  // namespace introspectd::sim
