// SimNode: the daemon's own code, from base to service, unmodified, wired to loops, streams and an upstream in virtual
// time, as app wires it to real ones: N front loops with a Front each, one back loop with Fetcher, Revoker, Purger and
// the admin Front, and values posted between them.
// Threads: one.  Owns: everything of the daemon.  Errors: CHECK_INVARIANT stops the simulation.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "cache/token_cache.h"
#include "ports/upstream.h"
#include "service/admin.h"
#include "service/fetcher.h"
#include "service/front.h"
#include "service/introspect.h"
#include "service/purger.h"
#include "service/revoker.h"
#include "service/server_link.h"
#include "service/settings.h"
#include "tests/sim/sim_loop.h"
#include "tests/sim/world_knobs.h"

namespace introspectd::sim {

class SimNode {
 public:
  SimNode(SimWorld& world, const WorldKnobs& knobs);
  SimNode(const SimNode&) = delete;
  SimNode& operator=(const SimNode&) = delete;
  ~SimNode();

  // The upstream is made after the node, for it needs its back loop.
  void start(ports::Upstream& upstream);

  SimLoop& back_loop() { return *back_loop_; }
  SimLoop& front_loop(std::size_t i) { return *fronts_[i]->loop; }
  std::size_t front_count() const { return fronts_.size(); }
  void accept(std::size_t front, std::unique_ptr<ports::ByteStream> stream);
  void accept_admin(std::unique_ptr<ports::ByteStream> stream);
  void drain();

  cache::TokenCache& cache() { return *cache_; }
  service::Figures figures();
  std::size_t flights() const { return fetcher_->flights(); }
  std::size_t waiters() const { return fetcher_->waiters(); }
  std::uint64_t hits() { return figures().counters[static_cast<std::size_t>(service::Counter::kHits)]; }
  // What is logged must never hold a token (I44): the last lines are kept for that.
  const std::string& log_text() const { return log_sink_.text; }

 private:
  struct LogText final : LogSink {
    bool wants(LogLevel level) const noexcept override { return level != LogLevel::kDebug; }
    void write(LogLevel, std::string_view line) noexcept override {
      if (text.size() < (1U << 16U)) text.append(line).push_back('\n');
    }
    std::string text;
  };
  struct FrontParts;
  class PostedReplies;
  class PostedBack;

  void build_settings(const WorldKnobs& knobs);
  void build_cache(const WorldKnobs& knobs);

  SimWorld* world_;
  service::Settings settings_;
  cache::ViewTable views_;
  std::vector<cache::ViewId> view_of_server_;
  std::unique_ptr<cache::TokenCache> cache_;
  LogText log_sink_;
  http::Routes caller_routes_;
  http::Routes admin_routes_;
  std::unique_ptr<SimLoop> back_loop_;
  service::LoopCounters back_counters_;
  http::ResponseWriter back_writer_;
  std::vector<std::unique_ptr<service::ServerLink>> servers_;
  std::unique_ptr<PostedReplies> replies_;
  std::unique_ptr<PostedBack> back_;
  std::unique_ptr<service::Fetcher> fetcher_;
  std::unique_ptr<service::Purger> purger_;
  std::unique_ptr<service::Revoker> revoker_;
  std::unique_ptr<service::Admin> admin_;
  std::unique_ptr<service::Front> admin_front_;
  std::vector<std::unique_ptr<FrontParts>> fronts_;
  bool draining_ = false;
};

}  // namespace introspectd::sim
