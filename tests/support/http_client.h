// HttpConnection: a small blocking HTTP/1.1 client over loopback TCP or a Unix socket, for the demo and
// black-box tests. It also sends raw bytes, so that a test can be as wrong as it wants. Threads: one.  Owns:
// its socket.  Errors: text.  Cost: blocking calls with a deadline (5 s unless told).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "support/net.h"

namespace introspectd::support {

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case, in order
  std::string body;
  std::string raw;  // every byte of it, head and body

  // The value of the first such field, or "".
  std::string field(std::string_view lower_case_name) const;
};

struct HttpRequest {
  std::string method = "POST";
  std::string target = "/introspect";
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;

  // With Host and, where there is a body or the method is POST, Content-Length.
  std::string bytes() const;
};

// One form parameter, percent-encoded.
std::string form_parameter(std::string_view name, std::string_view value);
std::string base64(std::string_view bytes);
// The value of an Authorization field (RFC 6749 2.3.1: both halves are form-encoded first).
std::string basic_credentials(std::string_view id, std::string_view secret);
HttpRequest form_post(std::string target, std::string body);

class HttpConnection {
 public:
  static HttpConnection tcp(std::uint16_t port) { return HttpConnection(connect_tcp(port)); }
  static HttpConnection unix_socket(const std::string& path) { return HttpConnection(connect_unix(path)); }

  explicit HttpConnection(Fd socket) : socket_(std::move(socket)) {}

  bool connected() const { return socket_.valid(); }
  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }

  tl::expected<HttpResponse, std::string> ask(const HttpRequest& request);

  bool send_raw(std::string_view bytes);
  // The next response; an interim 1xx counts as one. `to_head`: no body follows the head.
  tl::expected<HttpResponse, std::string> receive(bool to_head = false);
  // True when the peer closes (or resets) within the patience and sends nothing more before.
  bool peer_closes();
  // True when the peer neither closes nor sends anything for so long.
  bool stays_open_for(std::chrono::milliseconds time);
  void half_close();
  // Closes with RST.
  void reset();
  const Fd& socket() const { return socket_; }

 private:
  Fd socket_;
  std::string unread_;
  std::chrono::milliseconds patience_{5000};
};

}  // namespace introspectd::support
