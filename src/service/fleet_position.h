// FleetPosition: how far this node has read the fleet's stream, and what a new connection means for it: is everything
// still there that was not read yet?
// Pure.  Threads: values.  Owns: its strings.  Errors: nullopt: not ours, or damaged.  Cost: O(nodes).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "ports/event_stream.h"
#include "service/fleet_peers.h"

namespace introspectd::service {

// "milliseconds-number", as Redis writes and orders them.
struct StreamId {
  std::uint64_t time = 0;
  std::uint64_t number = 0;
  constexpr auto operator<=>(const StreamId&) const = default;
  static std::optional<StreamId> read(std::string_view text);
  std::string text() const;
};

struct FleetPosition {
  static constexpr std::string_view kFile = "fleet.position";
  StreamId id;              // everything up to it has been applied
  std::string run_id;       // of the server when it was read
  std::vector<FleetPeers::Known> nodes;

  std::string write() const;
  static std::optional<FleetPosition> read(std::string_view file);
};

// Why events may be missing. Labels of a metric.
enum class FleetGap : std::uint8_t {
  kTrimmed,        // what was not read yet has been dropped from the old end
  kReset,          // the log is older than what was read of it, or gone
  kHole,           // a node's events are not all there
  kRunIdChanged,   // another server, or started again, and it cannot be shown that nothing is missing
  kOverrun,        // more arrived than could be kept
  kUnverifiable,   // an event of the fleet could not be verified for too long
};
inline constexpr std::size_t kFleetGaps = static_cast<std::size_t>(FleetGap::kUnverifiable) + 1;
std::string_view name_of(FleetGap gap) noexcept;

struct ConnectionJudgement {
  StreamId read_after;
  std::optional<FleetGap> gap;
  bool server_changed = false;   // the run id is another one: to be shown by the nodes' numbers
};

// `read`: how far, nullopt: nothing yet. Then reading begins `memory` before `now`, and nothing can be missing: what was
// cached by nobody needs no purge, but what was revoked lately must be known (I4).
ConnectionJudgement judge_connection(const ports::StreamFacts& facts, const std::optional<StreamId>& read,
                                     std::string_view run_id, Duration memory, WallTime now);

}  // namespace introspectd::service
