// Configuration: everything the daemon is told, checked, as values: the service's settings and what only io
// needs. Threads: built before the loops start, then read by any.  Owns: its values and secrets.  Errors:
// none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/option_sets.h"
#include "app/option_syntax.h"
#include "base/log.h"
#include "base/time.h"
#include "service/settings.h"

namespace introspectd::app {

struct UnixListener {
  std::string path;
  std::uint32_t mode = 0;
};

// What only the adapter needs of an authorization server; same index as settings.authorization_servers.
struct AuthorizationServerIo {
  std::string introspection_endpoint;
  std::string revocation_endpoint;  // empty: none
  std::string ca_file;
  std::string client_secret_file;  // empty: none; to be read again by read_secret_file (F63)
  Duration connect_timeout{};
  std::size_t max_connections = 0;
};

struct LogSettings {
  LogLevel level = LogLevel::kInfo;
  std::size_t lines_per_second = 100;
};

struct Configuration {
  service::Settings settings;
  std::optional<UnixListener> listen_unix;
  std::vector<TcpAddress> listen_tcp;
  std::optional<UnixListener> admin_unix;
  std::optional<TcpAddress> admin_tcp;
  std::vector<AuthorizationServerIo> authorization_servers;
  std::size_t threads = 0;  // front loops; 0: one per CPU
  LogSettings log;
  OptionSets effective;  // what --print-config prints
};

}  // namespace introspectd::app
