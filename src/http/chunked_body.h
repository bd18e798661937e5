// ChunkedBody: decodes the chunked transfer coding (RFC 9112 §7.1) and joins the chunks. Written by hand and strict,
// so that no reader in front of us can see other borders (F26, F27, STD 7.05): a size is 1 to 16 hexadecimal digits,
// every line ends in CRLF, extensions and trailers are checked, capped and dropped.
// Threads: one owner.  Owns: the joined body, overwritten on reset.  Errors: a static ParseError.
// Cost: O(new bytes); allocates for the body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/byte_buffer.h"
#include "http/request_parser.h"

namespace introspectd::http {

class ChunkedBody {
 public:
  static constexpr std::size_t kExtensionBytes = 4096;  // of all chunks together; one more is 400
  enum class Status : std::uint8_t { kNeedMore, kComplete, kError };

  explicit ChunkedBody(const ParserLimits& limits) : limits_(limits) {}

  // `bytes` begin right behind the head and contain all that came since.
  Status decode(std::string_view bytes);
  std::string_view body() const { return body_.view(); }
  std::size_t consumed() const { return position_; }  // after kComplete
  const ParseError& error() const { return *error_; }  // after kError
  void reset();

 private:
  enum class At : std::uint8_t {
    kSizeStart, kSize, kAfterSize, kExtension, kQuoted, kEscaped, kSizeLf, kData, kDataCr, kDataLf,
    kLineStart, kTrailerName, kTrailerValue, kTrailerLf, kEndLf, kComplete,
  };

  const ParseError* step(char c);
  const ParseError* size_digit(char c);
  const ParseError* after_size(char c);
  const ParseError* extension(char c);
  const ParseError* size_line_end();
  const ParseError* line_start(char c);
  const ParseError* trailer_name(char c);
  const ParseError* trailer_value(char c);
  const ParseError* expect(char c, char wanted, At next);
  void join_chunk();

  ParserLimits limits_;
  std::string_view bytes_;  // only within decode()
  ByteBuffer body_;
  const ParseError* error_ = nullptr;
  std::uint64_t chunk_left_ = 0;
  std::size_t position_ = 0;
  std::size_t name_start_ = 0;
  std::size_t size_digits_ = 0;
  std::size_t extension_bytes_ = 0;
  std::size_t framing_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::size_t trailer_count_ = 0;
  At at_ = At::kSizeStart;
};

}  // namespace introspectd::http
