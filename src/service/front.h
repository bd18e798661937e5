// Front: the sessions of one loop: it takes connections, brings replies from the back loop to the session that waits
// for them, and looks after deadlines about ten times a second while there are sessions.
// Threads: its loop; `sessions` may be read from any.  Owns: the sessions.
// Errors: a connection over the limit is closed at once and counted.  Cost: O(1) a reply, O(sessions) a sweep.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/unique_function.h"
#include "http/response_writer.h"
#include "ports/byte_stream.h"
#include "ports/event_loop.h"
#include "service/loop_counters.h"
#include "service/messages.h"
#include "service/server_session.h"
#include "service/settings.h"

namespace introspectd::service {

class Front final : private SessionEnds {
 public:
  // `closed` runs whenever a session has ended, on the loop: the acceptor keeps count of what is open.
  using Closed = UniqueFunction<void(const ports::Peer&)>;

  Front(ports::EventLoop& loop, Application& application, const ListenSettings& limits, http::ResponseWriter& writer,
        LoopCounters& counters, Closed closed);
  Front(Front&&) = delete;
  Front& operator=(Front&&) = delete;
  ~Front() override;

  void accept(std::unique_ptr<ports::ByteStream> stream);
  // Dropped when the session has gone on or vanished.
  void deliver(const WaiterId& waiter, const Reply& reply);
  std::size_t sessions() const { return open_.load(std::memory_order_relaxed); }

  // Sessions end as their requests are answered; `drained` runs when the last is gone.
  void drain(UniqueFunction<void()> drained);
  // Whatever is left ends now.
  void abandon();

 private:
  void session_ended(std::uint32_t slot) override;
  void sweep();
  void schedule_sweep();
  void reap();

  SessionServices services_;
  Closed closed_;
  std::vector<std::unique_ptr<ServerSession>> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::uint32_t> ended_;   // closed, to be destroyed in the next turn
  ports::PendingToken sweep_;
  UniqueFunction<void()> drained_;
  std::atomic<std::size_t> open_{0};
  bool draining_ = false;
};

}  // namespace introspectd::service
