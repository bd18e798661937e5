// CurlUpstream: the ports::Upstream over libcurl's connections: one form POST, JSON POST or GET over HTTP/1.1, plain or
// TLS, over TCP or a Unix socket.
// Threads: the back loop.  Owns: a pool of connections for each authorization server, kind of request and credential.
// Errors: configure gives a sentence and leaves what was; a call ends with a TransportOutcome.
// Cost: three system calls a post on a kept connection; no thread of its own (names: Resolver).
// Connections are never shared between authorization servers, nor between credentials (I15, I50), nor between kinds: a
// long poll sits on a connection of its own and takes none from the introspections.
// RFC 7662 §2.1, RFC 7009 §2.1, RFC 7517 §5, RFC 8936 §2.4, SSF 1.0 §8.1.4.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/time.h"
#include "io/resolver.h"
#include "io/uv_loop.h"
#include "ports/upstream.h"

namespace introspectd::io {

// What is needed to reach one authorization server. Paths are empty where not used.
struct AuthorizationServerEndpoints {
  std::string introspection_url{};
  // Empty: none; a call to it ends as kRefused.
  std::string revocation_url{};
  std::string keys_url{};          // the JWKS
  std::string poll_url{};
  std::string verification_url{};
  std::string unix_socket_path{};  // connect there, whatever host the URLs name
  std::string ca_file{};           // the only trust where given (F6); else the system's
  std::string client_cert_file{};  // RFC 8705
  std::string client_key_file{};
  Duration connect_timeout = std::chrono::milliseconds(500);
  unsigned max_connections = 32;   // of introspection and revocation, a credential
  bool insecure_http_allowed = false;  // http to a host that is not loopback (F4)
};

class CurlUpstream final : public ports::Upstream {
 public:
  // So many credentials of an authorization server keep their connections though no call of theirs is in flight.
  static constexpr std::size_t kMaxIdleCredentials = 8;
  // Connections for JSON POSTs (polls, their acknowledgements, verification), and as many for GETs, a credential.
  static constexpr unsigned kMaxEventConnections = 4;

  CurlUpstream(UvLoop& loop, Resolver& resolver, std::string user_agent = "introspectd");
  ~CurlUpstream() override;

  // Calls from now on use these; calls in flight end on their old connections, which no later call uses (I50, F87).
  [[nodiscard]] tl::expected<void, std::string> configure(const std::vector<AuthorizationServerEndpoints>& servers);

  [[nodiscard]] ports::PendingToken post(ports::UpstreamCall call,
                                         UniqueFunction<void(ports::UpstreamReply)> done) override;

 private:
  struct Server;

  void sweep_retired();

  UvLoop& loop_;
  Resolver& resolver_;
  std::string user_agent_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::vector<std::unique_ptr<Server>> retired_;  // until their last call has ended
};

}  // namespace introspectd::io
