// Fleet: makes what one node learns known to all, over a stream that nobody has to trust (SPEC §6, DESIGN §5).
//   accepted here → outbox, durable → acknowledged → stream → every other node: verified → applied
// What an authorization server signed is relayed as it came; everything else only under the fleet's key. Entries are
// numbered by their node; what is missing (a hole, a trimmed or reset log) raises the floor of every AS and ends every
// stretch of channel health (F94, F97, F105, I14). Nothing in the stream can make a channel live that is not (I24).
//
// Without a key the fleet relays signed events, and what is lost of them on the way shows as a gap where nobody forges
// numbers. It proves nothing: whoever writes to the stream could forge the heartbeats by which proofs count, so that
// relay_proof has no effect, no farewell is believed, and `ttl` applies, not `ttl_live`.
//
// A proof of a channel (GUARANTEES, H) counts, under a key, when the whole fleet is known to have relayed all that was said before it:
// relay_proof waits until every node has been heard after that instant, then tells `proven` here and the others, who
// date it by their own heartbeats (fleet_peers.h) and believe it once they too have heard every node since. So whoever
// has a Fleet believes only `proven`, and only while `live`.
// Threads: the back loop.  Owns: what waits to be sent or applied.  Stream, storage, inbox and settings outlive it.
// Errors: logged, counted.  Cost: one heartbeat a second; an append to the disk and one to the stream for each event.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/unique_function.h"
#include "cache/identity.h"
#include "ports/event_loop.h"
#include "ports/event_stream.h"
#include "ports/storage.h"
#include "service/event_inbox.h"
#include "service/fleet_entry.h"
#include "service/fleet_outbox.h"
#include "service/fleet_peers.h"
#include "service/fleet_position.h"
#include "service/fleet_queue.h"
#include "service/relay.h"
#include "service/settings.h"

namespace introspectd::service {

struct FleetParts {
  ports::EventLoop& loop;
  ports::EventStream& stream;
  ports::Storage* storage;            // null: outbox and position live in memory only
  const Settings& settings;
  EventInbox& inbox;
  cache::BootKey secret;              // random, of this start
  Log log;
  // Everything of the AS that was fetched before now is asked again.
  UniqueFunction<void(cache::ServerId)> floor;
  // Events of the AS may be missing: a new stretch (ChannelHealth::lost).
  UniqueFunction<void(cache::ServerId)> lost;
  // Everything that the AS said until then has been applied here (ChannelHealth::proven).
  UniqueFunction<void(cache::ServerId, MonoTime dated)> proven;
  // `live` changed. May be empty.
  UniqueFunction<void(bool live)> liveness;
  // Makes what was applied durable before the position says so; empty: nothing is kept.
  UniqueFunction<void(UniqueFunction<void(bool ok)>)> keep_purges;
};

struct FleetFigures {
  bool connected = false;
  bool live = false;
  std::optional<double> heartbeat_age_seconds;    // of the newest own one that came back
  double lag_seconds = 0;                         // its way to the stream and back
  std::size_t nodes = 0;                          // others that are there
  std::size_t outbox_entries = 0;
  std::size_t outbox_bytes = 0;
  bool disk_failing = false;
  std::size_t queue = 0;                          // read, not yet applied
  std::uint64_t written = 0;                      // events that the stream has taken
  std::uint64_t read = 0;                         // entries of other nodes
  std::uint64_t repeated = 0;                     // … that were read before
  std::uint64_t refused_here = 0;                 // events that the outbox did not take, or that fit in no entry
  std::uint64_t kept_local = 0;                   // purges that no key let out
  std::uint64_t unknown_server = 0;               // … of ASs that are not configured here
  std::uint64_t not_verified = 0;                 // signed events that the inbox refused
  std::array<std::uint64_t, kFleetDefects> refused{};
  std::array<std::uint64_t, kFleetGaps> gaps{};
  std::optional<double> gap_age_seconds;          // since the last floor for a gap
};

class Fleet final : public Relay, public ports::EventStreamEvents {
 public:
  static constexpr Duration kLiveFor = std::chrono::seconds{3};      // since the own heartbeat that came back was sent
  static constexpr Duration kSaveEvery = std::chrono::seconds{5};
  static constexpr Duration kDoubtMost = std::chrono::seconds{5};    // to show that a changed server lost nothing
  static constexpr Duration kProofKept = std::chrono::seconds{60};
  static constexpr Duration kStopMost = std::chrono::seconds{1};     // for each step of shut_down
  // Not heard of ourselves for so long: an event is still kept and relayed, but not acknowledged, since the others will
  // soon not wait for this node any more (FleetPeers::kForgottenAfter).
  static constexpr Duration kRefuseAfter = std::chrono::minutes{2};
  static constexpr std::size_t kAppendsMost = 512;                   // on their way to the stream
  static constexpr std::size_t kSignalsPerEntry = FleetEntry::kSignalsMost;
  static constexpr std::size_t kProofsMost = 16;                     // of an AS, that wait

  explicit Fleet(FleetParts parts);
  Fleet(Fleet&&) = delete;
  Fleet& operator=(Fleet&&) = delete;
  ~Fleet() override;

  // Reads outbox and position (blocking), applies what the outbox holds, and begins to read the stream.
  void start();
  // Says farewell when nothing is left to send, saves the position, ends the stream. `done` runs once, now or later.
  void shut_down(UniqueFunction<void()> done);

  void relay_signed(const SignedEvent& event, UniqueFunction<void(bool durable)> done) override;
  void relay_unsigned(cache::ServerId server, EventOrigin origin, const oauth::Signals& signals,
                      UniqueFunction<void(bool durable)> done) override;
  void relay_proof(cache::ServerId server, Duration age) override;

  // The stream is contiguous and live: what was written ≤ 3 s ago has been read and applied (F92, F93).
  bool live(MonoTime now) const;
  FleetFigures figures() const;
  // A claim of this node, for tests and logs.
  const std::string& node() const { return outbox_.node(); }

  std::string on_connected(const ports::StreamFacts& facts) override;
  void on_entries(std::span<const ports::StreamEntry> entries) override;
  void on_lost(std::string_view why) override;

 private:
  struct PendingProof {
    cache::ServerId server = 0;
    MonoTime dated;
    MonoTime settled;   // every node must have been heard after it
    bool own = true;    // else another node's, and not to be passed on
  };

  std::string_view key() const { return parts_.settings.fleet.key.reveal(); }
  std::string random_digits(std::string_view what, std::uint64_t number) const;
  std::optional<cache::ServerId> find_server(std::string_view name) const;
  FleetEntry own_entry(FleetEntryKind kind) const;
  void put(const FleetEntry& entry, UniqueFunction<void(bool durable)> done);
  bool may_acknowledge() const;
  bool may_relay_proof() const;

  void farewell_ended();
  void stop();
  void tick();
  void watch_doubt();
  void send_more();
  void send_heartbeat(bool leaving, UniqueFunction<void(bool)> done);
  void appended(bool ok);

  void arrived(const ports::StreamEntry& entry);
  void enqueue(const StreamId& id, FleetEntry entry);
  void take_control(const FleetEntry& entry);
  void take_proof(const FleetEntry& entry);
  std::size_t waiting_proofs(cache::ServerId server, bool own) const;
  void settle_proofs();
  void gap(FleetGap reason);
  void floor(cache::ServerId server);
  void tell_liveness();

  void save(UniqueFunction<void()> done);
  void apply_outbox();

  FleetParts parts_;
  FleetOutbox outbox_;
  FleetPeers peers_;
  FleetQueue queue_;
  std::string run_;
  std::uint64_t beats_ = 0;
  MonoTime started_;

  bool connected_ = false;
  bool from_start_ = true;        // nothing was read before, and the end of the log has not been reached yet
  std::string run_id_;            // of the server
  std::optional<StreamId> read_;  // what came last
  std::optional<MonoTime> doubt_since_;
  MonoTime last_heard_;           // our newest heartbeat that came back, over all connections
  bool was_live_ = false;
  Duration lag_{};

  std::size_t appending_ = 0;
  bool append_failed_ = false;
  bool beat_due_ = false;
  bool stopping_ = false;
  bool farewell_ended_ = false;
  std::vector<PendingProof> proofs_;
  std::string saved_position_;
  bool saving_ = false;

  FleetFigures counts_;           // what counts up
  std::optional<MonoTime> last_gap_;
  ports::PendingToken tick_;
  ports::PendingToken save_timer_;
  ports::PendingToken save_turn_;
  ports::PendingToken stop_timer_;
  UniqueFunction<void()> stopped_;
};

}  // namespace introspectd::service
