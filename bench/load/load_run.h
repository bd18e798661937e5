// LoadRun: drives the planned load against one server from one thread, and counts.
// Threads: one.  Owns: its connections.  Errors: wrong replies and lost connections are counted; it ends early when
// the server refuses connections.  Cost: one recv and one send a batch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "load/histogram.h"
#include "load/plan.h"
#include "load/requests.h"
#include "load/token_mix.h"
#include "support/socket.h"

struct epoll_event;

namespace introspectd::bench {

struct LoadResult {
  Histogram latency;
  std::uint64_t requests = 0;     // answered rightly within the measured time
  std::uint64_t wrong = 0;        // a reply that is not what the token deserves
  std::uint64_t lost = 0;         // no reply: the connection ended
  bool refused = false;           // connections were refused, or lost again and again: the run ended early
  double seconds = 0;
  std::int64_t server_cpu_ns = 0;
  std::int64_t own_cpu_ns = 0;
};

class LoadRun {
 public:
  explicit LoadRun(const Plan& plan);
  LoadResult run();

 private:
  struct Asked {
    std::uint64_t index;
    std::int64_t intended_ns;
  };
  struct Connection {
    Fd fd;
    std::vector<Asked> asked;  // in the order of their replies
    std::size_t answered = 0;
    std::string partial;       // of a reply that has not come whole
    std::string unsent;
  };

  void open(std::size_t slot);
  void close(Connection& connection);
  void ask(std::size_t slot, std::int64_t intended_ns);
  void next_request(std::size_t slot);
  void flush(std::size_t slot);
  void serve(const epoll_event& event);
  void read_from(std::size_t slot);
  bool take_replies(std::size_t slot, std::string_view bytes);
  void on_batch_answered(std::size_t slot);
  void on_lost(std::size_t slot);
  void start_due_requests();
  void open_all();
  void turn();
  void begin_measuring();
  void end_measuring();
  bool over() const;
  std::int64_t wait_ns() const;
  std::int64_t due_ns() const;
  bool open_loop() const { return plan_.rate > 0; }

  Plan plan_;
  RequestText text_;
  ReplyCheck check_;
  TokenMix mix_;
  Fd epoll_;
  std::vector<Connection> connections_;
  std::deque<std::size_t> idle_;   // open loop: slots without a request, the longest idle first
  std::string batch_;
  std::array<char, 65536> buffer_;
  LoadResult result_;
  std::int64_t now_ = 0;
  std::int64_t begin_ns_ = 0;
  std::int64_t measure_from_ns_ = 0;
  std::uint64_t started_ = 0;
  std::uint64_t ended_ = 0;
  bool measuring_ = false;
};

}  // namespace introspectd::bench
