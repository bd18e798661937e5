// CurlPool: one libcurl multi with its connections, for one authorization server, kind of request and credential:
// libcurl pools by host and TLS settings, never by Authorization, so whatever must not share a connection gets its own
// pool (I15).
// Threads: the back loop.  Owns: calls, connections, idle transfers.  Errors: TransportOutcome, through `done`.
// Cost: a call on a pooled connection is a handful of libcurl calls and ~6 system calls.
// Contract: as ports::Upstream. libcurl is never called from inside its own callbacks; `done` runs outside libcurl.
#pragma once

#include <curl/curl.h>
#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/secret.h"
#include "base/unique_function.h"
#include "io/curl_transfer.h"
#include "io/endpoint_url.h"
#include "io/file_descriptor.h"
#include "io/poll_watch.h"
#include "io/resolver.h"
#include "io/uv_loop.h"
#include "ports/upstream.h"

namespace introspectd::io {

class CurlPool {
 public:
  struct Settings {
    TransferSettings transfer;
    unsigned max_connections = 32;
  };
  using Done = UniqueFunction<void(ports::UpstreamReply)>;

  CurlPool(UvLoop& loop, Resolver& resolver, Settings settings, Secret authorization);
  CurlPool(const CurlPool&) = delete;
  CurlPool& operator=(const CurlPool&) = delete;
  ~CurlPool();

  // `endpoint` must outlive the call.
  [[nodiscard]] ports::PendingToken post(const EndpointUrl& endpoint, CurlTransfer::Request request, Duration timeout,
                                         Done done);
  bool idle() const { return calls_.empty(); }
  const Secret& authorization() const { return authorization_; }

 private:
  struct Call;
  struct Token;
  struct SocketWatch;

  void begin(Call& call);
  void begin_waiting();
  void start(Call& call);
  void name_ended(Call& call);
  void finish(Call& call, ports::UpstreamReply reply);
  void finish(Call& call, ports::TransportOutcome outcome);
  void cancel(Call& call);
  void take_transfer_back(Call& call);
  void deliver();
  void deliver_soon();

  bool open_multi();
  void close_multi();
  void idle_began();
  void kick(curl_socket_t socket, int events);
  void drain();
  void arm_timer();
  void timer_fired();
  void watch_socket(curl_socket_t socket, int what);
  void settle_watches();
  void spoil(curl_socket_t socket);
  void retire_spoilt_connections();

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) noexcept;
  static int on_timer(CURLM*, long timeout_ms, void* self) noexcept;
  static int on_close_socket(void* self, curl_socket_t socket) noexcept;

  static constexpr std::size_t kMaxIdleTransfers = 32;
  // An idle pool closes its connections: none would be used again (MAXAGE_CONN), and their fds come back (I36).
  static constexpr Duration kIdleLife = std::chrono::seconds(5);

  UvLoop& loop_;
  Resolver& resolver_;
  Settings settings_;
  Secret authorization_;
  curl_slist* headers_ = nullptr;

  CURLM* multi_ = nullptr;
  std::map<curl_socket_t, std::unique_ptr<SocketWatch>> sockets_;
  std::vector<curl_socket_t> unsettled_;   // whose watch libcurl has changed its wish of
  std::optional<MonoTime> due_;   // when libcurl wants to be called
  ports::PendingToken timer_;     // comes at timer_at_, which is not after due_
  MonoTime timer_at_;
  std::vector<std::unique_ptr<CurlTransfer>> idle_transfers_;

  FileDescriptor dead_socket_;               // to put in the place of a spoilt connection; open while the multi is
  std::vector<curl_socket_t> idle_sockets_;  // of kept connections that no transfer uses
  std::vector<pollfd> polled_;               // room for them

  std::unordered_map<Call*, std::unique_ptr<Call>> calls_;
  std::deque<Call*> waiting_;     // for a connection to come free
  std::size_t running_ = 0;       // in the multi
  std::deque<Call*> finished_;    // their replies wait for their turn
  std::deque<Call*> delivering_;  // the turn's batch
  ports::PendingToken delivery_;
  ports::PendingToken idle_end_;
  bool* destroyed_ = nullptr;     // set while a `done` runs
};

}  // namespace introspectd::io
