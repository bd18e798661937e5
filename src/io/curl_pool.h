// CurlPool: calls to one authorization server of one kind and with one credential, over connections that are kept.
// Whatever must not share a connection gets its own pool (I15). One call at a time a connection: what can be read before
// the request went out, or behind the reply, ends the connection and is nobody's reply (F73, F74). A request is sent at
// most once: a kept connection that dies under it is told as such, for the service to judge (F78).
// Threads: the back loop.  Owns: calls and connections.  Errors: TransportOutcome, through `done`.
// Cost: a call on a kept connection is three system calls: nothing waits there, send, receive.
// Contract: as ports::Upstream. How slowly a reply comes is the caller's deadline alone: a long poll is silent for most of
// its life.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/secret.h"
#include "base/unique_function.h"
#include "io/curl_connection.h"
#include "io/endpoint_url.h"
#include "io/request_head.h"
#include "io/resolver.h"
#include "io/tls_trust_store.h"
#include "io/uv_loop.h"
#include "ports/upstream.h"

namespace introspectd::io {

class CurlPool {
 public:
  struct Settings {
    RequestKind kind = RequestKind::kFormPost;
    ConnectionSettings connection;
    std::string ca_file;      // the only trust where given (F6); else the system's
    std::string user_agent;
    unsigned max_connections = 32;
  };
  struct Request {
    Secret body;              // a GET has none
    std::size_t reply_body_most = 0;
    bool fresh_connection = false;
  };
  using Done = UniqueFunction<void(ports::UpstreamReply)>;

  CurlPool(UvLoop& loop, Resolver& resolver, Settings settings, Secret authorization);
  CurlPool(const CurlPool&) = delete;
  CurlPool& operator=(const CurlPool&) = delete;
  ~CurlPool();

  // `endpoint` must outlive the pool.
  [[nodiscard]] ports::PendingToken post(const EndpointUrl& endpoint, Request request, Duration timeout, Done done);
  bool idle() const { return calls_.empty(); }
  const Secret& authorization() const { return authorization_; }

 private:
  struct Call;
  struct Token;
  class Lane;
  using Lanes = std::list<std::unique_ptr<Lane>>;

  void begin(Call& call);
  void begin_waiting();
  bool start(Call& call);
  Lane* kept_lane(const EndpointUrl& endpoint);
  void connect(Call& call);
  // Only what is reached by its name has to be looked up.
  bool has_name(const EndpointUrl& endpoint) const {
    return !endpoint.is_numeric && settings_.connection.unix_socket_path.empty();
  }
  const TrustStore* trust_of(const EndpointUrl& endpoint);
  const RequestHead& head_of(const EndpointUrl& endpoint);
  void name_ended(Call& call);
  void finish(Call& call, ports::UpstreamReply reply);
  void finish(Call& call, ports::TransportOutcome outcome);
  void cancel(Call& call);
  void give_up_lane(Call& call);
  void drop(Lane& lane);
  void keep(Lane& lane);
  void deliver();
  void deliver_soon();
  void idle_began();

  static constexpr Duration kKeptIdle = std::chrono::seconds(4);     // real servers close after 5 s (F78)
  static constexpr Duration kLifeMost = std::chrono::seconds(300);   // I51
  // An idle pool closes its connections: none would be used again, and their fds come back (I36).
  static constexpr Duration kIdleLife = std::chrono::seconds(5);

  UvLoop& loop_;
  Resolver& resolver_;
  Settings settings_;
  Secret authorization_;
  std::unordered_map<const EndpointUrl*, RequestHead> heads_;
  std::optional<TrustStore> trust_;       // read when the first connection wants it, forgotten when the pool rests
  std::array<char, 16384> room_{};        // to read into

  std::unordered_map<Call*, std::unique_ptr<Call>> calls_;
  Lanes busy_;                            // each connects or carries a call
  Lanes kept_;                            // the one used last in front
  std::deque<Call*> waiting_;             // for a connection to come free
  std::deque<Call*> finished_;            // their replies wait for their turn
  std::deque<Call*> delivering_;          // the turn's batch
  ports::PendingToken delivery_;
  ports::PendingToken idle_end_;
  bool* destroyed_ = nullptr;             // set while a `done` runs
};

}  // namespace introspectd::io
