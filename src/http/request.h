// Request: one parsed HTTP/1.1 request (RFC 9112) as views into the connection's buffer.
// Threads: a value of one loop.  Owns: nothing: valid until the parser's next call or the buffer's next change.
// Cost: no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace introspectd::http {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kDelete, kOptions, kPatch, kOther };

struct Header {
  std::string_view name;   // as sent; compare with `same_name`
  std::string_view value;  // without surrounding white space; no CR, LF, NUL
};

struct Request {
  Method method = Method::kOther;
  std::string_view path;         // without query; absolute-form is reduced to its path (STD 7.06)
  bool has_query = false;        // a '?' was there; `query` may still be empty
  std::string_view query;
  bool keep_alive = true;        // what the client asks for, HTTP/1.0 rules included (STD 7.14)
  bool http_1_0 = false;
  std::span<const Header> headers;
  // Well-known fields, empty when absent. `has_` tells absent from empty where that matters.
  std::string_view host;
  std::string_view authorization;
  std::string_view content_type;
  bool has_authorization = false;
  bool has_origin = false;
  std::string_view body;         // chunked bodies arrive joined
  bool body_stays = false;       // it lies in the message, and not with the parser until its reset
};

// ASCII case-insensitive comparison of field names and media types.
bool same_name(std::string_view a, std::string_view b) noexcept;

// "application/x-www-form-urlencoded; charset=UTF-8" → true for that media type, parameters ignored (STD 1.05).
bool is_media_type(std::string_view content_type, std::string_view media_type) noexcept;

}  // namespace introspectd::http
