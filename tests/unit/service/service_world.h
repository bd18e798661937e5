// ServiceWorld: a Node on a loop that the test steps, with wires for connections and an upstream that the test answers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "service/node.h"

namespace introspectd::testing {

using service::CallerSettings;
using service::Node;
using service::NodeParts;
using service::Settings;

// A loop that runs what was posted, and lets time pass, when the test says so.
class StepLoop final : public ports::EventLoop {
 public:
  Now now() const override { return time; }
  void post(UniqueFunction<void()> task) override { tasks.push_back(std::move(task)); }
  ports::PendingToken after(Duration delay, UniqueFunction<void()> callback) override {
    const auto at = timers->emplace(time.mono + std::max(delay, Duration{}), std::move(callback));
    return std::make_unique<Timer>(timers, at);
  }
  // To the nanosecond: every timer on the way runs at its own time, and what it posts right after it.
  void advance(Duration by) {
    const MonoTime end = time.mono + by;
    run_posted();
    while (!timers->empty() && timers->begin()->first <= end) {
      set(std::max(time.mono, timers->begin()->first));
      UniqueFunction<void()> callback = std::move(timers->begin()->second);
      callback();   // its token still stands, and takes the entry with it
      run_posted();
    }
    set(end);
  }
  void run_posted() {
    while (!tasks.empty()) {
      UniqueFunction<void()> task = std::move(tasks.front());
      tasks.pop_front();
      task();
    }
  }

  Now time{MonoTime::from_ns(1'000'000'000), WallTime::from_seconds(1'800'000'000)};
  std::deque<UniqueFunction<void()>> tasks;

 private:
  using Timers = std::multimap<MonoTime, UniqueFunction<void()>>;
  class Timer final : public ports::Pending {
   public:
    Timer(std::shared_ptr<Timers> timers, Timers::iterator at) : timers_(std::move(timers)), at_(at) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() override { timers_->erase(at_); }

   private:
    std::shared_ptr<Timers> timers_;
    Timers::iterator at_;
  };
  void set(MonoTime to) {
    time.wall = time.wall + (to - time.mono);
    time.mono = to;
  }
  std::shared_ptr<Timers> timers = std::make_shared<Timers>();
};

// What the peer and the kernel see of a connection.
struct Wire {
  std::string to_read;
  std::string written;
  std::size_t reads = 0;
  std::size_t writes = 0;
  ports::StreamEvents* events = nullptr;
  bool readable = false;
  bool finished = false;   // the peer has sent FIN
  bool writable = false;
};

class WireStream final : public ports::ByteStream {
 public:
  explicit WireStream(Wire& wire, ports::Peer peer = {}) : wire_(&wire), peer_(std::move(peer)) {}
  WireStream(const WireStream&) = delete;
  WireStream& operator=(const WireStream&) = delete;
  ports::IoResult read(std::span<char> into) override {
    ++wire_->reads;
    const std::size_t size = std::min(into.size(), wire_->to_read.size());
    if (size == 0) return {wire_->finished ? ports::IoStatus::kEnd : ports::IoStatus::kWouldBlock, 0};
    wire_->to_read.copy(into.data(), size);
    wire_->to_read.erase(0, size);
    return {ports::IoStatus::kOk, size};
  }
  ports::IoResult write(std::string_view bytes) override {
    ++wire_->writes;
    wire_->written.append(bytes);
    return {ports::IoStatus::kOk, bytes.size()};
  }
  void watch(ports::StreamEvents& events, bool readable, bool writable) override {
    wire_->events = &events;
    wire_->readable = readable;
    wire_->writable = writable;
  }
  ~WireStream() override { wire_->readable = wire_->writable = false; }
  void shutdown_write() override {}
  const ports::Peer& peer() const override { return peer_; }

 private:
  Wire* wire_;
  ports::Peer peer_;
};

inline ports::UpstreamReply upstream_reply(int status, std::string body) {
  ports::UpstreamReply reply;
  reply.outcome = ports::TransportOutcome::kOk;
  reply.status = status;
  reply.content_type = "application/json";
  reply.body = std::move(body);
  return reply;
}

// Keeps the calls until the test answers them; a call whose token was destroyed is not answered.
class HeldUpstream final : public ports::Upstream {
 public:
  struct Call {
    ports::UpstreamCall call;
    UniqueFunction<void(ports::UpstreamReply)> done;
    bool cancelled = false;
  };

  ports::PendingToken post(ports::UpstreamCall call, UniqueFunction<void(ports::UpstreamReply)> done) override {
    auto held = std::make_shared<Call>(Call{std::move(call), std::move(done)});
    calls.push_back(held);
    return std::make_unique<Token>(std::move(held));
  }
  void answer(std::size_t index, ports::UpstreamReply reply) {
    const std::shared_ptr<Call> held = calls.at(index);
    if (!held->cancelled && held->done) std::exchange(held->done, {})(std::move(reply));
  }

  std::vector<std::shared_ptr<Call>> calls;

 private:
  class Token final : public ports::Pending {
   public:
    explicit Token(std::shared_ptr<Call> held) : held_(std::move(held)) {}
    ~Token() override { held_->cancelled = true; }

   private:
    std::shared_ptr<Call> held_;
  };
};

class SilentSink final : public LogSink {
 public:
  bool wants(LogLevel) const noexcept override { return false; }
  void write(LogLevel, std::string_view) noexcept override {}
};

inline std::string request_for(std::string_view token, std::string_view path = "/introspect") {
  std::string text = "POST ";
  text.append(path).append(
      " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic b3JkZXJzOnNlY3JldA==\r\n"
      "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ");
  text.append(std::to_string(token.size() + 6)).append("\r\n\r\ntoken=").append(token);
  return text;
}

class ServiceWorld {
 public:
  ServiceWorld() {
    settings.authorization_servers.emplace_back().name = "main";
    settings.authorization_servers[0].has_revocation_endpoint = true;
    settings.authorization_servers[0].credential.client_secret = Secret("old");
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
                                            .reload_secret = [this](cache::ServerId) { return Secret(secret_on_disk); },
                                            .log_losses = {}});
  }
  // Opens one more connection.
  Wire& connect() {
    Wire& wire = wires.emplace_back();
    wire.to_read.reserve(65536);
    wire.written.reserve(65536);
    const auto front = node->place_connection({});
    CHECK_INVARIANT(front.has_value());
    node->accept(*front, std::make_unique<WireStream>(wire));
    return wire;
  }
  // Lets bytes arrive, until all are read; what they cause on the back loop happens too.
  void arrive(Wire& wire, std::string_view bytes) {
    wire.to_read.append(bytes);
    while (!wire.to_read.empty() && wire.readable) wire.events->on_readable();
    loop.run_posted();
  }
  void answer(std::size_t call, ports::UpstreamReply reply) {
    upstream.answer(call, std::move(reply));
    loop.run_posted();
  }
  std::uint64_t call_count(service::CallCounter counter) {
    return node->figures().servers[0].calls[static_cast<std::size_t>(counter)];
  }

  struct Free {
    void operator()(std::byte* block) const { ::operator delete(block, std::align_val_t{4096}); }
  };
  static constexpr std::size_t kMemory = 8U << 20U;
  std::unique_ptr<std::byte, Free> memory{static_cast<std::byte*>(::operator new(kMemory, std::align_val_t{4096}))};
  std::string secret_on_disk = "old";
  SilentSink sink;
  StepLoop loop;
  HeldUpstream upstream;
  Settings settings;
  std::deque<Wire> wires;
  std::unique_ptr<Node> node;
};

inline std::size_t replies_in(std::string_view written) {
  std::size_t replies = 0;
  for (std::size_t at = 0; (at = written.find("HTTP/1.1 ", at)) != std::string_view::npos; ++at) ++replies;
  return replies;
}

}  // namespace introspectd::testing
