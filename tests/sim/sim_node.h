// SimNode: the daemon's own service layer, unmodified (service/node.h), on loops of virtual time: N front loops and one
// back loop. It places connections as the acceptor of io does.
// Threads: one.  Owns: loops, settings and the node.  Errors: CHECK_INVARIANT stops the simulation.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "ports/upstream.h"
#include "service/node.h"
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

  // Ends a node; its closed loops go on being named by connections.
  static std::vector<std::unique_ptr<SimLoop>> end(std::unique_ptr<SimNode> node);

  // Upstream, stream and storage are made after the loops and before the node, which owns the last two then.
  void start(ports::Upstream& upstream, std::unique_ptr<SimEventStream> stream, std::unique_ptr<SimStorage> storage);
  SimEventStream* stream() { return stream_.get(); }
  // On the back loop: what a clean end does before the loops stop.
  void settle(UniqueFunction<void()> done);

  SimLoop& back_loop() { return *back_loop_; }
  SimLoop& front_loop(std::size_t i) { return *front_loops_[i]; }
  std::size_t front_count() const { return front_loops_.size(); }
  // Where a connection of this peer goes; nullopt: it is refused.
  std::optional<std::size_t> place(const ports::Peer& peer) { return node_->place_connection(peer); }
  void accept(std::size_t front, std::unique_ptr<ports::ByteStream> stream);
  void accept_notify(std::unique_ptr<ports::ByteStream> stream);
  void accept_admin(std::unique_ptr<ports::ByteStream> stream);
  void drain(UniqueFunction<void()> drained);

  // What the daemon finds in a server's secret file when it reads it again; empty: nothing new.
  void write_secret(std::size_t server, std::string secret) { secret_files_[server] = std::move(secret); }

  service::Node& node() { return *node_; }
  cache::BootKey boot_key() const { return boot_key_; }
  std::uint64_t count(service::Counter counter) { return node_->figures().counters[static_cast<std::size_t>(counter)]; }
  // What is logged must never hold a token (I44): the first lines are kept for that.
  const std::string& log_text() const { return log_sink_.text; }

 private:
  // One piece of memory at a time, given back for the next world: a cache writes before it reads.
  class CacheMemory {
   public:
    CacheMemory();
    CacheMemory(const CacheMemory&) = delete;
    CacheMemory& operator=(const CacheMemory&) = delete;
    ~CacheMemory();
    std::span<std::byte> bytes() const;

   private:
    std::byte* begin_;
  };
  struct LogText final : LogSink {
    bool wants(LogLevel level) const noexcept override { return level != LogLevel::kDebug; }
    void write(LogLevel, std::string_view line) noexcept override {
      if (text.size() < (1U << 16U)) text.append(line).push_back('\n');
    }
    std::string text;
  };
  void build_settings(const WorldKnobs& knobs);
  void end_service();

  SimWorld* world_;
  std::size_t cache_shards_;
  service::Settings settings_;
  LogText log_sink_;
  std::vector<std::string> secret_files_;
  CacheMemory memory_;
  cache::BootKey boot_key_;
  std::unique_ptr<SimLoop> back_loop_;
  std::vector<std::unique_ptr<SimLoop>> front_loops_;
  std::unique_ptr<SimEventStream> stream_;
  std::unique_ptr<SimStorage> storage_;
  std::unique_ptr<service::Node> node_;
};

}  // namespace introspectd::sim
