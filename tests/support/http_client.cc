#include "support/http_client.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

namespace introspectd::support {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<HttpResponse> parse_head(std::string_view head) {
  HttpResponse response;
  if (!head.starts_with("HTTP/1.") || head.size() < 12) return std::nullopt;
  const std::string_view code = head.substr(9, 3);
  if (std::from_chars(code.data(), code.data() + 3, response.status).ptr != code.data() + 3)
    return std::nullopt;
  std::size_t at = head.find("\r\n");
  while (at != std::string_view::npos && at + 2 < head.size()) {
    const std::size_t end = head.find("\r\n", at + 2);
    const std::string_view line = head.substr(at + 2, end == std::string_view::npos ? end : end - at - 2);
    at = end;
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    response.fields.emplace_back(lower(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1))));
  }
  return response;
}

// Appends one decoded chunked body; nothing while it is incomplete. `consumed` counts the coded bytes.
std::optional<std::string> dechunk(std::string_view coded, std::size_t& consumed) {
  std::string body;
  std::size_t at = 0;
  while (true) {
    const std::size_t line_end = coded.find("\r\n", at);
    if (line_end == std::string_view::npos) return std::nullopt;
    std::size_t size = 0;
    std::from_chars(coded.data() + at, coded.data() + line_end, size, 16);
    at = line_end + 2;
    if (coded.size() < at + size + 2) return std::nullopt;
    body.append(coded.substr(at, size));
    at += size + 2;
    if (size == 0) break;
  }
  consumed = at;
  return body;
}

// The body's coded size once all of it is in `rest`, and the body itself in `response`.
std::optional<std::size_t> take_body(HttpResponse& response, std::string_view rest, bool to_head) {
  if (to_head || response.status < 200 || response.status == 204 || response.status == 304) return 0;
  if (lower(response.field("transfer-encoding")) == "chunked") {
    std::size_t consumed = 0;
    auto body = dechunk(rest, consumed);
    if (!body) return std::nullopt;
    response.body = std::move(*body);
    return consumed;
  }
  const std::string length_text = response.field("content-length");
  std::size_t length = 0;
  std::from_chars(length_text.data(), length_text.data() + length_text.size(), length);
  if (rest.size() < length) return std::nullopt;
  response.body = std::string(rest.substr(0, length));
  return length;
}

}  // namespace

std::string HttpResponse::field(std::string_view lower_case_name) const {
  for (const auto& [name, value] : fields) {
    if (name == lower_case_name) return value;
  }
  return "";
}

std::string HttpRequest::bytes() const {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
  for (const auto& [name, value] : fields) text += name + ": " + value + "\r\n";
  if (method == "POST" || !body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

std::string form_parameter(std::string_view name, std::string_view value) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text(name);
  if (!name.empty()) text += '=';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '*') {
      text += c;
    } else if (c == ' ') {
      text += '+';
    } else {
      text += '%';
      text += kHex[byte >> 4U];
      text += kHex[byte & 15U];
    }
  }
  return text;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::array<unsigned, 3> group{};
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < count; ++k) group[k] = static_cast<unsigned char>(bytes[i + k]);
    const unsigned bits = group[0] << 16U | group[1] << 8U | group[2];
    text += kAlphabet[bits >> 18U];
    text += kAlphabet[bits >> 12U & 63U];
    text += count > 1 ? kAlphabet[bits >> 6U & 63U] : '=';
    text += count > 2 ? kAlphabet[bits & 63U] : '=';
  }
  return text;
}

std::string basic_credentials(std::string_view id, std::string_view secret) {
  return "Basic " + base64(form_parameter("", id) + ":" + form_parameter("", secret));
}

HttpRequest form_post(std::string target, std::string body) {
  HttpRequest request;
  request.target = std::move(target);
  request.fields.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  request.body = std::move(body);
  return request;
}

tl::expected<HttpResponse, std::string> HttpConnection::ask(const HttpRequest& request) {
  if (!send_raw(request.bytes())) return tl::unexpected(std::string("the request could not be sent"));
  return receive(request.method == "HEAD");
}

bool HttpConnection::send_raw(std::string_view bytes) {
  return socket_.valid() && send_all(socket_, bytes, after(patience_));
}

tl::expected<HttpResponse, std::string> HttpConnection::receive(bool to_head) {
  if (!socket_.valid()) return tl::unexpected(std::string("not connected"));
  const SteadyTime deadline = after(patience_);
  while (true) {
    const std::size_t head_end = unread_.find("\r\n\r\n");
    if (head_end != std::string::npos) {
      auto response = parse_head(std::string_view(unread_).substr(0, head_end + 4));
      if (!response) return tl::unexpected("not an HTTP response: " + unread_.substr(0, 80));
      const auto size = take_body(*response, std::string_view(unread_).substr(head_end + 4), to_head);
      if (size) {
        response->raw = unread_.substr(0, head_end + 4 + *size);
        unread_.erase(0, head_end + 4 + *size);
        return std::move(*response);
      }
    }
    switch (receive_some(socket_, unread_, deadline)) {
      case Received::kBytes:
        break;
      case Received::kEof:
        return tl::unexpected("closed after " + std::to_string(unread_.size()) + " bytes");
      case Received::kReset:
        return tl::unexpected("reset after " + std::to_string(unread_.size()) + " bytes");
      case Received::kTimedOut:
        return tl::unexpected(std::string("nothing came in time"));
    }
  }
}

bool HttpConnection::peer_closes() {
  if (!unread_.empty()) return false;
  const Received end = receive_some(socket_, unread_, after(patience_));
  return end == Received::kEof || end == Received::kReset;
}

bool HttpConnection::stays_open_for(std::chrono::milliseconds time) {
  return unread_.empty() && receive_some(socket_, unread_, after(time)) == Received::kTimedOut;
}

void HttpConnection::half_close() {
  ::shutdown(socket_.get(), SHUT_WR);
}

void HttpConnection::reset() {
  const linger hard{1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  socket_.reset();
}

}  // namespace introspectd::support
