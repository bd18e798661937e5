// epoll_server: the floor under every server: raw epoll, one recv and one send a batch, no parsing. It counts requests
// by their size, which the load generator tells it (--request-bytes), and so answers pipelined ones as well.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "reference/canned_reply.h"
#include "support/flags.h"
#include "support/socket.h"

namespace introspectd::bench {
namespace {

constexpr std::size_t kReadBytes = 65536;

struct Connection {
  Fd fd;
  std::size_t partial_bytes = 0;  // of a request that has not come whole
  std::string unsent;
};

class EpollServer {
 public:
  explicit EpollServer(std::size_t request_bytes) : epoll_(make_epoll()), request_bytes_(request_bytes) {}

  void listen(const Address& address) {
    listeners_.push_back(listen_at(address));
    watch(epoll_.get(), listeners_.back().get(), EPOLLIN, static_cast<std::uint64_t>(listeners_.back().get()), true);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 1000);
      reply_.set_time(std::time(nullptr));
      for (int i = 0; i < count; ++i) serve(events[static_cast<std::size_t>(i)]);
    }
  }

 private:
  void serve(const epoll_event& event) {
    const int fd = static_cast<int>(event.data.u64);
    for (const Fd& listener : listeners_) {
      if (listener.get() == fd) return accept_all(fd);
    }
    Connection& connection = connections_[static_cast<std::size_t>(fd)];
    if ((event.events & EPOLLOUT) != 0U) flush(connection);
    if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0U) read_from(connection);
  }

  void accept_all(int listener) {
    for (Fd fd = accept_from(listener); fd.valid(); fd = accept_from(listener)) {
      const auto slot = static_cast<std::size_t>(fd.get());
      if (connections_.size() <= slot) connections_.resize(slot + 1);
      watch(epoll_.get(), fd.get(), EPOLLIN, slot, true);
      connections_[slot] = Connection{std::move(fd), 0, {}};
    }
  }

  void read_from(Connection& connection) {
    const ssize_t got = ::recv(connection.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      connection = Connection();
      return;
    }
    const std::size_t bytes = connection.partial_bytes + static_cast<std::size_t>(got);
    connection.partial_bytes = bytes % request_bytes_;
    const std::size_t requests = bytes / request_bytes_;
    if (requests == 1 && connection.unsent.empty()) return send_or_keep(connection, reply_.text());
    batch_.clear();
    for (std::size_t i = 0; i < requests; ++i) batch_ += reply_.text();
    send_or_keep(connection, batch_);
  }

  void send_or_keep(Connection& connection, std::string_view bytes) {
    if (connection.unsent.empty()) {
      const ssize_t sent = ::send(connection.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      bytes.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
    }
    if (bytes.empty()) return;
    connection.unsent += bytes;
    rewatch(connection, EPOLLIN | EPOLLOUT);
  }

  void flush(Connection& connection) {
    const ssize_t sent =
        ::send(connection.fd.get(), connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
    if (sent > 0) connection.unsent.erase(0, static_cast<std::size_t>(sent));
    if (connection.unsent.empty()) rewatch(connection, EPOLLIN);
  }

  void rewatch(const Connection& connection, std::uint32_t events) {
    watch(epoll_.get(), connection.fd.get(), events, static_cast<std::uint64_t>(connection.fd.get()), false);
  }

  Fd epoll_;
  std::size_t request_bytes_;
  std::vector<Fd> listeners_;
  std::vector<Connection> connections_;  // by descriptor
  CannedReply reply_;
  std::array<char, kReadBytes> buffer_;
  std::string batch_;
};

}  // namespace
}  // namespace introspectd::bench

int main(int argc, char** argv) {
  using namespace introspectd::bench;
  const Flags flags(argc, argv, {"port", "unix", "core", "request-bytes"});
  const auto request_bytes = flags.integer("request-bytes", 0);
  if (request_bytes <= 0) fail("--request-bytes is needed");
  pin_to_core(flags.integer("core", -1));
  const auto server = std::make_unique<EpollServer>(static_cast<std::size_t>(request_bytes));
  if (flags.has("port")) server->listen({{}, static_cast<std::uint16_t>(flags.integer("port", 0))});
  if (flags.has("unix")) server->listen({flags.text("unix", ""), 0});
  server->run();
}
