// RequestParser: sans-I/O HTTP/1.1 request framing (RFC 9112), as strict as GUARANTEES F20–F34 and STANDARDS §7 say.
// llhttp finds the tokens; every check that llhttp leaves out is ours (white space or a fold before a field name, Host
// missing or twice, HTTP/0.9 and 2.0, Transfer-Encoding on 1.0, `gzip, chunked`).
// The caller keeps the bytes of the message in progress contiguous and hands them over again with what came since:
//   for (;;) { read more into the buffer; switch (parser.parse(buffer.view())) … }
// llhttp reads the head and is paused behind it; the body is cut off by length or joined from its chunks by us, so that
// its borders do not depend on a version of llhttp. No code of our callers runs inside llhttp.
// A head that repeats the one that was remembered last byte by byte is not read again: what it says is known.
// Threads: one owner.  Owns: joined chunked bodies (overwritten on reset), the text of a head up to 2 KiB (overwritten
// when it goes).  Errors: `error()`, a final status.
// Cost: O(new bytes), a comparison where the head repeats; no allocation but for chunked bodies and the first head. The
// answer does not depend on how the bytes were cut (I26), nor on what came before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/request.h"

namespace introspectd::http {

struct ParserLimits {
  std::size_t target_bytes = 8192;    // one more is 414 (F23)
  std::size_t header_bytes = 16384;   // request line and fields; one more is 431 (F22)
  std::size_t header_count = 64;      // one more is 431
  std::size_t body_bytes = 65536;     // one more is 413, before it is read where Content-Length tells (F21)
};

enum class ParseStatus : std::uint8_t {
  kNeedMore,        // incomplete: call again with more bytes
  kExpectContinue,  // head complete with `Expect: 100-continue` and a body: told once (F41), also when the body is
                    // already there (I26). Call again at once, with the same bytes.
  kMessage,         // request() is complete; consumed() bytes belong to it
  kError,           // error() is the reply; close after it, nothing later is interpreted (I25)
};

struct ParseError {
  int status = 400;                  // 400, 408 is the session's, 413, 414, 417, 431, 501, 505
  std::string_view description;      // static text, charset of RFC 6749 §5.2
};

class RequestParser {
 public:
  explicit RequestParser(const ParserLimits& limits);
  RequestParser(RequestParser&&) = delete;
  RequestParser& operator=(RequestParser&&) = delete;
  ~RequestParser();

  // `message` starts at the first byte of the message in progress and contains all bytes received since.
  ParseStatus parse(std::string_view message);
  const Request& request() const;      // after kMessage
  std::size_t consumed() const;        // after kMessage: where the next message begins
  const ParseError& error() const;     // after kError
  // A first byte of this message has been seen (for the header time-out, F33; the few empty lines that may stand
  // before it do not count); its head is complete.
  bool started() const;
  bool head_complete() const;
  // Ready for the next message; overwrites a joined body.
  void reset();
  // After kMessage, before reset: the next messages may well have the same head, and what it holds may be kept as long
  // as the connection, or until another head comes. One with a query is not.
  void remember_head();
  std::size_t remembered() const;   // bytes
  // Gives back its memory, between two messages.
  void forget_head();

 private:
  struct State;  // hides llhttp, whose header stays in request_state.h
  std::unique_ptr<State> state_;
};

}  // namespace introspectd::http
