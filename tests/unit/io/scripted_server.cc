#include "tests/unit/io/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "io/listen_socket.h"

namespace introspectd::io {
namespace {

bool readable_within(int fd, int milliseconds) {
  pollfd waiting{fd, POLLIN, 0};
  return ::poll(&waiting, 1, milliseconds) == 1;
}

std::size_t content_length(std::string_view head) {
  constexpr std::string_view kName = "Content-Length: ";
  const std::size_t at = head.find(kName);
  return at == std::string_view::npos ? 0 : std::strtoul(head.data() + at + kName.size(), nullptr, 10);
}

}  // namespace

std::string ScriptedConnection::read_request() {
  for (;;) {
    const std::size_t head = rest_.find("\r\n\r\n");
    if (head != std::string::npos) {
      const std::size_t whole = head + 4 + content_length(rest_);
      if (rest_.size() >= whole) {
        std::string request = rest_.substr(0, whole);
        rest_.erase(0, whole);
        return request;
      }
    }
    std::array<char, 4096> some{};
    if (!readable_within(fd_.get(), 5'000)) return {};
    const ssize_t got = ::recv(fd_.get(), some.data(), some.size(), 0);
    if (got <= 0) return {};
    rest_.append(some.data(), static_cast<std::size_t>(got));
  }
}

bool ScriptedConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool ScriptedConnection::wait_for_close(int seconds) {
  std::array<char, 4096> some{};
  while (readable_within(fd_.get(), seconds * 1'000)) {
    const ssize_t got = ::recv(fd_.get(), some.data(), some.size(), 0);
    if (got <= 0) return true;
    rest_.append(some.data(), static_cast<std::size_t>(got));
  }
  return false;
}

void ScriptedConnection::reset() {
  const linger now{1, 0};
  CHECK_INVARIANT(::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
  fd_.reset();
}

ScriptedServer::ScriptedServer(Script script)
    : script_(std::move(script)), listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  CHECK_INVARIANT(::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  CHECK_INVARIANT(::listen(listening_.get(), 64) == 0);
  CHECK_INVARIANT(::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

void ScriptedServer::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  for (std::thread& player : players_) {
    if (player.joinable()) player.join();
  }
}

void ScriptedServer::serve() {
  while (!stopping_) {
    if (!readable_within(listening_.get(), 10)) continue;
    FileDescriptor fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) continue;
    // Else a second write would wait for the ACK of the first, which comes with the client's next request.
    const int on = 1;
    CHECK_INVARIANT(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    players_.emplace_back([this, number = connections_++, owned = std::move(fd)]() mutable {
      ScriptedConnection connection(std::move(owned), number);
      script_(connection);
    });
  }
}

std::string json_reply(std::string_view body, std::string_view more_fields) {
  std::string reply = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
  reply += more_fields;
  reply += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  reply += body;
  return reply;
}

}  // namespace introspectd::io
