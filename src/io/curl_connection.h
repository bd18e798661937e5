// CurlConnection: one connection to an authorization server. libcurl makes it (addresses tried side by side, TLS verified,
// client certificate), and from then on it is a stream of bytes that libcurl takes through TLS (CURLOPT_CONNECT_ONLY):
// what libcurl does for each request of an HTTP transfer would cost several times what the service does for a miss.
// Threads: the back loop.  Owns: an easy and a multi handle of its own, so that libcurl never looks at it for the sake of
// another, its watches and its timer.  Errors: a TransportOutcome while connecting; then Moved.
// Cost: a connection; afterwards one system call a read or write.
// Contract: events come from the loop, never inside a call, and are the last thing that the connection does in a turn: it
// may be destroyed in them. Holds: no proxy, verified TLS >= 1.2 (I17), no thread of libcurl's resolver (I40).
#pragma once

#include <curl/curl.h>

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "io/endpoint_url.h"
#include "io/poll_watch.h"
#include "io/tls_trust_store.h"
#include "io/uv_loop.h"
#include "ports/upstream.h"

namespace introspectd::io {

// What all connections of one pool have in common. Paths are empty where not used.
struct ConnectionSettings {
  std::string unix_socket_path;
  std::string client_cert_file;
  std::string client_key_file;
  Duration connect_timeout{};
};

class CurlConnection {
 public:
  class Events {
   public:
    Events() = default;
    Events(const Events&) = delete;
    Events& operator=(const Events&) = delete;
    virtual ~Events() = default;
    virtual void connected() = 0;
    virtual void not_connected(ports::TransportOutcome why) = 0;
    // What watch() asked for, one at a time.
    virtual void ready(Readiness ready) = 0;
  };
  struct Moved {
    enum class Status : std::uint8_t { kBytes, kWouldBlock, kEnd, kBroken };   // kEnd: closed by the server, properly
    Status status = Status::kBroken;
    std::size_t bytes = 0;
  };

  // Begins to connect. `trust` is null for http. `addresses`, each as text, is what the endpoint's name resolved to, empty
  // where it is none. Null when libcurl refuses; `events` outlives the connection.
  static std::unique_ptr<CurlConnection> open(UvLoop& loop, const ConnectionSettings& settings, const TrustStore* trust,
                                              const EndpointUrl& endpoint, std::span<const std::string> addresses,
                                              Events& events);
  CurlConnection(const CurlConnection&) = delete;
  CurlConnection& operator=(const CurlConnection&) = delete;
  ~CurlConnection();

  // After connected().
  Moved read(std::span<char> room);
  Moved write(std::string_view bytes);
  void watch(Readiness wanted);

 private:
  struct Attempt;   // a socket while libcurl connects

  CurlConnection(UvLoop& loop, const TrustStore* trust, Events& events);
  bool set_options(const ConnectionSettings& settings, const EndpointUrl& endpoint, std::span<const std::string> addresses);
  // False: it is over with connecting, and perhaps with this object.
  bool kick(curl_socket_t socket, int events);
  void arm_timer(long timeout_ms);
  void timer_fired();
  void conclude(CURLcode code);
  void watch_socket(curl_socket_t socket, int what);

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) noexcept;
  static int on_timer(CURLM*, long timeout_ms, void* self) noexcept;
  static curl_socket_t on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;
  static int on_close_socket(void* self, curl_socket_t socket) noexcept;
  static int on_resolver_start(void* resolver_state, void* reserved, void* self) noexcept;
  static CURLcode on_ssl_context(CURL*, void* tls_settings, void* self) noexcept;

  UvLoop& loop_;
  const TrustStore* trust_;
  Events& events_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> resolved_{nullptr, &curl_slist_free_all};
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy_;
  std::map<curl_socket_t, std::unique_ptr<Attempt>> attempts_;
  ports::PendingToken timer_;
  curl_socket_t socket_ = CURL_SOCKET_BAD;   // once connected
  PollWatch watch_;
};

}  // namespace introspectd::io
