#include "http/framing.h"

#include <array>
#include <limits>

namespace introspectd::http {
namespace {

constexpr ParseError kHostTwice{400, "Host is repeated"};
constexpr ParseError kHostInvalid{400, "Host is not valid"};
constexpr ParseError kHostMissing{400, "Host is missing"};
constexpr ParseError kLengthTwice{400, "Content-Length is repeated"};
constexpr ParseError kLengthInvalid{400, "Content-Length is not a decimal number"};
constexpr ParseError kLengthAndCoding{400, "both Content-Length and Transfer-Encoding"};
constexpr ParseError kCodingTwice{400, "Transfer-Encoding is repeated"};
constexpr ParseError kCodingNotChunked{400, "the last transfer coding is not chunked"};
constexpr ParseError kCodingUnknown{501, "only the chunked transfer coding is supported"};
constexpr ParseError kCodingIn10{400, "Transfer-Encoding in HTTP/1.0"};
constexpr ParseError kAuthorizationTwice{400, "Authorization is repeated"};
constexpr ParseError kContentTypeTwice{400, "Content-Type is repeated"};
constexpr ParseError kExpectation{417, "only 100-continue can be expected"};
constexpr ParseError kUpgrade{400, "protocol upgrades are not supported"};
constexpr ParseError kBodyTooLarge{413, "the body is too large"};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

// unreserved and sub-delims of RFC 3986 §2.
constexpr bool is_host_char(char c) {
  return is_alpha(c) || is_digit(c) || std::string_view("-._~!$&'()*+,;=").find(c) != std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Calls `visit` for each member of a comma-separated list (RFC 9110 §5.6.1: empty members are skipped).
template <typename Visit>
void for_each_member(std::string_view list, Visit&& visit) {
  while (true) {
    const std::size_t comma = list.find(',');
    const std::string_view member = trimmed(list.substr(0, comma));
    if (!member.empty()) visit(member);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// h2c and TLS are offered unasked by common clients (java.net.http, Apache HttpClient 5.4); RFC 9110 §7.8 lets a
// server pass over the offer. Whoever asks for anything else means it, and would go on in that protocol.
bool is_harmless_upgrade(std::string_view value) {
  bool harmless = true;
  for_each_member(value, [&harmless](std::string_view protocol) {
    const bool known = same_name(protocol, "h2c") || same_name(protocol.substr(0, 4), "TLS/");
    harmless = harmless && known;
  });
  return harmless;
}

bool is_valid_port(std::string_view port) {
  if (port.size() > 5) return false;
  unsigned value = 0;
  for (const char c : port) {
    if (!is_digit(c)) return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value <= 65535;
}

// "[" IPv6address / IPvFuture "]"; the exact grammar of the address is the matter of whoever resolves it.
std::size_t ip_literal_size(std::string_view host) {
  const std::size_t close = host.find(']');
  if (close == std::string_view::npos || close < 2) return 0;
  for (const char c : host.substr(1, close - 1)) {
    if (!is_host_char(c) && c != ':') return 0;
  }
  return close + 1;
}

std::size_t registered_name_size(std::string_view host) {
  std::size_t i = 0;
  while (i < host.size()) {
    if (host[i] == '%') {
      if (host.size() - i < 3 || !is_hex(host[i + 1]) || !is_hex(host[i + 2])) break;
      i += 3;
    } else if (is_host_char(host[i])) {
      ++i;
    } else {
      break;
    }
  }
  return i;
}

}  // namespace

bool is_token_char(char c) noexcept {
  return is_alpha(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_valid_host(std::string_view host) noexcept {
  if (host.empty()) return true;
  const std::size_t name = host.front() == '[' ? ip_literal_size(host) : registered_name_size(host);
  if (name == 0) return false;
  if (name == host.size()) return true;
  return host[name] == ':' && is_valid_port(host.substr(name + 1));
}

bool is_framing_field(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 8> kNames{"transfer-encoding", "content-length", "host",    "connection",
                                                   "expect",            "upgrade",        "trailer", "te"};
  for (const std::string_view known : kNames) {
    if (same_name(name, known)) return true;
  }
  return false;
}

const ParseError* Framing::field(std::string_view name, std::string_view value, std::size_t index) {
  const auto once = [index](std::size_t& place, const ParseError& repeated) -> const ParseError* {
    if (place != kNone) return &repeated;
    place = index;
    return nullptr;
  };
  switch (name.size()) {
    case 4:
      if (!same_name(name, "host")) return nullptr;
      if (!is_valid_host(value)) return &kHostInvalid;
      return once(host_, kHostTwice);
    case 6:
      if (same_name(name, "expect")) return expect_field(value);
      if (same_name(name, "origin")) has_origin_ = true;
      return nullptr;
    case 7:
      if (same_name(name, "upgrade") && !is_harmless_upgrade(value)) return &kUpgrade;
      return nullptr;
    case 10:
      if (same_name(name, "connection")) connection_field(value);
      return nullptr;
    case 12:
      return same_name(name, "content-type") ? once(content_type_, kContentTypeTwice) : nullptr;
    case 13:
      return same_name(name, "authorization") ? once(authorization_, kAuthorizationTwice) : nullptr;
    case 14:
      return same_name(name, "content-length") ? content_length_field(value) : nullptr;
    case 17:
      return same_name(name, "transfer-encoding") ? transfer_encoding_field(value) : nullptr;
    default:
      return nullptr;
  }
}

const ParseError* Framing::head(bool http_1_0, const ParserLimits& limits) {
  if (host_ == kNone && !http_1_0) return &kHostMissing;
  if (has_transfer_encoding_ && has_content_length_) return &kLengthAndCoding;
  if (has_transfer_encoding_ && http_1_0) return &kCodingIn10;
  if (coding_error_ != nullptr) return coding_error_;
  if (expect_unknown_) return &kExpectation;
  if (content_length_ > limits.body_bytes) return &kBodyTooLarge;
  return nullptr;
}

bool Framing::expects_continue(bool http_1_0) const {
  // RFC 9110 §10.1.1: an HTTP/1.0 client cannot understand it.
  return expect_continue_ && !http_1_0 && (has_transfer_encoding_ || content_length_ != 0);
}

const ParseError* Framing::content_length_field(std::string_view value) {
  if (has_content_length_) return &kLengthTwice;
  has_content_length_ = true;
  if (value.empty()) return &kLengthInvalid;
  for (const char c : value) {
    if (!is_digit(c)) return &kLengthInvalid;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (content_length_ > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return &kLengthInvalid;
    content_length_ = content_length_ * 10 + digit;
  }
  return nullptr;
}

const ParseError* Framing::transfer_encoding_field(std::string_view value) {
  if (has_transfer_encoding_) return &kCodingTwice;
  has_transfer_encoding_ = true;
  if (same_name(value, "chunked")) return nullptr;
  std::size_t chunked = 0;
  bool last_is_chunked = false;
  for_each_member(value, [&chunked, &last_is_chunked](std::string_view coding) {
    last_is_chunked = same_name(coding, "chunked");
    chunked += last_is_chunked ? 1 : 0;
  });
  // Also a lone chunked in another dress (`,chunked`): a stricter reader beside us may see something else.
  coding_error_ = last_is_chunked && chunked == 1 ? &kCodingUnknown : &kCodingNotChunked;
  return nullptr;
}

const ParseError* Framing::expect_field(std::string_view value) {
  (same_name(value, "100-continue") ? expect_continue_ : expect_unknown_) = true;
  return nullptr;
}

void Framing::connection_field(std::string_view value) {
  for_each_member(value, [this](std::string_view option) {
    if (same_name(option, "close")) close_ = true;
    if (same_name(option, "keep-alive")) keep_alive_ = true;
  });
}

}  // namespace introspectd::http
