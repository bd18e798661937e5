// Listener: accepts connections on one loop and gives each away as an owned, non-blocking fd.
// Threads: the loop's.  Owns: the listening socket.  Errors: no fds or memory left → accepting rests 100 ms (F112);
// a connection that died in the queue is passed over (F118).  Cost: one system call a connection, at most
// kAcceptsPerTurn in one turn.
// Contract: on_accept may pause, resume and take what it likes, but not destroy the Listener.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/unique_function.h"
#include "io/file_descriptor.h"
#include "io/listen_socket.h"
#include "io/poll_watch.h"
#include "io/uv_loop.h"

namespace introspectd::io {

class Listener {
 public:
  using OnAccept = UniqueFunction<void(FileDescriptor)>;
  static constexpr std::size_t kAcceptsPerTurn = 64;
  static constexpr Duration kRest = std::chrono::milliseconds(100);

  Listener(UvLoop& loop, ListenSocket socket, OnAccept on_accept);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // While paused, connections wait in the kernel's queue (I39, drain).
  void pause();
  void resume();
  std::uint16_t port() const { return socket_.port(); }
  // Told whenever accepting rests because the OS has no fds or no memory left.
  void on_rest(UniqueFunction<void()> told) { told_ = std::move(told); }

 private:
  void accept_some();
  void rest();

  UvLoop& loop_;
  ListenSocket socket_;
  OnAccept on_accept_;
  PollWatch watch_;
  ports::PendingToken resting_;
  bool paused_ = false;
  UniqueFunction<void()> told_;
};

}  // namespace introspectd::io
