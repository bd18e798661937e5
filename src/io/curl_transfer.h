// CurlTransfer: one libcurl easy handle, used for one call after another: options, request bytes, reply, outcome.
// Threads: the back loop.  Owns: the handle, the call's body (zeroed after use) and the reply as far as it has come.
// Errors: TransportOutcome.  Cost: a handle is ~100 options once, then 6 a call.
// Holds: no redirect, proxy, netrc, cookie, HTTP/0.9 or encoding; verified TLS ≥ 1.2 (I17); body ≤ the call's cap
// (F53); head ≤ 100 lines and 32 KiB, all interim replies counted (F54); the request is sent at most once (F78). How slowly a
// reply comes is the caller's deadline alone: a long poll is silent for most of its life.
#pragma once

#include <curl/curl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/time.h"
#include "io/curl_outcome.h"
#include "io/endpoint_url.h"
#include "ports/upstream.h"

namespace introspectd::io {

inline constexpr std::size_t kMaxReplyHeadLines = 100;
inline constexpr std::size_t kMaxReplyHeadBytes = 32 * 1024;

// How a request looks: its method, what it sends and what it asks for. Constant for a transfer: libcurl turns a handle
// that was given a body into a POST.
enum class RequestKind : std::uint8_t { kFormPost, kJsonPost, kGet };

// What all transfers of one pool have in common. Paths are empty where not used.
struct TransferSettings {
  RequestKind kind = RequestKind::kFormPost;
  std::string unix_socket_path;
  std::string ca_file;
  std::string client_cert_file;
  std::string client_key_file;
  std::string user_agent;
  Duration connect_timeout{};
};

class CurlTransfer {
 public:
  // What a pool lends to its transfers; it outlives them and their connections.
  struct Lender {
    curl_slist* headers = nullptr;
    curl_closesocket_callback close_socket = nullptr;
    void* owner = nullptr;  // what close_socket gets
  };
  // Null when libcurl has no memory or refuses an option.
  static std::unique_ptr<CurlTransfer> open(const TransferSettings& settings, const Lender& lender);
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  struct Request {
    Secret body;                       // a GET has none
    std::size_t reply_body_most = 0;
    bool fresh_connection = false;
  };
  // `endpoint` outlives the transfer. `resolved` is the list for CURLOPT_RESOLVE, null where the name needs none; it must live as long as the call.
  void prepare(const EndpointUrl& endpoint, Request request, curl_slist* resolved);
  // The reply of a transfer that libcurl reported as done, read before the handle leaves its multi.
  ports::UpstreamReply conclude(CURLcode code);
  // Where the connection of a finished transfer waits for the next one; CURL_SOCKET_BAD: it was closed.
  curl_socket_t kept_socket() const;
  // Forgets the call: the next one finds nothing of it.
  void clear();

  CURL* easy() const { return easy_.get(); }

 private:
  using EasyHandle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

  CurlTransfer(EasyHandle easy, RequestKind kind) : easy_(std::move(easy)), kind_(kind) {}

  void set_body();
  void set_resolved(curl_slist* resolved);
  bool set_constant_options(const TransferSettings& settings);
  bool set_tls_options(const TransferSettings& settings);
  bool set_callbacks(const Lender& lender);
  bool take_head_line(std::string_view line);
  bool take_field(std::string_view name, std::string_view value);
  bool take_body(std::string_view bytes);
  bool may_send();

  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) noexcept;
  static int on_ready_to_send(void* self, char*, char*, int, int) noexcept;
  static curl_socket_t on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;
  static int on_resolver_start(void* resolver_state, void* reserved, void* self) noexcept;

  EasyHandle easy_;
  RequestKind kind_;
  const EndpointUrl* endpoint_ = nullptr;   // of the last call
  curl_slist* resolved_ = nullptr;          // what libcurl has
  Secret body_;
  std::size_t reply_body_most_ = 0;
  TransferFacts facts_;
  ports::UpstreamReply reply_;
  std::size_t head_lines_ = 0;
  std::size_t head_bytes_ = 0;
  unsigned content_lengths_ = 0;
  bool has_transfer_encoding_ = false;
};

}  // namespace introspectd::io
