// FieldLines: the field lines of a head, kept as offsets against the start of the message, each held against the one
// layout that we accept: name ":" OWS value OWS CRLF, beginning where the line before ended. So there is no white space
// or fold before a name, none before the colon, and no bare LF (RFC 9112 §5, STD 7.03, 7.04; CVE-2024-27982).
// Threads: one owner.  Owns: offsets and room for views, allocated once.  Errors: a static ParseError.
// Cost: O(1) a field and its white space.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "http/framing.h"
#include "http/request.h"

namespace introspectd::http {

// A part of the message: the caller's buffer may move between two calls, an offset stays.
struct Range {
  std::uint32_t start = 0;
  std::uint32_t size = 0;

  std::uint32_t end() const { return start + size; }
  std::string_view in(std::string_view message) const { return message.substr(start, size); }
  // A piece of it, contiguous with those before.
  void grow(std::size_t at, std::size_t bytes) {
    if (size == 0) start = static_cast<std::uint32_t>(at);
    size += static_cast<std::uint32_t>(bytes);
  }
};

class FieldLines {
 public:
  explicit FieldLines(std::size_t max_count);

  void clear();
  // The first field begins here, right behind the CRLF of the request line.
  void begin(std::size_t line_end) { line_end_ = line_end; }
  void name_piece(std::size_t at, std::size_t bytes) { name_.grow(at, bytes); }
  void value_piece(std::size_t at, std::size_t bytes) { value_.grow(at, bytes); }
  // The line is complete in `message`; what it says goes to `framing`.
  const ParseError* complete(std::string_view message, Framing& framing);
  // Where the empty line must begin.
  std::size_t line_end() const { return line_end_; }
  // Views into the message as it lies now; valid until the next call.
  std::span<const Header> views(std::string_view message);

 private:
  struct Line {
    Range name;
    Range value;
  };

  std::size_t max_count_;
  std::size_t line_end_ = 0;
  Range name_;   // of the line in progress
  Range value_;
  std::vector<Line> lines_;
  std::vector<Header> views_;
};

}  // namespace introspectd::http
