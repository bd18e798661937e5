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
#include "base/secret.h"
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
  std::string jwks_uri;            // empty: no signed event is believed
  std::string poll_endpoint;       // empty: not polled
  std::string verification_endpoint;  // empty: not asked
  Duration connect_timeout{};
  std::size_t max_connections = 0;
};

// Files by which a listener speaks TLS; the key's file was found to be private.
struct TlsFiles {
  std::string cert_file;
  std::string key_file;
};

// What only the adapter needs of the fleet's stream.
struct FleetIo {
  std::string redis;  // a URL without user and password
  std::string user;   // empty: the server's default user
  Secret password;    // empty: none
  std::string stream;
  std::uint64_t max_entries = 0;
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
  std::vector<TcpAddress> notify_tcp;  // TLS on those that are not loopback
  std::optional<TlsFiles> notify_tls;
  std::string state_dir;  // empty: nothing is kept
  std::optional<FleetIo> fleet;
  std::vector<AuthorizationServerIo> authorization_servers;
  std::size_t threads = 0;  // front loops; 0: one per CPU
  LogSettings log;
  OptionSets effective;  // what --print-config prints
  std::vector<ConfigProblem> notices;  // what is no mistake, but may surprise
};

}  // namespace introspectd::app
