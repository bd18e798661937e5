// Node: the whole service layer, wired: N fronts that answer callers, one back loop that fetches, revokes, purges and
// serves admins, and the cache between them. app gives it real loops and curl, the simulator its own (DESIGN §7).
// Threads: each method says its loop. Nothing but values crosses.  Owns: everything of the service layer; loops,
// upstream and settings must outlive it, and the loops must have stopped before it is destroyed.
// Errors: outcomes.  Cost: see the parts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/secret.h"
#include "base/unique_function.h"
#include "cache/token_cache.h"
#include "http/response_writer.h"
#include "http/routes.h"
#include "ports/byte_stream.h"
#include "ports/event_loop.h"
#include "ports/event_stream.h"
#include "ports/storage.h"
#include "ports/upstream.h"
#include "service/admin.h"
#include "service/channels.h"
#include "service/connection_book.h"
#include "service/durable_relay.h"
#include "service/event_desk.h"
#include "service/fetcher.h"
#include "service/fleet.h"
#include "service/front.h"
#include "service/introspect.h"
#include "service/key_ring.h"
#include "service/notify.h"
#include "service/purge_journal.h"
#include "service/purger.h"
#include "service/relay.h"
#include "service/revoker.h"
#include "service/server_link.h"
#include "service/set_poller.h"
#include "service/settings.h"
#include "service/stream_verifier.h"

namespace introspectd::service {

struct LogLosses {
  std::uint64_t dropped = 0;
  std::uint64_t suppressed = 0;
};

struct NodeParts {
  ports::EventLoop& back;
  std::vector<ports::EventLoop*> fronts;
  ports::Upstream& upstream;
  const Settings& settings;
  std::span<std::byte> cache_memory;
  bool cache_memory_is_zero = false;                       // a fresh mapping's is, and stays untouched until it is used
  cache::BootKey boot_key;
  cache::BootKey claim_key{};                              // kept over restarts with the purges; all zero: boot_key
  std::uint64_t jitter_seed = 0;
  std::size_t cache_shards = 0;                            // 0: from the memory; the simulator chooses
  Log log;
  std::string_view version;
  ports::EventStream* event_stream = nullptr;              // of the fleet; null: this node is alone
  ports::Storage* storage = nullptr;                       // state_dir; null: nothing outlives the process
  UniqueFunction<Secret(cache::ServerId)> reload_secret;   // back loop; empty: secrets are not read again
  UniqueFunction<LogLosses()> log_losses;                  // back loop; may be empty
};

class Node {
 public:
  static constexpr std::size_t kAdminConnectionsMost = 64;

  explicit Node(NodeParts parts);
  Node(Node&&) = delete;
  Node& operator=(Node&&) = delete;
  ~Node();

  // On the back loop: the front that is to take a connection of this peer; nullopt: over a limit, close it.
  std::optional<std::size_t> place_connection(const ports::Peer& peer);
  // On front `front`'s loop, after place_connection gave it.
  void accept(std::size_t front, std::unique_ptr<ports::ByteStream> stream);
  // Any thread: the connection was placed, but could not be accepted.
  void connection_failed(const ports::Peer& peer, std::size_t front) { book_.give_back(peer, front); }
  // On the back loop: a listener rests for want of fds or memory (F112).
  void accepting_rests() { back_counters_->add(Counter::kAcceptRests); }
  // On the back loop; closed at once when there are too many.
  void accept_admin(std::unique_ptr<ports::ByteStream> stream);
  // On the back loop: whoever brings revocation events; closed at once when there are too many.
  void accept_notify(std::unique_ptr<ports::ByteStream> stream);

  // On the back loop. Answers what callers have under way, takes nothing new; `drained` runs on the back loop when all
  // their sessions are gone (F119). Admins are served to the end: /readyz says 503.
  void drain(UniqueFunction<void()> drained);
  // On the back loop: what is left of flights, revocations and events is given up; who waits is told.
  void abandon_upstream();
  // On the back loop, behind abandon_upstream: what must outlive the process is written, the fleet hears that this node
  // leaves; `done` runs at the end of that, within 2 s of a disk that works. The loop has to run meanwhile.
  void settle(UniqueFunction<void()> done);
  // On front `front`'s loop, and for the admins and notifiers on the back loop: what is left of connections ends.
  void abandon_front(std::size_t front);
  void abandon_admins();

  // On the back loop.
  Figures figures();
  cache::TokenCache& cache() { return *cache_; }
  const Fetcher& fetcher() const { return *fetcher_; }
  Purger& purger() { return *purger_; }
  EventInbox& inbox() { return *desk_; }
  Channels& channels() { return *channels_; }

 private:
  struct FrontSide;
  class ReplyPost;
  class BackPost;

  void make_views();
  void make_back();
  void make_events(std::uint64_t seed);
  void make_notify();
  void use_relay(Relay* relay);
  void start_events();
  bool has_fleet() const { return parts_.event_stream != nullptr && parts_.settings.fleet.enabled; }
  void read_claim_key();
  void make_relay();
  void make_fleet();
  void start_fleet();
  void settled();
  void add_fleet_figures(Figures& figures) const;
  void on_stream_news(cache::ServerId server, const oauth::SecurityEvent& event, bool complete);
  void add_event_figures(Figures& figures) const;
  void make_front(std::size_t index);
  void drain_front(FrontSide& side);
  void front_drained();

  NodeParts parts_;
  MonoTime started_;
  http::Routes caller_routes_;
  http::Routes admin_routes_;
  cache::ViewTable views_;
  std::vector<cache::ViewId> view_of_server_;
  std::unique_ptr<cache::TokenCache> cache_;
  ConnectionBook book_;

  std::unique_ptr<ReplyPost> replies_;
  std::unique_ptr<BackPost> back_link_;
  std::unique_ptr<LoopCounters> back_counters_;
  std::vector<std::unique_ptr<ServerLink>> servers_;
  std::unique_ptr<Fetcher> fetcher_;
  std::unique_ptr<Purger> purger_;
  std::unique_ptr<DurableRelay> relay_;       // null: there is neither a disk nor a fleet
  std::unique_ptr<Revoker> revoker_;
  http::ResponseWriter admin_writer_;
  std::unique_ptr<Admin> admin_;
  std::unique_ptr<Front> admin_front_;

  // One an AS each; null where the configuration has none.
  std::vector<std::unique_ptr<KeyRing>> keys_;
  std::vector<std::unique_ptr<SetPoller>> pollers_;
  std::vector<std::unique_ptr<StreamVerifier>> verifiers_;
  std::unique_ptr<Channels> channels_;
  std::unique_ptr<EventDesk> desk_;
  http::Routes notify_routes_;
  http::ResponseWriter notify_writer_;
  std::unique_ptr<Notify> notify_;
  std::unique_ptr<Front> notify_front_;
  std::unique_ptr<PurgeJournal> journal_;
  std::unique_ptr<Fleet> fleet_;
  UniqueFunction<void()> settled_;

  std::vector<std::unique_ptr<FrontSide>> fronts_;
  std::size_t fronts_draining_ = 0;
  UniqueFunction<void()> drained_;
  bool draining_ = false;
};

}  // namespace introspectd::service
