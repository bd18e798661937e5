// FleetEntry: one entry of the stream that the nodes of a fleet share, as a value, and its one wire form:
//   v=1 · kind · node · run · number · what the kind has · mac
// `mac` is HMAC-SHA-256 under the fleet's key over every field before it, names and values, each length-prefixed. It is
// the last field, and it is there exactly where the writer has a key.
//   signed     as, event, jws        the bytes that the authorization server signed: every reader verifies them itself
//   purge      as, origin, signals   what carries no signature of the AS: believed under the mac only
//   proof      as, age_ms, seen      a channel of the AS was proven alive so long ago
//   heartbeat  beat, seen, leaving   the node is here, and every entry of it up to `number` stands before this one
// `seen` names the newest heartbeats that the writer had read when it wrote: what is dated is dated by them, so that
// neither clocks are compared nor anything old can be shown again as new (see fleet_peers.h).
// Threads: values.  Owns: its strings.  Errors: FleetDefect.  Cost: O(n), one HMAC.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "oauth/security_event.h"
#include "oauth/signal.h"
#include "service/event_inbox.h"

namespace introspectd::service {

using StreamFields = std::vector<std::pair<std::string, std::string>>;

enum class FleetEntryKind : std::uint8_t { kSigned, kPurge, kProof, kHeartbeat };

struct FleetEntry {
  static constexpr std::size_t kSeenMost = 8;
  static constexpr std::size_t kServerNameMost = 256;
  static constexpr std::size_t kSignalsTextMost = 256U << 10U;
  static constexpr std::size_t kSignalsMost = 256;   // one turn's worth (fleet_queue.h)

  FleetEntryKind kind = FleetEntryKind::kHeartbeat;
  std::string node;           // 32 hexadecimal digits, one per installation
  std::string run;            // 16, one per start of the node
  std::uint64_t number = 0;   // of an event: its own; else of the last event that the node wrote before
  std::string server;         // the AS by its configured name
  oauth::SignedEventKind event = oauth::SignedEventKind::kSecurityEvent;
  std::string jws;
  EventOrigin origin = EventOrigin::kAdmin;
  oauth::Signals signals;
  std::uint64_t age_ms = 0;
  std::string beat;           // 16, never the same twice
  bool leaving = false;       // the node stops, and has nothing left to send
  std::vector<std::string> seen;
  bool authentic = false;     // read: the mac was right

  bool is_event() const { return kind == FleetEntryKind::kSigned || kind == FleetEntryKind::kPurge; }
};

enum class FleetDefect : std::uint8_t {
  kVersion,        // of another format
  kMalformed,
  kUnauthentic,    // no mac, or a wrong one, where the kind is believed under a mac only
};
inline constexpr std::size_t kFleetDefects = static_cast<std::size_t>(FleetDefect::kUnauthentic) + 1;
std::string_view name_of(FleetDefect defect) noexcept;

// `key` empty: no mac.
StreamFields write_fleet_entry(const FleetEntry& entry, std::string_view key);
// With a key, what is not signed by an AS must be authentic. Without one nothing is authentic, and purges and proofs are
// refused.
tl::expected<FleetEntry, FleetDefect> read_fleet_entry(const StreamFields& fields, std::string_view key);

// The signals as JSON, {"signals":[…]}.
std::string write_signals(const oauth::Signals& signals);
tl::expected<oauth::Signals, FleetDefect> read_signals(std::string_view json);

}  // namespace introspectd::service
