#include "http/chunked_body.h"

#include <algorithm>

#include "http/framing.h"

namespace introspectd::http {
namespace {

constexpr ParseError kBadSize{400, "a chunk size is not valid"};
constexpr ParseError kBadExtension{400, "a chunk extension is not valid"};
constexpr ParseError kExtensionsTooLong{400, "the chunk extensions are too long"};
constexpr ParseError kBadLineEnd{400, "a chunk line does not end in CRLF"};
constexpr ParseError kBadChunkEnd{400, "a chunk does not end in CRLF"};
constexpr ParseError kBadTrailer{400, "a trailer field is not valid"};
constexpr ParseError kFramingTrailer{400, "a trailer field is about framing"};
constexpr ParseError kTrailersTooLarge{431, "the trailer section is too large"};
constexpr ParseError kBodyTooLarge{413, "the body is too large"};
constexpr ParseError kTooFragmented{413, "the chunks are too small for a body of this size"};

constexpr std::size_t kSizeDigits = 16;  // 64 bits

// Control bytes other than HTAB.
constexpr bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

ChunkedBody::Status ChunkedBody::decode(std::string_view bytes) {
  bytes_ = bytes;
  while (error_ == nullptr && at_ != At::kComplete && position_ < bytes_.size()) {
    if (at_ == At::kData) {
      join_chunk();
      continue;
    }
    // The caller keeps the raw bytes, so that what is not body must have a bound too: a byte a chunk would need six.
    if (++framing_bytes_ > limits_.header_bytes + limits_.body_bytes) {
      error_ = &kTooFragmented;
    } else {
      error_ = step(bytes_[position_]);
      ++position_;
    }
  }
  bytes_ = {};
  if (error_ != nullptr) return Status::kError;
  return at_ == At::kComplete ? Status::kComplete : Status::kNeedMore;
}

void ChunkedBody::reset() {
  body_.release();
  error_ = nullptr;
  chunk_left_ = 0;
  position_ = name_start_ = size_digits_ = extension_bytes_ = framing_bytes_ = trailer_bytes_ = trailer_count_ = 0;
  at_ = At::kSizeStart;
}

void ChunkedBody::join_chunk() {
  const auto there = std::min<std::uint64_t>(chunk_left_, bytes_.size() - position_);
  const auto size = static_cast<std::size_t>(there);
  body_.append(bytes_.substr(position_, size));
  position_ += size;
  chunk_left_ -= size;
  if (chunk_left_ == 0) at_ = At::kDataCr;
}

const ParseError* ChunkedBody::step(char c) {
  switch (at_) {
    case At::kSizeStart:
    case At::kSize: return size_digit(c);
    case At::kAfterSize: return after_size(c);
    case At::kExtension:
    case At::kQuoted:
    case At::kEscaped: return extension(c);
    case At::kSizeLf: return c == '\n' ? size_line_end() : &kBadLineEnd;
    case At::kDataCr: return c == '\r' ? expect(c, '\r', At::kDataLf) : &kBadChunkEnd;
    case At::kDataLf: return c == '\n' ? expect(c, '\n', At::kSizeStart) : &kBadChunkEnd;
    case At::kLineStart: return line_start(c);
    case At::kTrailerName: return trailer_name(c);
    case At::kTrailerValue: return trailer_value(c);
    case At::kTrailerLf: return expect(c, '\n', At::kLineStart);
    case At::kEndLf: return expect(c, '\n', At::kComplete);
    case At::kData:
    case At::kComplete: break;
  }
  CHECK_INVARIANT(false);
}

const ParseError* ChunkedBody::expect(char c, char wanted, At next) {
  if (c != wanted) return &kBadLineEnd;
  at_ = next;
  return nullptr;
}

const ParseError* ChunkedBody::size_digit(char c) {
  const int digit = hex_value(c);
  if (digit < 0) return at_ == At::kSize ? after_size(c) : &kBadSize;
  if (at_ == At::kSizeStart) {
    at_ = At::kSize;
    size_digits_ = 0;
    chunk_left_ = 0;
  }
  if (++size_digits_ > kSizeDigits) return &kBadSize;  // 16 digits cannot overflow 64 bits
  chunk_left_ = chunk_left_ * 16 + static_cast<std::uint64_t>(digit);
  return nullptr;
}

const ParseError* ChunkedBody::after_size(char c) {
  if (c == '\r' && at_ == At::kSize) return expect(c, '\r', At::kSizeLf);
  if (c == ';') return extension(c);
  if (c != ' ' && c != '\t') return &kBadSize;
  at_ = At::kAfterSize;  // white space only before an extension
  return ++extension_bytes_ > kExtensionBytes ? &kExtensionsTooLong : nullptr;
}

const ParseError* ChunkedBody::extension(char c) {
  if (c == '\r' && at_ == At::kExtension) return expect(c, '\r', At::kSizeLf);
  if (is_control(c)) return &kBadExtension;
  if (++extension_bytes_ > kExtensionBytes) return &kExtensionsTooLong;
  if (at_ == At::kEscaped) {
    at_ = At::kQuoted;
  } else if (at_ == At::kQuoted) {
    at_ = c == '"' ? At::kExtension : c == '\\' ? At::kEscaped : At::kQuoted;
  } else {
    at_ = c == '"' ? At::kQuoted : At::kExtension;
  }
  return nullptr;
}

const ParseError* ChunkedBody::size_line_end() {
  if (chunk_left_ > limits_.body_bytes - body_.size()) return &kBodyTooLarge;
  at_ = chunk_left_ == 0 ? At::kLineStart : At::kData;
  return nullptr;
}

const ParseError* ChunkedBody::line_start(char c) {
  if (c == '\r') return expect(c, '\r', At::kEndLf);
  if (++trailer_count_ > limits_.header_count) return &kTrailersTooLarge;
  name_start_ = position_;
  at_ = At::kTrailerName;
  return c == ':' ? &kBadTrailer : trailer_name(c);
}

const ParseError* ChunkedBody::trailer_name(char c) {
  if (++trailer_bytes_ > limits_.header_bytes) return &kTrailersTooLarge;
  if (c == ':') {
    at_ = At::kTrailerValue;
    return is_framing_field(bytes_.substr(name_start_, position_ - name_start_)) ? &kFramingTrailer : nullptr;
  }
  return is_token_char(c) ? nullptr : &kBadTrailer;
}

const ParseError* ChunkedBody::trailer_value(char c) {
  if (c == '\r') return expect(c, '\r', At::kTrailerLf);
  if (is_control(c)) return &kBadTrailer;
  return ++trailer_bytes_ > limits_.header_bytes ? &kTrailersTooLarge : nullptr;
}

}  // namespace introspectd::http
