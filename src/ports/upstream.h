// Upstream: sends one request to an authorization server and brings back its reply or the reason there is none.
// Never retries, never follows redirects, verifies TLS (I17); the service decides what a reply means.
// Threads: the back loop only.  Owns: connections and their pool.
// Errors: TransportOutcome.  Cost: a pooled connection's round trip; names resolved off the loop.
// Contract: `done` runs exactly once, in a later turn than `post`, unless the token was destroyed before.
#pragma once

#include <cstdint>
#include <string>

#include "base/secret.h"
#include "base/time.h"
#include "base/unique_function.h"
#include "ports/event_loop.h"

namespace introspectd::ports {

enum class TransportOutcome : std::uint8_t {
  kOk,              // a complete HTTP reply, whatever its status
  kNotResolved,     // F88
  kRefused,         // refused, unreachable (F84)
  kTimedOut,        // connect or answer (F76, F77, F84)
  kTls,             // certificate or handshake (F85, F86)
  kIdleConnectionDied,  // a pooled connection was closed before any byte of the reply (F78, F83): may be retried once
  kBadReply,        // not HTTP, header flood, endless 1xx, unasked encoding, length lies (F53, F54, F71, F73)
  kTooLarge,        // body over the cap (F53)
};

// kIntrospection and kRevocation are form POSTs, kPoll and kVerification JSON POSTs (RFC 8936, SSF 1.0 §8.1.4), kKeys a GET
// (RFC 7517); each with its own cap on the reply's body: 64 KiB, kKeys 256 KiB, kPoll 1 MiB.
enum class UpstreamEndpoint : std::uint8_t { kIntrospection, kRevocation, kKeys, kPoll, kVerification };

struct UpstreamCall {
  std::uint16_t authorization_server = 0;  // index of the configuration
  UpstreamEndpoint endpoint = UpstreamEndpoint::kIntrospection;
  Secret authorization;                    // Authorization field's value, empty: none
  Secret body;
  bool fresh_connection = false;           // the retry (F78)
  Duration timeout{};                      // whole call
};

struct UpstreamReply {
  TransportOutcome outcome = TransportOutcome::kBadReply;
  int status = 0;
  std::string content_type;
  std::string retry_after;
  std::string cache_control;
  std::string body;
};

class Upstream {
 public:
  Upstream() = default;
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;
  virtual ~Upstream() = default;

  [[nodiscard]] virtual PendingToken post(UpstreamCall call, UniqueFunction<void(UpstreamReply)> done) = 0;
};

}  // namespace introspectd::ports
