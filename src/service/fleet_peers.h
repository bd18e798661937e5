// FleetPeers: what one node knows of all nodes of its fleet from the entries of the stream, in their order: whether any
// of a node's numbered events is missing, and until when it has surely said everything.
//
// How things are dated, without comparing clocks: this node writes heartbeats that nobody can guess and remembers when it
// sent each. Every heartbeat names the newest ones that its writer had read. So a heartbeat that names one of ours, or
// one that names such a one, was written after we sent ours: that instant is its *anchor*. What is shown again later
// names old heartbeats, and is dated as old as it is.
//   horizon = the oldest of all nodes' newest anchors: every event that any node accepted before it has been read.
// Farewells are believed of authentic heartbeats only; what else is read of unauthentic ones makes a fleet without a key
// ask again at most, as nothing is proven there (fleet.h).
// Pure: values and `now`.  Threads: the back loop.  Owns: a few words a node and heartbeat, both limited.
// Errors: none; a node too many is not followed, and there is no horizon meanwhile.  Cost: hash look-ups.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "service/fleet_entry.h"

namespace introspectd::service {

class FleetPeers {
 public:
  static constexpr std::size_t kNodesMost = 4096;
  static constexpr std::size_t kBeatsMost = 16384;
  static constexpr Duration kForgottenAfter = std::chrono::minutes{5};   // silent for so long: not waited for any more
  static constexpr Duration kBeatKept = std::chrono::seconds{60};

  enum class Continuity : std::uint8_t {
    kNext,       // what was to come, or nothing new
    kRepeated,   // an event again
    kHole,       // an event of the node is missing
    kUntracked,  // too many nodes
  };
  // `from_start`: this node begins to read with what it holds cold: nothing is missing of what nobody cached.
  Continuity number(const FleetEntry& entry, bool from_start, MonoTime now);
  // A gap was told and answered: whatever comes next of each node is what was to come.
  void begin_anew();

  // This node sends a heartbeat.
  void sent(const std::string& beat, MonoTime now);
  // A heartbeat of ours came back: when it was sent; nullopt where it is not one that we wait for.
  std::optional<MonoTime> returned(const FleetEntry& heartbeat);
  // A heartbeat of another node was read.
  void heard(const FleetEntry& heartbeat, MonoTime now);
  // The newest anchor among the heartbeats that were seen; nullopt: none of ours, or too old.
  std::optional<MonoTime> anchor(const std::vector<std::string>& seen) const;
  // What our next entry is to name.
  std::vector<std::string> seen() const;

  // nullopt while a node that is waited for has not been heard, or our own reading is not live.
  std::optional<MonoTime> horizon() const;
  std::optional<MonoTime> own_anchor() const { return own_anchor_; }
  // Drops what is too old; the number of nodes that fell silent without leaving.
  std::size_t forget_silent(MonoTime now);
  // Our reading broke off: what was sent may never come back.
  void reading_lost();

  std::size_t size() const { return nodes_.size(); }
  std::size_t waited_for() const;

  // For the disk: the numbers, and who was there.
  struct Known {
    std::string node;
    std::uint64_t number = 0;
    bool waited_for = false;
  };
  std::vector<Known> known() const;
  void restore(const std::vector<Known>& known, MonoTime now);

 private:
  struct Node {
    std::uint64_t number = 0;
    bool any_next = false;              // the next number is not judged
    bool waited_for = false;
    MonoTime heard;                     // last heartbeat, by our clock
    std::optional<MonoTime> anchor;
  };
  Node* follow(const std::string& name, bool any_next, MonoTime now);
  void remember(const std::string& beat, std::optional<MonoTime> anchor, MonoTime now);

  std::unordered_map<std::string, Node> nodes_;
  struct Beat {
    std::optional<MonoTime> anchor;
    MonoTime read;
  };
  std::unordered_map<std::string, Beat> beats_;   // read ones
  std::deque<std::string> beats_in_order_;
  struct Sent {
    std::string beat;
    MonoTime at;
  };
  std::deque<Sent> sent_;
  std::optional<MonoTime> own_anchor_;
  MonoTime untracked_until_;
};

}  // namespace introspectd::service
