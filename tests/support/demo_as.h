// DemoAs: a small but honest OAuth 2.0 authorization server on loopback, with faults on demand.
//   POST /token       client_credentials (RFC 6749 §4.4), client "app"
//   POST /introspect  RFC 7662, clients "node" (Basic or in the body)
//   POST /revoke      RFC 7009, the same clients
//   GET  /_mint?n=&ttl=&sub=&scope=&aud=   one opaque token a line
//   GET  /_knob?delay_ms=&fail=&garbage=&hang=&idle_close_ms=&replica_lag_ms=&revoke_fail=   sets faults,
//   tells the counts GET  /_stats      the counts
// Threads: its own one serves; every public call may come from any thread.  Owns: thread, sockets, tokens.
// Errors: start() says whether the port could be had.  Cost: one epoll thread; about as fast as a real
// server's best case.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/demo_as_request.h"
#include "support/demo_as_tokens.h"

namespace introspectd::support {

struct DemoAsFaults {
  std::chrono::milliseconds delay{0};       // before every introspection answer
  int fail_status = 0;                      // 0 = none; else every introspection gets it
  int revoke_fail_status = 0;               // the same for revocations
  bool garbage = false;                     // a captive portal's HTML with status 200
  bool hang = false;                        // introspections are never answered
  std::chrono::milliseconds idle_close{0};  // 0 = never; else idle connections are closed after this time
  std::chrono::milliseconds replica_lag{
      0};  // after a revocation introspection goes on saying active for so long
};

// An answer to an introspection, byte for byte, instead of the honest one.
struct ScriptedReply {
  enum class End {
    kKeepAlive,
    kClose,
    kReset,
    kNever
  };  // what follows the bytes; kNever: the connection hangs
  std::string bytes;
  End end = End::kKeepAlive;
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds per_byte{0};  // trickle
  int times = -1;                         // for how many introspections; -1 = until replaced
};

struct DemoAsCounts {
  std::uint64_t introspections = 0, revocations = 0, tokens_issued = 0, refused_clients = 0, connections = 0,
                bad_requests = 0;
};

class DemoAs {
 public:
  explicit DemoAs(std::string node_secret = "node-secret", std::string app_secret = "app-secret");
  DemoAs(const DemoAs&) = delete;
  DemoAs& operator=(const DemoAs&) = delete;
  ~DemoAs();

  // Port 0 = any.  False when the port cannot be had.
  bool start(std::uint16_t port = 0);
  // Closes everything; tokens stay known. start() begins again.
  void stop();

  std::uint16_t port() const;
  std::string url(std::string_view path) const;

  std::string mint(const TokenGrant& grant = {});
  void put(const std::string& token, std::string introspection_body);
  void set_faults(const DemoAsFaults& faults);
  void set_node_secret(std::string secret);
  void script(std::vector<ScriptedReply> replies);
  void clear_script() { script({}); }
  // Sends these bytes on every idle connection, unasked (F73, F74).
  void send_on_idle_connections(std::string bytes);
  DemoAsCounts counts() const;
  std::uint64_t introspections_of(const std::string& token) const;
  DemoAsRequest last_introspection() const;

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace introspectd::support
