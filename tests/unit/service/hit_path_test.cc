// The whole hit path, from readable bytes to the written reply, counted: allocations, locks, reads, writes.
#include <doctest/doctest.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../counting.h"
#include "service/node.h"

namespace introspectd::service {
namespace {

class NothingPending final : public ports::Pending {};

// A loop that runs what was posted when the test says so.
class StepLoop final : public ports::EventLoop {
 public:
  Now now() const override { return time; }
  void post(UniqueFunction<void()> task) override { tasks.push_back(std::move(task)); }
  ports::PendingToken after(Duration, UniqueFunction<void()>) override { return std::make_unique<NothingPending>(); }
  void run_posted() {
    while (!tasks.empty()) {
      UniqueFunction<void()> task = std::move(tasks.front());
      tasks.pop_front();
      task();
    }
  }

  Now time{MonoTime::from_ns(1'000'000'000), WallTime::from_seconds(1'800'000'000)};
  std::deque<UniqueFunction<void()>> tasks;
};

// What the peer and the kernel see of a connection.
struct Wire {
  std::string to_read;
  std::string written;
  std::size_t reads = 0;
  std::size_t writes = 0;
  ports::StreamEvents* events = nullptr;
};

class WireStream final : public ports::ByteStream {
 public:
  explicit WireStream(Wire& wire) : wire_(&wire) {}
  ports::IoResult read(std::span<char> into) override {
    ++wire_->reads;
    const std::size_t size = std::min(into.size(), wire_->to_read.size());
    if (size == 0) return {};
    wire_->to_read.copy(into.data(), size);
    wire_->to_read.erase(0, size);
    return {ports::IoStatus::kOk, size};
  }
  ports::IoResult write(std::string_view bytes) override {
    ++wire_->writes;
    wire_->written.append(bytes);
    return {ports::IoStatus::kOk, bytes.size()};
  }
  void watch(ports::StreamEvents& events, bool, bool) override { wire_->events = &events; }
  void shutdown_write() override {}
  const ports::Peer& peer() const override { return peer_; }

 private:
  Wire* wire_;
  ports::Peer peer_;
};

// Answers every introspection at the next step of the loop.
class ActiveUpstream final : public ports::Upstream {
 public:
  explicit ActiveUpstream(StepLoop& loop) : loop_(&loop) {}
  ports::PendingToken post(ports::UpstreamCall, UniqueFunction<void(ports::UpstreamReply)> done) override {
    loop_->post([done = std::move(done)]() mutable {
      ports::UpstreamReply reply;
      reply.outcome = ports::TransportOutcome::kOk;
      reply.status = 200;
      reply.content_type = "application/json";
      reply.body = R"({"active":true,"scope":"read","pad":")" + std::string(400, 'x') + "\"}";
      done(std::move(reply));
    });
    return std::make_unique<NothingPending>();
  }

 private:
  StepLoop* loop_;
};

class SilentSink final : public LogSink {
 public:
  bool wants(LogLevel) const noexcept override { return false; }
  void write(LogLevel, std::string_view) noexcept override {}
};

constexpr std::string_view kRequest =
    "POST /introspect HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic b3JkZXJzOnNlY3JldA==\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 49\r\n\r\n"
    "token=0123456789012345678901234567890123456789012";

struct World {
  World() {
    settings.authorization_servers.emplace_back().name = "main";
    CallerSettings& caller = settings.callers.emplace_back();
    caller.id = "orders";
    caller.secrets.emplace_back(Secret("secret"));
    node = std::make_unique<Node>(NodeParts{.back = loop,
                                            .fronts = {&loop},
                                            .upstream = upstream,
                                            .settings = settings,
                                            .cache_memory = {memory.get(), kMemory},
                                            .boot_key = {1, 2},
                                            .log = Log(sink),
                                            .version = "test",
                                            .reload_secret = {},
                                            .log_losses = {}});
    REQUIRE(node->place_connection({}) == std::size_t{0});
    node->accept(0, std::make_unique<WireStream>(wire));
    wire.to_read.reserve(65536);
    wire.written.reserve(65536);
  }
  // Lets the bytes arrive; what they cause on the back loop happens too.
  void arrive(std::string_view bytes) {
    wire.to_read.append(bytes);
    wire.events->on_readable();
    loop.run_posted();
  }

  struct Free {
    void operator()(std::byte* block) const { ::operator delete(block, std::align_val_t{4096}); }
  };
  static constexpr std::size_t kMemory = 8U << 20U;
  std::unique_ptr<std::byte, Free> memory{static_cast<std::byte*>(::operator new(kMemory, std::align_val_t{4096}))};
  SilentSink sink;
  StepLoop loop;
  ActiveUpstream upstream{loop};
  Settings settings;
  Wire wire;
  std::unique_ptr<Node> node;
};

}  // namespace

TEST_CASE("hit path: no allocation, one lock, one read and one write from request to reply (SPEC 8)") {
  World world;
  world.arrive(kRequest);   // the miss
  world.arrive(kRequest);   // a hit, which warms what is made once
  REQUIRE(world.wire.written.find("\"active\":true") != std::string::npos);
  for (int i = 0; i < 100; ++i) {
    world.wire.to_read.append(kRequest);
    world.wire.written.clear();
    const std::size_t reads = world.wire.reads;
    const std::size_t writes = world.wire.writes;
    const std::uint64_t allocations = testing::allocations();
    const std::uint64_t locks = testing::mutex_locks();
    world.wire.events->on_readable();
    CHECK(testing::allocations() - allocations == 0);
    CHECK(testing::mutex_locks() - locks == (testing::counts() ? 1U : 0U));
    CHECK(world.wire.reads - reads == 1);
    CHECK(world.wire.writes - writes == 1);
    CHECK(world.wire.written.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(world.loop.tasks.empty());
  }
}

TEST_CASE("hit path: sixteen pipelined hits leave in one write, sixteen locks, no allocation (SPEC 8)") {
  World world;
  std::string batch;
  for (int i = 0; i < 16; ++i) batch += kRequest;
  world.arrive(kRequest);
  world.arrive(batch);
  world.wire.to_read.append(batch);
  world.wire.written.clear();
  const std::size_t writes = world.wire.writes;
  const std::size_t reads = world.wire.reads;
  const std::uint64_t allocations = testing::allocations();
  const std::uint64_t locks = testing::mutex_locks();
  while (!world.wire.to_read.empty()) world.wire.events->on_readable();
  CHECK(testing::allocations() - allocations == 0);
  CHECK(testing::mutex_locks() - locks == (testing::counts() ? 16U : 0U));
  CHECK(world.wire.writes - writes == world.wire.reads - reads);
  std::size_t replies = 0;
  for (std::size_t at = 0; (at = world.wire.written.find("HTTP/1.1 200 OK", at)) != std::string::npos; ++at) ++replies;
  CHECK(replies == 16);
}

TEST_CASE("hit path: a hit and the miss before it have the same bytes (I22)") {
  World world;
  world.arrive(kRequest);
  const std::string miss = std::exchange(world.wire.written, {});
  world.arrive(kRequest);
  CHECK(world.wire.written == miss);
  CHECK(miss.size() > 500);
}

}  // namespace introspectd::service
