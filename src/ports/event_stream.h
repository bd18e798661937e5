// EventStream: an append-only log that all nodes of a fleet share (a Redis Stream): entries have increasing ids, are
// read from a cursor on, and may be trimmed at the old end. It says nothing of who wrote an entry: readers verify.
// Threads: the back loop.  Owns: its connection; reconnects by itself, with back-off and jitter.
// Errors: told by on_lost; an append that cannot be confirmed fails and may or may not stand in the log.
// Cost: one connection for reading, one for appending.
// Contract: events come in later turns than the calls that cause them; none after destruction.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_function.h"

namespace introspectd::ports {

struct StreamEntry {
  std::string id;   // "milliseconds-number", ordered by both numbers
  std::vector<std::pair<std::string, std::string>> fields;
};

// What the server says of the log when a connection begins. Empty strings where the log does not exist yet.
struct StreamFacts {
  std::string run_id;              // changes with every start of the server
  std::string first_id;            // the oldest that is there now; empty: none is
  std::string last_id;             // the newest ever given out: it stays when everything is trimmed
  std::string max_deleted_id;      // nothing newer was ever trimmed (it may be less exact: just below first_id);
                                   // "0-0": nothing was
  std::uint64_t entries_added = 0; // ever; 0: an old server does not tell
};

class EventStreamEvents {
 public:
  EventStreamEvents() = default;
  EventStreamEvents(const EventStreamEvents&) = delete;
  EventStreamEvents& operator=(const EventStreamEvents&) = delete;
  virtual ~EventStreamEvents() = default;
  // Connected and authenticated. Returns the id after which reading begins ("0-0": from the start of the log). It may
  // stop the stream, but not destroy it.
  virtual std::string on_connected(const StreamFacts& facts) = 0;
  // In the order of the log, without holes but for what was trimmed; of many, a turn's worth (I35). An entry that is over
  // the limits of any event of ours comes without fields.
  virtual void on_entries(std::span<const StreamEntry> entries) = 0;
  // No more entries until the next on_connected; also for each attempt to connect that failed. `why` is for the log.
  virtual void on_lost(std::string_view why) = 0;
};

class EventStream {
 public:
  EventStream() = default;
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;
  virtual ~EventStream() = default;

  virtual void start(EventStreamEvents& events) = 0;
  // `done(ok)` runs once, in a later turn. Appends are sent in order; not connected: fails.
  virtual void append(std::vector<std::pair<std::string, std::string>> fields, UniqueFunction<void(bool ok)> done) = 0;
  // Ends the connections; no event comes any more, pending appends fail.
  virtual void stop() = 0;
};

}  // namespace introspectd::ports
