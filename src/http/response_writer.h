// ResponseWriter: writes HTTP/1.1 responses into a ByteBuffer; one per loop, it keeps the heads ready made.
// The hit path writes the body first, straight out of the cache, then the head before it:
//   std::span<char> room = out.reserve(ResponseWriter::kHeadRoom + body_guess);
//   … cache copies the body to room.data() + ResponseWriter::kHeadRoom …
//   out.commit(writer.seal_ok_json(room.data(), body_bytes, keep_alive));
// Threads: one loop.  Owns: its templates.  Errors: none.  Cost: hit path a copy of the head (≈ 150 B) and, when the
// length has another number of digits than expected, a move of the body; no allocation.
// Every response carries Date (STD 7.15), Cache-Control: no-store (STD 1.16) and Content-Length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/byte_buffer.h"
#include "base/time.h"

namespace introspectd::http {

struct ResponseHeader {
  std::string_view name;
  std::string_view value;  // CR, LF, NUL and other control bytes are a fault of the caller (CHECK_INVARIANT)
};

struct Response {
  int status = 200;
  std::string_view content_type = "application/json";  // empty: none
  std::span<const ResponseHeader> headers = {};        // WWW-Authenticate, Allow, Retry-After …
  std::string_view body = {};
  bool keep_alive = true;   // false adds `Connection: close`
  bool http_1_0 = false;    // with keep_alive: adds `Connection: keep-alive`
  bool head_only = false;   // HEAD: Content-Length of the body, no body (STD 7.11)
};

class ResponseWriter {
 public:
  // How far behind the start of the reserved room the body of a sealed reply is to be put.
  static constexpr std::size_t kHeadRoom = 192;

  ResponseWriter();
  // Once per loop turn; reformats Date when the second changed.
  void set_time(WallTime now);
  // Puts the 200 application/json head before a body of `body_bytes` that stands at start + kHeadRoom, and closes the
  // gap, so that the response begins at `start`. Returns its size. Byte-equal to `append` of the same response (I22).
  std::size_t seal_ok_json(char* start, std::size_t body_bytes, bool keep_alive, bool http_1_0) const;
  void append(ByteBuffer& out, const Response& response) const;
  // `HTTP/1.1 100 Continue` (F41).
  void append_continue(ByteBuffer& out) const;

 private:
  char date_[30] = {};          // IMF-fixdate and NUL
  std::int64_t second_ = -1;
};

// The reason phrase of every status that we send.
std::string_view reason_phrase(int status) noexcept;

}  // namespace introspectd::http
