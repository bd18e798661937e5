// SimFleet: several nodes of one world, with one stream between them. Each has its own callers, history and oracle.
// Threads: one.  Owns: the nodes.  Errors: the oracles' violations.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/simulation.h"

namespace introspectd::sim {

class SimFleet {
 public:
  SimFleet(std::uint64_t seed, WorldKnobs knobs, std::size_t nodes) {
    knobs.in_fleet = true;
    commons_ = std::make_shared<Commons>(seed, knobs);
    for (std::size_t i = 0; i < nodes; ++i) {
      // A stream of SETs has one receiver: the first node.
      if (i == 1) {
        for (ServerSetup& server : knobs.servers) server.feed.poll = server.feed.verification = false;
      }
      nodes_.push_back(std::make_unique<Simulation>(commons_, knobs));
    }
  }

  Simulation& node(std::size_t i) { return *nodes_[i]; }
  std::size_t size() const { return nodes_.size(); }
  SimEventLog& log() { return commons_->log; }
  SimWorld& world() { return commons_->world; }
  SimFeed& feed(ServerIndex server = 0) { return *commons_->feeds[server]; }
  ModelAs& model(ServerIndex server = 0) { return *commons_->models[server]; }
  void pass(Duration time) { world().run_for(time); }

 private:
  std::shared_ptr<Commons> commons_;
  std::vector<std::unique_ptr<Simulation>> nodes_;
};

}  // namespace introspectd::sim
