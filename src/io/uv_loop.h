// UvLoop: a libuv loop behind the port: both clocks once a turn, a mailbox, timers that go on through suspend.
// Threads: post and stop from any thread; everything else on the one thread that runs it (before run and after its
// return: whichever thread owns the object then).  Owns: the loop, its wake-up and its timer.
// Errors: what the OS refuses while opening is a fault.  Cost: post = one lock, and a write unless one is unread; send =
// one lock, and another with at most one write for each loop and turn; a timer costs a system call only when it is
// earlier than every other.
// Shutdown: stop() → run() returns → the owner destroys streams, listeners and upstreams → close() (or the destructor)
// closes the gate, runs the loop dry and checks that nothing was left behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/guarded.h"
#include "base/time.h"
#include "base/unique_function.h"
#include "io/file_descriptor.h"
#include "io/poll_watch.h"
#include "io/timer_queue.h"
#include "ports/event_loop.h"

struct uv_loop_s;  // NOLINT(readability-identifier-naming): libuv's name

namespace introspectd::io {

class UvLoop final : public ports::EventLoop {
 public:
  UvLoop();
  ~UvLoop() override;

  Now now() const override;
  void post(UniqueFunction<void()> task) override;
  // `to` outlives the run of this loop.
  void send(ports::EventLoop& to, UniqueFunction<void()> task) override;
  [[nodiscard]] ports::PendingToken after(Duration delay, UniqueFunction<void()> callback) override;

  // Runs turns until stop().
  void run();
  void stop();
  void close();

  uv_loop_s* raw() { return loop_.get(); }

 private:
  struct Mailbox {
    std::vector<UniqueFunction<void()>> tasks;
    bool woken = false;    // the loop will look into it
    bool closed = false;
  };
  struct TurnStart;

  void begin_turn();
  void arm_timer();
  // Whether the caller has to wake the loop, which the mailbox then believes done.
  enum class Wake : std::uint8_t { kNow, kLater };
  bool put(UniqueFunction<void()> task, Wake when);
  bool must_wake();
  void wake() noexcept;
  void wake_others();
  void run_mail();
  void run_timers();

  // A mailbox with more than this many tasks lets sockets and timers have their turn in between (I35).
  static constexpr std::size_t kTasksPerTurn = 256;

  std::unique_ptr<uv_loop_s> loop_;
  TurnStart* turn_start_ = nullptr;  // freed in its close callback
  FileDescriptor wake_fd_;           // an eventfd; open until the destructor, so that a late post writes to nobody
  FileDescriptor timer_fd_;          // a timerfd on CLOCK_BOOTTIME: libuv's own timers stop in suspend (I12)
  PollWatch wake_watch_;
  PollWatch timer_watch_;

  Guarded<Mailbox> mailbox_;
  std::vector<UvLoop*> sent_to_;               // in this turn; to be woken when it ends
  std::vector<UniqueFunction<void()>> batch_;  // taken out of the mailbox, being run
  std::size_t batch_next_ = 0;

  TimerQueue timers_;
  std::optional<MonoTime> armed_;  // what timer_fd_ is set to
  mutable std::optional<Now> now_;
  bool closed_ = false;
};

}  // namespace introspectd::io
