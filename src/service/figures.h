// Figures: what an operator may see, taken at one moment; and its two forms, the Prometheus text (0.0.4, STD 9.10–9.12)
// and the JSON of /status. Names of ASs and callers come from the configuration; never a token, claim or path.
// Threads: values; taken on the back loop.  Owns: its strings.  Errors: none.  Cost: O(servers + counters).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/token_cache.h"
#include "service/breaker.h"
#include "service/channels.h"
#include "service/event_figures.h"
#include "service/fleet.h"
#include "service/key_ring.h"
#include "service/loop_counters.h"
#include "service/outcomes.h"
#include "service/purge_journal.h"
#include "service/server_link.h"
#include "service/set_poller.h"
#include "service/stream_verifier.h"

namespace introspectd::service {

struct ServerFigures {
  std::string name;
  Breaker::State breaker = Breaker::State::kClosed;
  std::uint64_t breaker_opened = 0;
  std::size_t in_flight = 0;
  std::array<std::uint64_t, kCallCounters> calls{};
  std::array<std::uint64_t, kDurationBounds.size() + 1> durations{};
  double duration_sum_seconds = 0;
  ChannelFigures channel;
  std::optional<KeyRing::Counts> keys;                    // where it has a jwks_uri
  std::optional<SetPoller::Counts> polls;                 // where it is polled
  std::optional<StreamVerifier::Counts> verification;     // where its stream is verified
};

struct Figures {
  std::string_view version;
  double uptime_seconds = 0;
  bool draining = false;
  std::array<std::uint64_t, kCounters> counters{};   // summed over the loops
  std::array<std::uint64_t, kOutcomes> outcomes{};
  cache::ShardCounts cache;
  std::size_t cache_memory_bytes = 0;
  std::size_t flights = 0;
  std::size_t waiters = 0;
  std::vector<std::size_t> connections_of_loop;
  std::size_t admin_connections = 0;
  std::size_t notify_connections = 0;
  EventFigures events;
  cache::TokenCache::PurgeCounts purges;
  std::optional<FleetFigures> fleet;       // nullopt: this node is alone
  std::optional<JournalFigures> journal;   // nullopt: nothing is kept
  std::uint64_t log_lines_dropped = 0;
  std::uint64_t log_lines_suppressed = 0;
  std::vector<ServerFigures> servers;
};

ServerFigures figures_of(const ServerLink& link);

std::string render_metrics(const Figures& figures);
std::string render_status(const Figures& figures);
// Of /readyz: whether requests are taken, and which channels are alive.
std::string render_readiness(const Figures& figures);

std::string_view name_of(Breaker::State state) noexcept;

}  // namespace introspectd::service
