#include "io/curl_transfer.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace introspectd::io {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// RFC 9110 §5.3: a field that comes twice is one list; a media type as a list matches none, as it should.
void append_value(std::string& to, std::string_view value) {
  if (!to.empty()) to += ", ";
  to += value;
}

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

}  // namespace

std::unique_ptr<CurlTransfer> CurlTransfer::open(const TransferSettings& settings, const Lender& lender) {
  EasyHandle easy(curl_easy_init(), &curl_easy_cleanup);
  if (!easy) return nullptr;
  std::unique_ptr<CurlTransfer> transfer(
      new CurlTransfer(std::move(easy), settings.kind));  // NOLINT: the constructor is private
  const bool accepted = transfer->set_constant_options(settings) && transfer->set_tls_options(settings) &&
                        transfer->set_callbacks(lender);
  return accepted ? std::move(transfer) : nullptr;
}

bool CurlTransfer::set_constant_options(const TransferSettings& settings) {
  const auto connect_ms = std::chrono::ceil<std::chrono::milliseconds>(settings.connect_timeout).count();
  return OptionSetter(easy_.get())
      .set(CURLOPT_NOSIGNAL, 1L)
      .set(kind_ == RequestKind::kGet ? CURLOPT_HTTPGET : CURLOPT_POST, 1L)
      .set(CURLOPT_USERAGENT, settings.user_agent.c_str())
      .set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1))
      .set(CURLOPT_HTTP09_ALLOWED, 0L)
      .set(CURLOPT_FOLLOWLOCATION, 0L)
      .set(CURLOPT_REDIR_PROTOCOLS_STR, "https")  // unused: nothing is followed
      .set(CURLOPT_PROXY, "")
      .set(CURLOPT_NOPROXY, "*")
      .set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED))
      .set(CURLOPT_HTTP_CONTENT_DECODING, 0L)
      .set(CURLOPT_UPLOAD_BUFFERSIZE, 16384L)
      .set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(connect_ms, 1)))
      .set(CURLOPT_MAXAGE_CONN, 4L)          // real servers close idle connections after 5 s (F78)
      .set(CURLOPT_MAXLIFETIME_CONN, 300L)   // I51
      .set_path(CURLOPT_UNIX_SOCKET_PATH, settings.unix_socket_path)
      .ok();
}

bool CurlTransfer::set_tls_options(const TransferSettings& settings) {
  return OptionSetter(easy_.get())
      .set(CURLOPT_SSL_VERIFYPEER, 1L)
      .set(CURLOPT_SSL_VERIFYHOST, 2L)
      .set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2))
      .set(CURLOPT_CAPATH, static_cast<char*>(nullptr))
      .set_path(CURLOPT_CAINFO, settings.ca_file)
      .set_path(CURLOPT_SSLCERT, settings.client_cert_file)
      .set_path(CURLOPT_SSLKEY, settings.client_key_file)
      .ok();
}

bool CurlTransfer::set_callbacks(const Lender& lender) {
  return OptionSetter(easy_.get())
      .set(CURLOPT_HTTPHEADER, lender.headers)
      .set(CURLOPT_CLOSESOCKETFUNCTION, lender.close_socket)
      .set(CURLOPT_CLOSESOCKETDATA, lender.owner)
      .set(CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header)
      .set(CURLOPT_HEADERDATA, this)
      .set(CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body)
      .set(CURLOPT_WRITEDATA, this)
      .set(CURLOPT_PREREQFUNCTION, &CurlTransfer::on_ready_to_send)
      .set(CURLOPT_PREREQDATA, this)
      .set(CURLOPT_OPENSOCKETFUNCTION, &CurlTransfer::on_open_socket)
      .set(CURLOPT_OPENSOCKETDATA, this)
      .ok();
}

void CurlTransfer::prepare(const EndpointUrl& endpoint, Request request, curl_slist* resolved) {
  clear();
  body_ = std::move(request.body);
  reply_body_most_ = request.reply_body_most;
  if (std::exchange(endpoint_, &endpoint) != &endpoint) {
    OptionSetter(easy_.get())
        .set(CURLOPT_URL, endpoint.url.c_str())
        .set(CURLOPT_PROTOCOLS_STR, endpoint.is_https ? "https" : "http");
  }
  OptionSetter(easy_.get())
      .set(CURLOPT_MAXFILESIZE, static_cast<long>(reply_body_most_))
      .set(CURLOPT_FRESH_CONNECT, request.fresh_connection ? 1L : 0L);
  set_resolved(resolved);
  set_body();
}

void CurlTransfer::set_resolved(curl_slist* resolved) {
  if (std::exchange(resolved_, resolved) == resolved) return;
  const bool needs_name = resolved != nullptr;
  OptionSetter(easy_.get())
      .set(CURLOPT_RESOLVE, resolved)
      // A name missing from the list must fail rather than start a thread of libcurl's resolver (I40).
      .set(CURLOPT_RESOLVER_START_FUNCTION, needs_name ? &CurlTransfer::on_resolver_start : nullptr);
}

void CurlTransfer::set_body() {
  if (kind_ == RequestKind::kGet) return;  // an empty body would already make it a POST
  OptionSetter(easy_.get())
      .set(CURLOPT_POSTFIELDSIZE, static_cast<long>(body_.size()))
      .set(CURLOPT_POSTFIELDS, body_.empty() ? "" : body_.reveal().data());
}

ports::UpstreamReply CurlTransfer::conclude(CURLcode code) {
  long status = 0;
  long os_error = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &os_error);
  facts_.timed_out_connecting = os_error == ETIMEDOUT;
  const ports::TransportOutcome outcome = transport_outcome(code, facts_);
  ports::UpstreamReply reply;
  if (outcome == ports::TransportOutcome::kOk) reply = std::move(reply_);
  reply.outcome = outcome;
  reply.status = static_cast<int>(status);
  return reply;
}

curl_socket_t CurlTransfer::kept_socket() const {
  curl_socket_t socket = CURL_SOCKET_BAD;
  curl_easy_getinfo(easy_.get(), CURLINFO_ACTIVESOCKET, &socket);
  return socket;
}

void CurlTransfer::clear() {
  // libcurl keeps the pointers it was given: none may outlive what it points to.
  body_.clear();
  set_body();
  set_resolved(nullptr);
  reply_body_most_ = 0;
  facts_ = {};
  reply_ = {};
  head_lines_ = 0;
  head_bytes_ = 0;
  content_lengths_ = 0;
  has_transfer_encoding_ = false;
}

bool CurlTransfer::take_head_line(std::string_view line) {
  facts_.reply_begun = true;
  ++head_lines_;
  head_bytes_ += line.size();
  if (head_lines_ > kMaxReplyHeadLines || head_bytes_ > kMaxReplyHeadBytes) return false;
  if (line.starts_with("HTTP/")) {  // the final reply's head replaces an interim one's; the counts go on
    reply_ = {};
    content_lengths_ = 0;
    has_transfer_encoding_ = false;
    return true;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return trim(line).empty();
  return take_field(line.substr(0, colon), trim(line.substr(colon + 1)));
}

bool CurlTransfer::take_field(std::string_view name, std::string_view value) {
  if (equal_ignoring_case(name, "content-type")) append_value(reply_.content_type, value);
  if (equal_ignoring_case(name, "retry-after")) append_value(reply_.retry_after, value);
  if (equal_ignoring_case(name, "cache-control")) append_value(reply_.cache_control, value);
  // We asked for no encoding: what comes encoded is not for us, and may be a bomb (F71).
  if (equal_ignoring_case(name, "content-encoding")) return equal_ignoring_case(value, "identity");
  if (equal_ignoring_case(name, "transfer-encoding")) {
    if (has_transfer_encoding_ || !equal_ignoring_case(value, "chunked")) return false;
    has_transfer_encoding_ = true;
  }
  if (equal_ignoring_case(name, "content-length")) ++content_lengths_;
  // Two framings: somebody on the way may believe the other one (RFC 9112 §6.3).
  return content_lengths_ + (has_transfer_encoding_ ? 1U : 0U) <= 1;
}

bool CurlTransfer::take_body(std::string_view bytes) {
  if (bytes.size() > reply_body_most_ - reply_.body.size()) {
    facts_.too_large = true;
    return false;
  }
  reply_.body += bytes;
  return true;
}

bool CurlTransfer::may_send() {
  if (facts_.sent) {
    facts_.resend_stopped = true;
    return false;
  }
  facts_.sent = true;
  long connects = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_NUM_CONNECTS, &connects);
  facts_.reused = connects == 0;
  return true;
}

std::size_t CurlTransfer::on_header(char* bytes, std::size_t size, std::size_t count, void* self) noexcept {
  auto* transfer = static_cast<CurlTransfer*>(self);
  if (transfer->take_head_line({bytes, size * count})) return size * count;
  transfer->facts_.reply_refused = true;
  return 0;
}

std::size_t CurlTransfer::on_body(char* bytes, std::size_t size, std::size_t count, void* self) noexcept {
  return static_cast<CurlTransfer*>(self)->take_body({bytes, size * count}) ? size * count : 0;
}

int CurlTransfer::on_ready_to_send(void* self, char*, char*, int, int) noexcept {
  return static_cast<CurlTransfer*>(self)->may_send() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

curl_socket_t CurlTransfer::on_open_socket(void* self, curlsocktype, curl_sockaddr* address) noexcept {
  auto* transfer = static_cast<CurlTransfer*>(self);
  if (transfer->facts_.sent) {  // a connection for sending again: stop it before it is made
    transfer->facts_.resend_stopped = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
}

int CurlTransfer::on_resolver_start(void*, void*, void*) noexcept { return 1; }

}  // namespace introspectd::io
