// Simulation: a whole world: the daemon, its authorization servers, its callers and the oracle that watches. Scenarios
// tell stories with it, the swarm lets a seed decide.
// Threads: one.  Owns: everything.  Errors: the oracle's violations.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/feed_endpoint.h"
#include "tests/sim/history.h"
#include "tests/sim/model_as.h"
#include "tests/sim/oracle.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_event_stream.h"
#include "tests/sim/sim_feed.h"
#include "tests/sim/sim_node.h"
#include "tests/sim/sim_upstream.h"
#include "tests/sim/sim_world.h"
#include "tests/sim/world_knobs.h"

namespace introspectd::sim {

// What a request may be beyond the plain thing.
struct AskOptions {
  bool chunked = false;
  bool close = false;
  bool plain_form = true;
  bool credential_in_form = false;
  std::string_view hint;
  std::string_view path = "/introspect";
};

// What the nodes of one world share: time, the truth about tokens, the servers' signing keys, and the fleet's stream.
struct Commons {
  Commons(std::uint64_t seed, const WorldKnobs& knobs);
  SimWorld world;
  std::vector<std::unique_ptr<ModelAs>> models;   // by server
  std::vector<std::unique_ptr<SimFeed>> feeds;    // by server
  SimEventLog log;
  std::map<std::string, std::vector<ClaimPurge>> said;   // by the bytes of each genuine event
  std::map<std::array<std::uint8_t, 32>, std::string> tokens;   // by the hash: what a purge of the fleet names
  std::vector<class Simulation*> nodes;
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, WorldKnobs knobs) : Simulation(std::make_shared<Commons>(seed, knobs), knobs) {}
  // One node of several that share a world.
  Simulation(std::shared_ptr<Commons> commons, WorldKnobs knobs);
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;
  ~Simulation();

  SimWorld& world() { return world_; }
  Random& random() { return world_.random(); }
  const WorldKnobs& knobs() const { return knobs_; }
  SimNode& node() { return *node_; }
  SimUpstream& upstream() { return *upstream_; }
  ModelAs& model(ServerIndex server = 0) { return *commons_->models[server]; }
  SimFeed& feed(ServerIndex server = 0) { return *commons_->feeds[server]; }
  StorageKnobs& disk_knobs() { return knobs_.disk; }
  FeedKnobs& feed_knobs(ServerIndex server = 0) { return knobs_.servers[server].feed; }
  ServerKnobs& server(ServerIndex server = 0) { return servers_[server].knobs; }
  Oracle& oracle() { return *oracle_; }
  History& history() { return history_; }
  const AskRecord& ask_record(std::uint64_t id) const { return history_.asks[id - 1]; }
  std::size_t calls(ServerIndex server, const std::string& token) const {
    return history_.calls_for(server, token).size();
  }

  // --- callers, without waiting: the id of the request ---
  // Over TCP, or as that caller over the Unix socket. The daemon spreads connections over its loops.
  SimClient& connect(std::optional<std::size_t> unix_caller = std::nullopt);
  SimClient& admin();
  std::uint64_t introspect(SimClient& client, std::size_t caller, const std::string& token, const AskOptions& = {});
  std::uint64_t revoke(SimClient& client, std::size_t caller, const std::string& token, const AskOptions& = {});
  std::uint64_t operator_purge(const std::string& token, ServerIndex server = 0);
  std::uint64_t flush(ServerIndex server = 0);
  // Brings an event to the notify listener, as its route wants it; over a connection of its own or one that is kept.
  std::uint64_t push(const FeedEvent& event, ServerIndex server = 0, std::size_t proof = SIZE_MAX);
  // The server has it polled.
  void offer(const FeedEvent& event, ServerIndex server = 0);
  std::size_t polled_waiting(ServerIndex server = 0) const { return endpoint_->waiting(server); }
  // Applied in a turn of the back loop, as receivers do; its index in the history.
  std::size_t apply(const ClaimPurge& said);
  std::uint64_t bad_credential(SimClient& client, const std::string& token, unsigned kind);
  std::uint64_t raw(SimClient& client, AskKind kind, std::string_view bytes, int status_expected);
  std::string basic(std::size_t caller) const;

  // --- stories: these wait for the reply. "true", "false", or the status ---
  std::string say(std::size_t caller, const std::string& token);
  std::string wait_for(std::uint64_t ask);
  std::string revoke_and_wait(std::size_t caller, const std::string& token);
  void purge_and_wait(const std::string& token, ServerIndex server = 0) { wait_for(operator_purge(token, server)); }
  void flush_and_wait(ServerIndex server = 0) { wait_for(flush(server)); }
  void apply_and_wait(const ClaimPurge& said);
  std::string push_and_wait(const FeedEvent& event, ServerIndex server = 0) { return wait_for(push(event, server)); }
  void pass(Duration time) { world_.run_for(time); }

  void rotate_secret(ServerIndex server = 0);
  // What is under way is answered, nothing new is taken (F119).
  void drain();
  // Everybody is served, clients leave, counters are compared (I53). Once.
  void finish();
  // A token of the model AS that is active, as short-lived or long as `truth` is then told to be.
  TokenTruth& issue(const std::string& token, ServerIndex server = 0) { return model(server).issue(token); }

  // The daemon is gone at once: what its disk had not confirmed may be lost. Clients see their connections break.
  void crash();
  // It is asked to end, writes down what must outlive it, and is gone.
  void stop();
  void start_again();
  // Brings nothing into being, but ends all that the stream has to say to it: silence, or a broken connection.
  SimEventStream* stream() { return node_->stream(); }

 private:
  void on_reply(std::uint64_t ask);
  void found(const std::string& sentence) { oracle_->found(sentence); }
  std::uint64_t send_purge(PurgeRecord purge, SimClient& client, AskRecord ask, const RequestText& request);
  SimClient& story_client(std::size_t caller);
  void check_counters();
  SimUpstream::Credential credential(ServerIndex server, const std::string& secret) const;

  void make_node();
  std::uint64_t fleet_gaps();
  void end_node(bool clean);
  Oracle::Excuses excuses();
  std::unique_ptr<SimEventStream> make_stream();
  void on_delivered(const SimEventLog::Entry& entry);
  void on_connected(LogId after);
  void applied_soon(std::vector<std::size_t> purges, Duration within);
  void record_proof(ServerIndex server);
  void tell_accepted(std::size_t purge);
  SimClient& notifier();
  std::vector<std::size_t> record(const FeedEvent& event);
  void judge_event(const AskRecord& ask);
  void hear(const AskRecord& ask);
  bool out_of_step() const;

  std::shared_ptr<Commons> commons_;
  WorldKnobs knobs_;
  SimWorld& world_;
  History history_;
  std::vector<SimUpstream::Server> servers_;
  std::unique_ptr<Oracle> oracle_;
  Oracle::Excuses excuses_;          // found until now
  std::unique_ptr<FeedEndpoint> endpoint_;
  std::unique_ptr<SimUpstream> upstream_;
  std::vector<std::unique_ptr<SimLoop>> ended_loops_;   // of nodes that are gone: connections still name them
  std::unique_ptr<SimNode> node_;
  SimDisk disk_;
  std::size_t number_ = 0;           // among the nodes of its world
  LogId read_up_to_;                 // of the fleet's stream, by the node that lives now
  bool ever_connected_ = false;      // … it
  std::uint64_t lives_ = 0;
  std::uint64_t calls_before_ = 0;   // made by the nodes that are gone
  std::vector<std::unique_ptr<SimClient>> clients_;
  SimClient* admin_ = nullptr;
  SimClient* notifier_ = nullptr;
  std::vector<SimClient*> story_clients_;
  std::uint64_t next_connection_ = 0;
  bool draining_ = false;
  bool drained_ = false;
};

}  // namespace introspectd::sim
