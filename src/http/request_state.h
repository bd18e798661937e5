// RequestParser::State: a message in progress, and the head that it or the last one had.
// Threads: one owner, the parser.  Owns: joined chunked bodies and the text of the last head.  Errors: `failure`.
// Cost: a head that repeats the last one is compared, any other is read by llhttp.
// Private to http/request_parser.cc (the phases of a message) and http/request_head.cc (what llhttp finds in a head).
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/secret.h"
#include "http/chunked_body.h"
#include "http/field_lines.h"
#include "http/framing.h"
#include "http/request_parser.h"

namespace introspectd::http {

// Places in the message are kept as offsets: the caller's buffer may move between two calls. Span callbacks only
// record; every judgement is made in a completion callback, at a byte that does not depend on the cuts (I26).
struct RequestParser::State {
  enum class Phase : std::uint8_t { kBlank, kHead, kContinue, kSized, kChunked, kMessage, kError };

  explicit State(const ParserLimits& parser_limits)
      : limits(parser_limits), chunks(parser_limits), fields(parser_limits.header_count) {}

  static const llhttp_settings_t kSettings;
  static llhttp_settings_t make_settings();
  static State& of(llhttp_t* parser) { return *static_cast<State*>(parser->data); }

  void reset();
  ParseStatus parse(std::string_view bytes);
  ParseStatus fail(const ParseError& why);
  // Each does what it can in its phase; false: more bytes are needed, or the phase is kError.
  bool skip_blank_lines();
  void begin_head();
  bool repeats_last_head() const;
  bool read_head();
  bool finish_head();
  Phase after_head() const;
  void remember_head();
  bool read_sized_body();
  bool read_chunks();
  void publish();

  std::size_t next_cut(std::size_t end) const;
  bool line_ends_at_target(std::size_t read) const;
  const ParseError& refusal(llhttp_errno_t code) const;
  const ParseError* method_complete() const;
  Method method() const;
  const ParseError* target_complete();
  const ParseError* version_complete();
  std::uint32_t offset(const char* at) const { return static_cast<std::uint32_t>(at - message.data()); }
  Range range_of(std::string_view part) const {
    if (part.empty()) return Range{};
    return Range{offset(part.data()), static_cast<std::uint32_t>(part.size())};
  }
  // What a completion callback returns to llhttp.
  int verdict(const ParseError* why) {
    refused = why;
    return why == nullptr ? HPE_OK : HPE_USER;
  }

  ParserLimits limits;
  ChunkedBody chunks;
  Request request;
  ParseError failure;
  std::string_view message;     // of the call in progress
  const ParseError* refused = nullptr;
  std::size_t blank = 0;        // bytes of empty lines before the request line
  std::size_t fed = 0;          // bytes that llhttp has seen
  std::size_t head_end = 0;
  std::size_t message_end = 0;
  Phase phase = Phase::kBlank;
  // What the head says. It stands until another one begins: `last_head`, if not empty, is the text that says it.
  Secret last_head;
  llhttp_t llhttp{};
  FieldLines fields;
  Framing framing;
  Range target;
  Range path;
  Range query;
  Range authority;
  bool target_done = false;
  bool has_query = false;
  bool is_absolute = false;
  bool http_1_0 = false;
};

}  // namespace introspectd::http
