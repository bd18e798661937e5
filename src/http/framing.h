// Framing: judges the fields of a request head that say where the message ends and what becomes of the connection
// (RFC 9112 §6, §9.3; RFC 9110 §7.2, §10.1.1), one field at a time in the order of arrival, then the head as a whole.
// What is ambiguous between two readers is refused: that is what request smuggling lives on (F24, STD 7.01, 7.02).
// Threads: a value of one parser.  Owns: nothing.  Errors: a static ParseError, or nullptr.
// Cost: a comparison of lengths for most fields; no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/request_parser.h"

namespace introspectd::http {

class Framing {
 public:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  // `index` is the field's place among the headers, remembered for the well-known ones.
  const ParseError* field(std::string_view name, std::string_view value, std::size_t index);
  // After the last field. With a Content-Length over the limit it is 413 before the body is read (F21).
  const ParseError* head(bool http_1_0, const ParserLimits& limits);

  bool keep_alive(bool http_1_0) const { return !close_ && (!http_1_0 || keep_alive_); }
  bool chunked() const { return has_transfer_encoding_; }  // head() let no other coding pass
  std::uint64_t content_length() const { return content_length_; }
  // The client waits for `100 Continue` before it sends a body that is not empty.
  bool expects_continue(bool http_1_0) const;

  // Places of the well-known fields, kNone when absent.
  std::size_t host() const { return host_; }
  std::size_t authorization() const { return authorization_; }
  std::size_t content_type() const { return content_type_; }
  bool has_origin() const { return has_origin_; }

 private:
  const ParseError* content_length_field(std::string_view value);
  const ParseError* transfer_encoding_field(std::string_view value);
  const ParseError* expect_field(std::string_view value);
  void connection_field(std::string_view value);

  std::uint64_t content_length_ = 0;
  std::size_t host_ = kNone;
  std::size_t authorization_ = kNone;
  std::size_t content_type_ = kNone;
  const ParseError* coding_error_ = nullptr;
  bool has_content_length_ = false;
  bool has_transfer_encoding_ = false;
  bool has_origin_ = false;
  bool expect_continue_ = false;
  bool expect_unknown_ = false;
  bool close_ = false;
  bool keep_alive_ = false;
};

// uri-host [ ":" port ] of RFC 9110 §7.2; an empty one is allowed (RFC 9112 §3.2).
bool is_valid_host(std::string_view host) noexcept;
// tchar of RFC 9110 §5.6.2.
bool is_token_char(char c) noexcept;
// The fields that a trailer section must not hold (F27).
bool is_framing_field(std::string_view name) noexcept;

}  // namespace introspectd::http
