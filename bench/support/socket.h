// Socket: what the bench programs need of the operating system: descriptors, listeners, connections, a pinned thread.
// Threads: any.  Owns: Fd closes its descriptor.  Errors: a setup failure prints its reason and ends the program.
// Cost: set-up only.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>

namespace introspectd::bench {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

// Where a server is: a Unix socket when `unix_path` is not empty, loopback TCP otherwise.
struct Address {
  std::string unix_path;
  std::uint16_t port = 0;
};

[[noreturn]] void fail(const char* what);
Fd listen_at(const Address& address);
// Connected and non-blocking; invalid when the server refuses.
Fd connect_to(const Address& address);
Fd accept_from(int listener);
Fd make_epoll();
void watch(int epoll, int fd, std::uint32_t events, std::uint64_t tag, bool is_new);
// -1: wherever the kernel likes.
void pin_to_core(std::int64_t core);
// CLOCK_MONOTONIC, in nanoseconds.
std::int64_t now_ns();

}  // namespace introspectd::bench
