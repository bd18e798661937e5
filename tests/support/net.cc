#include "support/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <random>

namespace introspectd::support {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// The BSD socket calls take every address as sockaddr*.
template <typename Address>
sockaddr* generic(Address& address) {
  return static_cast<sockaddr*>(static_cast<void*>(&address));
}

int remaining_ms(SteadyTime deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return left.count() < 0 ? 0 : static_cast<int>(left.count());
}

bool wait_for(const Fd& socket, short events, SteadyTime deadline) {
  while (true) {
    pollfd item{socket.get(), events, 0};
    const int ready = ::poll(&item, 1, remaining_ms(deadline));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace

SteadyTime after(std::chrono::milliseconds delay) {
  return std::chrono::steady_clock::now() + delay;
}

Fd listen_on_loopback(std::uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = loopback(port);
  if (::bind(socket.get(), generic(address), sizeof address) != 0) return Fd();
  if (::listen(socket.get(), 1024) != 0) return Fd();
  return socket;
}

std::uint16_t port_of(const Fd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.get(), generic(address), &size) != 0) return 0;
  return ntohs(address.sin_port);
}

// The kernel's own choice would be among those that it gives to outgoing connections (ip_local_port_range, from 32768
// on), any of which may have it a moment later.
std::uint16_t free_port() {
  constexpr std::uint16_t kFirst = 10'000;
  constexpr std::uint16_t kCount = 22'000;
  constexpr int kTries = 100;
  std::random_device random;
  for (int i = 0; i < kTries; ++i) {
    const auto port = static_cast<std::uint16_t>(kFirst + random() % kCount);
    if (listen_on_loopback(port).get() >= 0) return port;
  }
  return port_of(listen_on_loopback(0));
}

Fd connect_tcp(std::uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(port);
  if (::connect(socket.get(), generic(address), sizeof address) != 0) return Fd();
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

Fd connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return Fd();
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), generic(address), sizeof address) != 0) return Fd();
  return socket;
}

bool send_all(const Fd& socket, std::string_view bytes, SteadyTime deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_for(socket, POLLOUT, deadline)) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

Received receive_some(const Fd& socket, std::string& bytes, SteadyTime deadline) {
  std::array<char, 65536> chunk;
  while (true) {
    const ssize_t got = ::recv(socket.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (got > 0) {
      bytes.append(chunk.data(), static_cast<std::size_t>(got));
      return Received::kBytes;
    }
    if (got == 0) return Received::kEof;
    if (errno == EAGAIN) {
      if (!wait_for(socket, POLLIN, deadline)) return Received::kTimedOut;
    } else if (errno != EINTR) {
      return Received::kReset;
    }
  }
}

}  // namespace introspectd::support
