#include "io/curl_connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.h"
#include "io/curl_outcome.h"

namespace introspectd::io {
namespace {

// Chains options until one is refused.
class OptionSetter {
 public:
  explicit OptionSetter(CURL* easy) : easy_(easy) {}
  template <typename T>
  OptionSetter& set(CURLoption option, T value) {
    if (ok_) ok_ = curl_easy_setopt(easy_, option, value) == CURLE_OK;
    return *this;
  }
  // An empty path leaves the option alone.
  OptionSetter& set_path(CURLoption option, const std::string& path) {
    return path.empty() ? *this : set(option, path.c_str());
  }
  bool ok() const { return ok_; }

 private:
  CURL* easy_;
  bool ok_ = true;
};

// HOST:PORT:ADDRESS,ADDRESS as CURLOPT_RESOLVE wants it.
std::string resolve_entry(const EndpointUrl& endpoint, std::span<const std::string> addresses) {
  std::string entry = endpoint.host + ":" + std::to_string(endpoint.port) + ":";
  bool first = true;
  for (const std::string& address : addresses) {
    if (!std::exchange(first, false)) entry += ',';
    entry += address.find(':') == std::string::npos ? address : "[" + address + "]";
  }
  return entry;
}

}  // namespace

struct CurlConnection::Attempt {
  CurlConnection* connection = nullptr;
  curl_socket_t socket = CURL_SOCKET_BAD;
  PollWatch watch;

  static void on_ready(void* owner, Readiness ready) {
    const auto* self = static_cast<Attempt*>(owner);
    const int events = (ready.readable ? CURL_CSELECT_IN : 0) | (ready.writable ? CURL_CSELECT_OUT : 0);
    self->connection->kick(self->socket, events);   // may end this watch, and the connection
  }
};

CurlConnection::CurlConnection(UvLoop& loop, const TrustStore* trust, Events& events)
    : loop_(loop),
      trust_(trust),
      events_(events),
      multi_(curl_multi_init(), &curl_multi_cleanup),
      easy_(curl_easy_init(), &curl_easy_cleanup) {}

CurlConnection::~CurlConnection() {
  if (multi_ && easy_) curl_multi_remove_handle(multi_.get(), easy_.get());
  // While what on_close_socket looks at is still there.
  easy_.reset();
  multi_.reset();
}

std::unique_ptr<CurlConnection> CurlConnection::open(UvLoop& loop, const ConnectionSettings& settings,
                                                     const TrustStore* trust, const EndpointUrl& endpoint,
                                                     std::span<const std::string> addresses, Events& events) {
  std::unique_ptr<CurlConnection> connection(
      new CurlConnection(loop, trust, events));  // NOLINT: the constructor is private
  const bool accepted = connection->multi_ && connection->easy_ &&
                        connection->set_options(settings, endpoint, addresses) &&
                        curl_multi_add_handle(connection->multi_.get(), connection->easy_.get()) == CURLM_OK;
  return accepted ? std::move(connection) : nullptr;
}

bool CurlConnection::set_options(const ConnectionSettings& settings, const EndpointUrl& endpoint,
                                 std::span<const std::string> addresses) {
  CURLM* const multi = multi_.get();
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &CurlConnection::on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &CurlConnection::on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  if (!addresses.empty()) resolved_.reset(curl_slist_append(nullptr, resolve_entry(endpoint, addresses).c_str()));
  const auto connect_ms = std::chrono::ceil<std::chrono::milliseconds>(settings.connect_timeout).count();
  return OptionSetter(easy_.get())
      .set(CURLOPT_CONNECT_ONLY, 1L)
      .set(CURLOPT_NOSIGNAL, 1L)
      .set(CURLOPT_URL, endpoint.url.c_str())
      .set(CURLOPT_PROTOCOLS_STR, endpoint.is_https ? "https" : "http")
      .set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1))   // what ALPN offers
      .set(CURLOPT_PROXY, "")
      .set(CURLOPT_NOPROXY, "*")
      .set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED))
      .set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(connect_ms, 1)))
      .set_path(CURLOPT_UNIX_SOCKET_PATH, settings.unix_socket_path)
      .set(CURLOPT_SSL_VERIFYPEER, 1L)
      .set(CURLOPT_SSL_VERIFYHOST, 2L)
      .set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2))
      .set(CURLOPT_CAINFO, static_cast<char*>(nullptr))
      .set(CURLOPT_CAPATH, static_cast<char*>(nullptr))
      .set(CURLOPT_SSL_CTX_FUNCTION, &CurlConnection::on_ssl_context)
      .set(CURLOPT_SSL_CTX_DATA, this)
      .set_path(CURLOPT_SSLCERT, settings.client_cert_file)
      .set_path(CURLOPT_SSLKEY, settings.client_key_file)
      .set(CURLOPT_OPENSOCKETFUNCTION, &CurlConnection::on_open_socket)
      .set(CURLOPT_OPENSOCKETDATA, this)
      .set(CURLOPT_CLOSESOCKETFUNCTION, &CurlConnection::on_close_socket)
      .set(CURLOPT_CLOSESOCKETDATA, this)
      .set(CURLOPT_RESOLVE, resolved_.get())
      // A name missing from the list must fail rather than start a thread of libcurl's resolver (I40).
      .set(CURLOPT_RESOLVER_START_FUNCTION, resolved_ ? &CurlConnection::on_resolver_start : nullptr)
      .ok();
}

CurlConnection::Moved CurlConnection::read(std::span<char> room) {
  Moved moved;
  const CURLcode code = curl_easy_recv(easy_.get(), room.data(), room.size(), &moved.bytes);
  if (code == CURLE_AGAIN) moved.status = Moved::Status::kWouldBlock;
  if (code == CURLE_OK) moved.status = moved.bytes != 0 ? Moved::Status::kBytes : Moved::Status::kEnd;
  return moved;
}

CurlConnection::Moved CurlConnection::write(std::string_view bytes) {
  Moved moved;
  const CURLcode code = curl_easy_send(easy_.get(), bytes.data(), bytes.size(), &moved.bytes);
  if (code == CURLE_AGAIN) moved.status = Moved::Status::kWouldBlock;
  if (code == CURLE_OK) moved.status = Moved::Status::kBytes;
  return moved;
}

void CurlConnection::watch(Readiness wanted) { watch_.want(wanted); }

bool CurlConnection::kick(curl_socket_t socket, int events) {
  int running = 0;
  curl_multi_socket_action(multi_.get(), socket, events, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    conclude(message->data.result);
    return false;
  }
  return true;
}

// The handle stays in its multi: only there libcurl finds its connection again.
void CurlConnection::conclude(CURLcode code) {
  attempts_.clear();
  timer_.reset();
  long os_error = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &os_error);
  if (code == CURLE_OK) curl_easy_getinfo(easy_.get(), CURLINFO_ACTIVESOCKET, &socket_);
  if (socket_ == CURL_SOCKET_BAD) return events_.not_connected(connect_outcome(code, static_cast<int>(os_error)));
  const bool watched = watch_.open(loop_.raw(), socket_, this, [](void* self, Readiness ready) {
    static_cast<CurlConnection*>(self)->events_.ready(ready);
  });
  CHECK_INVARIANT(watched);
  events_.connected();
}

void CurlConnection::watch_socket(curl_socket_t socket, int what) {
  if (what == CURL_POLL_REMOVE) {
    attempts_.erase(socket);
    return;
  }
  std::unique_ptr<Attempt>& attempt = attempts_[socket];
  if (!attempt) {
    attempt = std::make_unique<Attempt>();
    attempt->connection = this;
    attempt->socket = socket;
    CHECK_INVARIANT(attempt->watch.open(loop_.raw(), socket, attempt.get(), &Attempt::on_ready));
  }
  attempt->watch.want({(what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0});
}

int CurlConnection::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) noexcept {
  static_cast<CurlConnection*>(self)->watch_socket(socket, what);
  return 0;
}

int CurlConnection::on_timer(CURLM*, long timeout_ms, void* self) noexcept {
  static_cast<CurlConnection*>(self)->arm_timer(timeout_ms);
  return 0;
}

void CurlConnection::arm_timer(long timeout_ms) {
  timer_.reset();
  if (timeout_ms < 0) return;
  timer_ = loop_.after(std::chrono::milliseconds(timeout_ms), [this] { timer_fired(); });
}

void CurlConnection::timer_fired() {
  timer_.reset();
  if (!kick(CURL_SOCKET_TIMEOUT, 0)) return;
  // libcurl tells a time-out once. Our loop may wake a little before libcurl's clock thinks it is time: ask again.
  long timeout_ms = -1;
  if (!timer_ && curl_multi_timeout(multi_.get(), &timeout_ms) == CURLM_OK && timeout_ms >= 0) {
    arm_timer(std::max(timeout_ms, 1L));
  }
}

curl_socket_t CurlConnection::on_open_socket(void*, curlsocktype, curl_sockaddr* address) noexcept {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
}

int CurlConnection::on_close_socket(void* self, curl_socket_t socket) noexcept {
  auto* connection = static_cast<CurlConnection*>(self);
  connection->attempts_.erase(socket);
  if (socket == connection->socket_) connection->watch_.close();
  return ::close(socket);
}

int CurlConnection::on_resolver_start(void*, void*, void*) noexcept { return 1; }

CURLcode CurlConnection::on_ssl_context(CURL*, void* tls_settings, void* self) noexcept {
  const TrustStore* const trust = static_cast<CurlConnection*>(self)->trust_;
  if (trust == nullptr || !trust->usable()) return CURLE_SSL_CACERT_BADFILE;
  trust->give_to(tls_settings);
  return CURLE_OK;
}

}  // namespace introspectd::io
