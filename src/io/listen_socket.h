// ListenSocket: a listening TCP or Unix socket, opened here or inherited from the service manager.
// Threads: a value, one owner.  Owns: the fd, and the path of a Unix socket that was bound here: it is unlinked at the
// end if it still is that very socket (F9).  Errors: a sentence for the operator.  Cost: a few system calls at start.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "io/file_descriptor.h"

namespace introspectd::io {

class ListenSocket {
 public:
  // `address` is numeric, IPv6 without brackets; port 0 lets the kernel choose.
  static tl::expected<ListenSocket, std::string> tcp(const std::string& address, std::uint16_t port);
  // A stale socket at `path` is replaced; a live one, a regular file or a path over 107 bytes is refused (F9).
  static tl::expected<ListenSocket, std::string> unix_path(const std::string& path, std::uint32_t mode);
  // Refuses what is not a listening stream socket over IPv4, IPv6 or Unix (F125).
  static tl::expected<ListenSocket, std::string> adopt(FileDescriptor fd);

  ListenSocket(ListenSocket&& other) noexcept = default;
  ListenSocket& operator=(ListenSocket&&) = delete;
  ListenSocket(const ListenSocket&) = delete;
  ListenSocket& operator=(const ListenSocket&) = delete;
  ~ListenSocket();

  int fd() const { return fd_.get(); }
  // Bound to 127.0.0.0/8 or ::1, or a Unix socket: only this machine reaches it.
  bool is_local() const;
  // A Unix socket without a path: any process may connect, there is no mode.
  bool is_abstract() const;
  // The port that a TCP socket is bound to; 0 on a Unix socket.
  std::uint16_t port() const;

 private:
  explicit ListenSocket(FileDescriptor fd) : fd_(std::move(fd)) {}

  FileDescriptor fd_;
  std::string path_;  // to unlink; empty: nothing
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace introspectd::io
