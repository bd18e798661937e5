#include "support/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace introspectd::bench {
namespace {

constexpr int kBacklog = 4096;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return in;
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  if (path.size() >= sizeof un.sun_path) fail("the path of the Unix socket is too long");
  std::memcpy(un.sun_path, path.c_str(), path.size() + 1);
  return un;
}

template <typename T>
const sockaddr* generic(const T& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

void set_nodelay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

void fail(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, errno == 0 ? "refused" : std::strerror(errno));
  std::exit(2);
}

Fd listen_at(const Address& address) {
  const bool is_unix = !address.unix_path.empty();
  Fd fd(::socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) fail("socket");
  int bound = 0;
  if (is_unix) {
    ::unlink(address.unix_path.c_str());
    const sockaddr_un un = unix_address(address.unix_path);
    bound = ::bind(fd.get(), generic(un), sizeof un);
  } else {
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in in = loopback(address.port);
    bound = ::bind(fd.get(), generic(in), sizeof in);
  }
  if (bound != 0) fail("bind");
  if (::listen(fd.get(), kBacklog) != 0) fail("listen");
  return fd;
}

Fd connect_to(const Address& address) {
  const bool is_unix = !address.unix_path.empty();
  Fd fd(::socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) fail("socket");
  int connected = 0;
  if (is_unix) {
    const sockaddr_un un = unix_address(address.unix_path);
    connected = ::connect(fd.get(), generic(un), sizeof un);
  } else {
    set_nodelay(fd.get());
    const sockaddr_in in = loopback(address.port);
    connected = ::connect(fd.get(), generic(in), sizeof in);
  }
  if (connected != 0 && errno != EINPROGRESS) return Fd();
  return fd;
}

Fd accept_from(int listener) {
  Fd fd(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.valid()) set_nodelay(fd.get());
  return fd;
}

Fd make_epoll() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) fail("epoll_create1");
  return epoll;
}

void watch(int epoll, int fd, std::uint32_t events, std::uint64_t tag, bool is_new) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  if (::epoll_ctl(epoll, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0) fail("epoll_ctl");
}

void pin_to_core(std::int64_t core) {
  if (core < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(core), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) fail("sched_setaffinity");
}

std::int64_t now_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace introspectd::bench
