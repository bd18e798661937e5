// ResponseParser: sans-I/O reader of one HTTP/1.1 response after another, as a client of an authorization server meets
// them (RFC 9112 §2, §4, §6). llhttp finds the tokens and the end of the message; what is judged here: HTTP/1.x only, one
// framing (two may be believed differently on the way, §6.3), no encoding that was not asked for (F71), a body within the
// caller's cap, announced or not (F53), a head of at most 100 lines and 32 KiB, interim responses and trailers counted
// (F54), and no more around the body's chunks than the smallest of them need. Interim responses are passed over.
// Threads: one owner.  Owns: the response in progress.  Errors: ResponseStatus; after one the parser wants begin().
// Cost: O(bytes); the answer does not depend on how they were cut. Allocates for the response's body and long fields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace introspectd::http {

inline constexpr std::size_t kMaxResponseHeadLines = 100;
inline constexpr std::size_t kMaxResponseHeadBytes = 32 * 1024;
// What a chunk may cost besides its data, where each byte of the body is one: its size, its line ends and some more.
inline constexpr std::size_t kMaxChunkFramingBytes = 8;

// What the service reads of a response; fields are empty where absent, joined by ", " where they came more than once.
struct ReceivedResponse {
  int status = 0;
  std::string content_type;
  std::string retry_after;
  std::string cache_control;
  std::string body;
};

enum class ResponseStatus : std::uint8_t {
  kNeedMore,
  kComplete,
  kBad,        // not HTTP/1.x, cut short, or against one of the rules above
  kTooLarge,   // the body passes the cap, or announces to
};

class ResponseParser {
 public:
  ResponseParser();
  ResponseParser(ResponseParser&&) = delete;
  ResponseParser& operator=(ResponseParser&&) = delete;
  ~ResponseParser();

  // For the next response.
  void begin(std::size_t body_bytes_most);
  // The bytes that came since the last call. What stands behind a complete response is not looked at.
  ResponseStatus feed(std::string_view bytes);
  // The server has closed: complete, where the end of the body is the end of the connection.
  ResponseStatus end();

  bool begun() const;              // a byte came
  std::size_t consumed() const;    // of the last feed
  // After kComplete: whether the connection carries on (RFC 9112 §9.3).
  bool keep_alive() const;
  ReceivedResponse take();         // after kComplete

 private:
  struct State;   // hides llhttp
  std::unique_ptr<State> state_;
};

}  // namespace introspectd::http
