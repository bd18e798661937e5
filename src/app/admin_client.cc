#include "app/admin_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <system_error>

namespace introspectd::app {
namespace {

constexpr int kTimeoutSeconds = 10;

class Socket {
 public:
  Socket() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<AdminError> unreachable(const std::string& what) {
  const std::string reason = std::error_code(errno, std::generic_category()).message();
  return tl::unexpected(AdminError{AdminError::Kind::kNotReachable, what + ": " + reason});
}

tl::unexpected<AdminError> bad_reply(std::string reason) {
  return tl::unexpected(AdminError{AdminError::Kind::kBadReply, std::move(reason)});
}

tl::expected<void, AdminError> open(int fd, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return unreachable(path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const timeval timeout{kTimeoutSeconds, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return unreachable(path);
  return {};
}

tl::expected<void, AdminError> send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return unreachable("sending");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

tl::expected<std::string, AdminError> receive_all(int fd) {
  std::string bytes;
  std::array<char, 16384> block{};
  for (;;) {
    const ssize_t got = ::recv(fd, block.data(), block.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreachable("receiving");
    if (got == 0) return bytes;
    bytes.append(block.data(), static_cast<std::size_t>(got));
    if (bytes.size() > kAdminReplyMost) return bad_reply("it is too large");
  }
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || text.front() == '-' || error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The one Content-Length among the field lines; nullopt when there is none, two, or a strange one.
std::optional<std::size_t> content_length(std::string_view fields) {
  std::optional<std::size_t> length;
  while (!fields.empty()) {
    const std::size_t end = fields.find("\r\n");
    const std::string_view line = fields.substr(0, end);
    fields.remove_prefix(end == std::string_view::npos ? fields.size() : end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !equal_ignoring_case(line.substr(0, colon), "content-length"))
      continue;
    if (length) return std::nullopt;
    length = parse_number<std::size_t>(trim(line.substr(colon + 1)));
    if (!length) return std::nullopt;
  }
  return length;
}

}  // namespace

std::string write_admin_request(const AdminRequest& request) {
  std::string bytes =
      request.method + " " + request.path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  if (request.method != "GET") {
    bytes +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return bytes + "\r\n" + request.body;
}

tl::expected<AdminReply, AdminError> read_admin_reply(std::string_view bytes) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  const std::size_t head_end = bytes.find("\r\n\r\n");
  if (!bytes.starts_with(kVersion) || head_end == std::string_view::npos)
    return bad_reply("it is no HTTP/1.1 reply");
  const std::string_view head = bytes.substr(0, head_end);
  const std::string_view body = bytes.substr(head_end + 4);
  const std::size_t line_end = std::min(head.find("\r\n"), head.size());
  const auto status = parse_number<int>(head.substr(kVersion.size(), 3));
  const bool ended =
      line_end == kVersion.size() + 3 || (line_end > kVersion.size() + 3 && head[kVersion.size() + 3] == ' ');
  if (!status || *status < 200 || *status > 599 || !ended) return bad_reply("its status line is malformed");
  const auto length = content_length(head.substr(std::min(line_end + 2, head.size())));
  if (!length) return bad_reply("it has no length");
  if (body.size() != *length) return bad_reply("it is not as long as it says");
  return AdminReply{*status, std::string(body)};
}

tl::expected<AdminReply, AdminError> ask_daemon(const std::string& socket_path, const AdminRequest& request) {
  const Socket socket;
  if (socket.fd() < 0) return unreachable("socket");
  if (auto opened = open(socket.fd(), socket_path); !opened) return tl::unexpected(std::move(opened.error()));
  if (auto sent = send_all(socket.fd(), write_admin_request(request)); !sent)
    return tl::unexpected(std::move(sent.error()));
  auto bytes = receive_all(socket.fd());
  if (!bytes) return tl::unexpected(std::move(bytes.error()));
  return read_admin_reply(*bytes);
}

}  // namespace introspectd::app
