// SwarmPlan: what one seed does, drawn from it once: the world's knobs and how often callers do what.
// Threads: values.  Errors: none.
#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"
#include "tests/sim/world_knobs.h"

namespace introspectd::sim {

struct SwarmPlan {
  WorldKnobs world;
  std::string switches;              // the names of what is on, for the report

  std::size_t tokens = 16;
  std::size_t clients = 6;
  std::size_t padding_most = 0;
  bool tiny_shards = false;          // all tokens fall into one shard of 16 KiB
  Duration gap_most = std::chrono::milliseconds{2};
  std::uint64_t one_in_long_gap = 0;
  Duration long_gap_most = std::chrono::seconds{10};
  std::uint64_t pipeline_most = 1;
  // one in so many requests; 0: never
  std::uint64_t made_up = 0, impossible = 0, revoke = 0, operator_purge = 0, flush = 0;
  std::uint64_t bad_credential = 0, broken_form = 0, broken_http = 0, wrong_route = 0;
  std::uint64_t leave = 0, half_close = 0, slow_reader = 0;
  std::uint64_t wall_jump = 0, suspend = 0, stall = 0, outage = 0;
  std::uint64_t purge_storm = 0;     // many tokens of one shard are revoked while they are asked for
  std::uint64_t rotate = 0;
  // revocation by claim
  std::uint64_t claim_purge = 0;     // applied as a receiver does
  std::uint64_t claim_storm = 0;     // many of them at once, of claims that nobody has
  std::uint64_t event = 0;           // of a server's feed: pushed or polled, late or twice
  std::uint64_t forgery = 0;
  std::uint64_t key_rotation = 0, feed_outage = 0, pause = 0;
  std::uint64_t crash = 0;           // the daemon's, and a start again
  bool sessions = false;             // answers carry sid, iat and offline_access
  bool drain = false;
  std::uint64_t reissue = 0;         // a new token takes the place of an old one
  std::uint64_t storm = 0;           // many requests for one token at once
  bool odd_tokens = false;           // characters that need escaping
  bool odd_times = false;            // exp soon or past, nbf, iat in the future, fractions
};

// `feeds`: revocation channels too, and a daemon that crashes.
SwarmPlan draw_plan(Random& random, bool feeds);

}  // namespace introspectd::sim
