// FeedEndpoint: an authorization server's side of SET poll (RFC 8936), of its JWKS and of stream verification (SSF 1.0),
// as one node sees it: events wait until they are acknowledged and come again until then; polls are held open, fail,
// hang. What it learns goes into the History: deliveries, acknowledgements, proofs of the channel.
// Threads: one.  Owns: what waits to be polled.  Errors: as ports::TransportOutcome; what no node may do is a violation.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/upstream.h"
#include "tests/sim/history.h"
#include "tests/sim/sim_feed.h"
#include "tests/sim/sim_loop.h"
#include "tests/sim/world_knobs.h"

namespace introspectd::sim {

class FeedEndpoint {
 public:
  struct Parts {
    SimWorld& world;
    History& history;
    std::vector<std::unique_ptr<SimFeed>>& feeds;           // by server
    std::function<const FeedKnobs&(ServerIndex)> knobs;
    std::function<bool()> may_refuse;                       // a genuine event: clocks are out of step
    std::function<void(const std::string&)> violation;
    std::function<void(ServerIndex, FeedEvent, std::size_t proof)> push;   // of a server that is not polled
    std::function<void(std::size_t purge)> on_accepted;
  };
  explicit FeedEndpoint(Parts parts);
  // The loop of the node that lives now.
  void serve(SimLoop& back_loop) { loop_ = &back_loop; }

  [[nodiscard]] ports::PendingToken post(ports::UpstreamCall call, UniqueFunction<void(ports::UpstreamReply)> done);

  // To be polled. `purges` of the history are what it says; `proof` completes with it.
  static constexpr std::size_t kNoProof = SIZE_MAX;
  void enqueue(ServerIndex server, FeedEvent event, std::vector<std::size_t> purges, std::size_t proof = kNoProof);
  std::size_t waiting(ServerIndex server) const { return queues_[server].items.size(); }

 private:
  using Done = UniqueFunction<void(ports::UpstreamReply)>;
  struct Item {
    FeedEvent event;
    std::vector<std::size_t> purges;
    std::vector<std::size_t> proofs;   // they wait for its acknowledgement
    bool delivered = false;
  };
  struct Poll;
  struct Queue {
    std::deque<Item> items;
    std::vector<Poll*> held;           // long polls
  };

  ports::PendingToken answer_later(Duration delay, ports::UpstreamReply reply, Done done);
  ports::PendingToken keys(const ports::UpstreamCall& call, Done done);
  ports::PendingToken verification(const ports::UpstreamCall& call, Done done);
  ports::PendingToken poll(const ports::UpstreamCall& call, Done done);
  ports::PendingToken hold_poll(const ports::UpstreamCall& call, std::unique_ptr<Poll> poll, bool at_once);
  void acknowledged(ServerIndex server, const std::string& jti, bool refused);
  void settle_proof(ServerIndex server, std::size_t proof);
  void answer_poll(Poll& poll);
  void take_acknowledgements(ServerIndex server, std::string_view body);
  void lose_acknowledgements(ServerIndex server, std::string_view body);
  std::string sets(Poll& poll);
  Duration latency(ServerIndex server);
  bool chance_of(std::uint64_t one_in);

  Parts parts_;
  SimLoop* loop_ = nullptr;
  std::vector<Queue> queues_;
};

}  // namespace introspectd::sim
