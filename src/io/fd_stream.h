// FdStream: a connected TCP or Unix socket as a ByteStream, by poll and our own recv and send.
// Threads: the loop it was made on.  Owns: the fd.  Errors: IoStatus; never SIGPIPE; open gives null when the OS
// refuses to watch the fd.  Cost: one system call a read or write; watching what is watched already costs none.
// Files passed over the socket are never kept: recv() without a control buffer makes the kernel drop them (F45).
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "io/file_descriptor.h"
#include "io/poll_watch.h"
#include "io/uv_loop.h"
#include "ports/byte_stream.h"

namespace introspectd::io {

class FdStream final : public ports::ByteStream {
 public:
  // `peer`: what read_peer told of this fd, where somebody has asked already.
  static std::unique_ptr<FdStream> open(UvLoop& loop, FileDescriptor fd, ports::Peer peer);
  static std::unique_ptr<FdStream> open(UvLoop& loop, FileDescriptor fd);

  ports::IoResult read(std::span<char> into) override;
  ports::IoResult write(std::string_view bytes) override;
  void watch(ports::StreamEvents& events, bool readable, bool writable) override;
  void shutdown_write() override;
  const ports::Peer& peer() const override { return peer_; }

 private:
  FdStream(FileDescriptor fd, ports::Peer peer);

  static void on_ready(void* owner, Readiness ready);

  FileDescriptor fd_;
  PollWatch watch_;  // after fd_: it is closed before the fd
  ports::StreamEvents* events_ = nullptr;
  ports::Peer peer_;
};

}  // namespace introspectd::io
