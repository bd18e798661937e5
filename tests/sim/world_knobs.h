// WorldKnobs: everything that differs from one simulated world to the next: the configuration of the daemon, the
// behaviour of the servers, what the callers do and how often. The swarm draws them from the seed.
// Threads: values.  Errors: none.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/time.h"
#include "tests/sim/sim_event_stream.h"
#include "tests/sim/sim_loop.h"
#include "tests/sim/sim_storage.h"
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

// The revocation channels of a server, and how they go wrong.
struct FeedKnobs {
  bool events = false;                 // signed events of it are accepted: issuer, keys and audience are configured
  bool poll = false;                   // the node polls it for SETs
  bool verification = false;           // the node asks it for verification events
  bool flush_when_unmappable = false;
  Duration latency_most = std::chrono::milliseconds{20};
  std::size_t events_most = 100;       // of one poll
  Duration long_poll = std::chrono::seconds{8};      // how long it holds a poll open
  std::uint64_t one_in_poll_fault = 0;     // one of all faults instead of an answer; 0: never
  std::uint64_t one_in_poll_hang = 0;
  std::uint64_t one_in_keys_fault = 0;
  std::uint64_t one_in_verification_lost = 0;
  bool down = false;                       // neither polls nor keys nor verifications are answered
};

struct ServerSetup {
  std::string name;
  bool has_revocation_endpoint = true;
  bool credential_in_body = false;     // client_secret_post
  Duration timeout = std::chrono::seconds{2};
  std::size_t max_in_flight = 256;
  Duration replica_lag{};
  ServerKnobs knobs;
  FeedKnobs feed;
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
  Duration ttl_live = std::chrono::minutes{5};
  bool clear_on_channel_loss = false;
  bool logout_is_cut_off = true;       // on_logout
  Duration channel_timeout = std::chrono::seconds{30};
  Duration request_timeout = std::chrono::seconds{5};
  std::vector<ServerSetup> servers;
  std::vector<CallerKnobs> callers;
  bool has_disk = false;               // state_dir
  StorageKnobs disk;
  bool in_fleet = false;
  std::string fleet_key = "the fleet's key";   // empty: purges without a signature stay local
  EventStreamKnobs stream;
  SimLoop::Knobs loops;
  StreamKnobs streams;

  // what an unknown revoked token is kept for (DESIGN §5): hold + the longest flight
  Duration longest_flight() const;
  Duration unknown_ttl() const { return hold + longest_flight(); }
};

// Two callers of one server, all as the defaults say.
WorldKnobs plain_knobs();

}  // namespace introspectd::sim
