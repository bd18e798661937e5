#include "app/listeners.h"

#include <unistd.h>

#include <optional>
#include <utility>

#include "app/environment.h"
#include "io/listen_fds.h"

namespace introspectd::app {
namespace {

using Sockets = std::vector<OpenSocket>;
using Result = tl::expected<Sockets, std::string>;

std::optional<Purpose> purpose_of(const std::string& name) {
  // systemd names an fd after its socket unit where FileDescriptorName= is not set.
  if (name == "introspect" || name == "introspectd.socket") return Purpose::kIntrospect;
  if (name == "admin" || name == "introspectd-admin.socket") return Purpose::kAdmin;
  if (name == "notify" || name == "introspectd-notify.socket") return Purpose::kNotify;
  return std::nullopt;
}

Result inherited_sockets(bool has_tls) {
  const io::ListenVariables variables{environment_value("LISTEN_PID"), environment_value("LISTEN_FDS"),
                                      environment_value("LISTEN_FDNAMES")};
  auto fds = io::take_inherited_fds(variables, ::getpid());
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  ::unsetenv("LISTEN_FDNAMES");
  if (!fds) return tl::unexpected(fds.error());
  Sockets sockets;
  for (io::InheritedFd& inherited : *fds) {
    const std::optional<Purpose> purpose = purpose_of(inherited.name);
    if (!purpose) {
      return tl::unexpected("inherited socket " + inherited.name + ": expected the name introspect, admin or notify");
    }
    auto socket = io::ListenSocket::adopt(std::move(inherited.fd));
    if (!socket) return tl::unexpected("inherited socket " + inherited.name + ": " + socket.error());
    // What the conf may not say, a socket unit may not either: there is no TLS, and admins have no password (F10).
    if (*purpose == Purpose::kNotify && !socket->is_local() && !has_tls) {
      return tl::unexpected("inherited socket " + inherited.name +
                            ": expected notify.tls_cert_file and notify.tls_key_file with it, as it is not loopback");
    }
    if (*purpose != Purpose::kNotify && !socket->is_local()) {
      return tl::unexpected("inherited socket " + inherited.name + ": expected a loopback address or a Unix socket");
    }
    if (*purpose == Purpose::kAdmin && socket->is_abstract()) {
      return tl::unexpected("inherited socket " + inherited.name + ": expected a Unix socket with a path and a mode");
    }
    sockets.push_back({*purpose, "inherited " + inherited.name, std::move(*socket)});
  }
  return sockets;
}

bool has(const Sockets& sockets, Purpose purpose, bool unix_socket) {
  for (const OpenSocket& open : sockets) {
    if (open.purpose == purpose && (open.socket.port() == 0) == unix_socket) return true;
  }
  return false;
}

std::optional<std::string> add_unix(Sockets& sockets, Purpose purpose, const UnixListener& listener) {
  auto socket = io::ListenSocket::unix_path(listener.path, listener.mode);
  if (!socket) return socket.error();
  sockets.push_back({purpose, "unix:" + listener.path, std::move(*socket)});
  return std::nullopt;
}

std::optional<std::string> add_tcp(Sockets& sockets, Purpose purpose, const TcpAddress& address) {
  const std::string shown = format_tcp_address(address);
  auto socket = io::ListenSocket::tcp(address.address, address.port);
  if (!socket) return socket.error();
  sockets.push_back({purpose, shown, std::move(*socket)});
  return std::nullopt;
}

}  // namespace

Result open_sockets(const Configuration& configuration) {
  Result sockets = inherited_sockets(configuration.notify_tls.has_value());
  if (!sockets) return sockets;
  // What was passed stands in for what the conf names, kind by kind.
  const bool unix_passed = has(*sockets, Purpose::kIntrospect, true);
  const bool tcp_passed = has(*sockets, Purpose::kIntrospect, false);
  const bool admin_unix_passed = has(*sockets, Purpose::kAdmin, true);
  const bool admin_tcp_passed = has(*sockets, Purpose::kAdmin, false);
  const bool notify_passed = has(*sockets, Purpose::kNotify, true) || has(*sockets, Purpose::kNotify, false);
  std::optional<std::string> problem;
  if (configuration.listen_unix && !unix_passed) {
    problem = add_unix(*sockets, Purpose::kIntrospect, *configuration.listen_unix);
  }
  for (const TcpAddress& address : configuration.listen_tcp) {
    if (!problem && !tcp_passed) problem = add_tcp(*sockets, Purpose::kIntrospect, address);
  }
  if (!problem && configuration.admin_unix && !admin_unix_passed) {
    problem = add_unix(*sockets, Purpose::kAdmin, *configuration.admin_unix);
  }
  if (!problem && configuration.admin_tcp && !admin_tcp_passed) {
    problem = add_tcp(*sockets, Purpose::kAdmin, *configuration.admin_tcp);
  }
  for (const TcpAddress& address : configuration.notify_tcp) {
    if (!problem && !notify_passed) problem = add_tcp(*sockets, Purpose::kNotify, address);
  }
  if (problem) return tl::unexpected(*problem);
  return sockets;
}

}  // namespace introspectd::app
