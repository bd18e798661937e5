#include <algorithm>
#include <optional>

#include "http/request_state.h"
#include "http/request_target.h"

namespace introspectd::http {
namespace {

constexpr ParseError kBadMethod{400, "the method is not valid"};
constexpr ParseError kUnknownMethod{501, "the method is not known"};
constexpr ParseError kBadTarget{400, "the request target is not valid"};
constexpr ParseError kBadVersion{400, "the HTTP version is not valid"};
constexpr ParseError kOtherVersion{505, "only HTTP/1.1 and HTTP/1.0 are supported"};
constexpr ParseError kBadRequestLine{400, "the request line is not valid"};
constexpr ParseError kBadField{400, "a header field is not valid"};
constexpr ParseError kBadLineEnd{400, "a line does not end in CRLF"};
constexpr ParseError kBadFraming{400, "the framing of the message is not valid"};
constexpr ParseError kTargetTooLong{414, "the request target is too long"};
constexpr ParseError kHeadTooLarge{431, "the header fields are too large"};

constexpr std::size_t kVersionBytes = 8;     // "HTTP/1.1"
constexpr std::size_t kMethodProbeBytes = 32;

Method method_of(std::uint8_t method) {
  switch (method) {
    case HTTP_GET: return Method::kGet;
    case HTTP_HEAD: return Method::kHead;
    case HTTP_POST: return Method::kPost;
    case HTTP_PUT: return Method::kPut;
    case HTTP_DELETE: return Method::kDelete;
    case HTTP_OPTIONS: return Method::kOptions;
    case HTTP_PATCH: return Method::kPatch;
    default: return Method::kOther;
  }
}

bool is_supported(std::uint8_t method) { return method == HTTP_TRACE || method_of(method) != Method::kOther; }

// HTTP-name "/" DIGIT "." DIGIT
bool is_version(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return text.size() == kVersionBytes && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' &&
         is_digit(text[7]);
}

}  // namespace

llhttp_settings_t RequestParser::State::make_settings() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_url = [](llhttp_t* p, const char* at, std::size_t size) noexcept {
    of(p).target.grow(of(p).offset(at), size);
    return 0;
  };
  settings.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) noexcept {
    of(p).fields.name_piece(of(p).offset(at), size);
    return 0;
  };
  settings.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) noexcept {
    of(p).fields.value_piece(of(p).offset(at), size);
    return 0;
  };
  settings.on_method_complete = [](llhttp_t* p) noexcept { return of(p).verdict(of(p).method_complete()); };
  settings.on_url_complete = [](llhttp_t* p) noexcept { return of(p).verdict(of(p).target_complete()); };
  settings.on_version_complete = [](llhttp_t* p) noexcept { return of(p).verdict(of(p).version_complete()); };
  settings.on_header_value_complete = [](llhttp_t* p) noexcept {
    return of(p).verdict(of(p).fields.complete(of(p).message, of(p).framing));
  };
  // The body is ours: llhttp's part ends with the head.
  settings.on_headers_complete = [](llhttp_t*) noexcept -> int { return HPE_PAUSED; };
  return settings;
}

const llhttp_settings_t RequestParser::State::kSettings = make_settings();

// Where llhttp must stop so that a limit trips at its byte, however much is there: behind the longest target, and at
// the longest head. A message shorter than a target may be goes in whole.
std::size_t RequestParser::State::next_cut(std::size_t end) const {
  if (target_done || end - blank <= limits.target_bytes) return end;
  std::size_t cut = blank + kMethodProbeBytes;
  if (target.size != 0) {
    cut = target.start + limits.target_bytes + 1;
  } else if (const std::size_t space = message.substr(blank, kMethodProbeBytes).find(' ');
             space != std::string_view::npos) {
    cut = blank + space + 1 + limits.target_bytes + 1;
  }
  return std::min(end, std::max(cut, fed + 1));
}

// HTTP/0.9: llhttp would wait for the next line before it tells, and such a client never sends one (F28). Only the
// bytes that llhttp has `read` count.
bool RequestParser::State::line_ends_at_target(std::size_t read) const {
  if (target_done || target.size == 0 || target.end() >= read) return false;
  return message[target.end()] == '\r' || message[target.end()] == '\n';
}

bool RequestParser::State::read_head() {
  const std::size_t end = std::min(message.size(), limits.header_bytes);
  while (fed < end) {
    const std::size_t cut = next_cut(end);
    const llhttp_errno_t code = llhttp_execute(&llhttp, message.data() + fed, cut - fed);
    if (refused != nullptr) {
      fail(*refused);
      return false;
    }
    if (code == HPE_PAUSED) return finish_head();
    if (code != HPE_OK) {
      fail(refusal(code));
      return false;
    }
    fed = cut;
    if (line_ends_at_target(fed)) {
      fail(kBadRequestLine);
      return false;
    }
    if (!target_done && target.size > limits.target_bytes) {
      fail(kTargetTooLong);
      return false;
    }
  }
  if (end == limits.header_bytes) fail(kHeadTooLarge);
  return false;
}

bool RequestParser::State::finish_head() {
  // Every byte is accounted for: the empty line stands where the next field would.
  head_end = fields.line_end() + 2;
  if (head_end > message.size() || message.substr(fields.line_end() - 2, 4) != "\r\n\r\n") {
    fail(kBadLineEnd);
    return false;
  }
  if (const ParseError* why = framing.head(http_1_0, limits)) {
    fail(*why);
    return false;
  }
  phase = after_head();
  return true;
}

// What llhttp refused by itself. Only bytes up to the one that it stumbled over may be looked at (I26).
const ParseError& RequestParser::State::refusal(llhttp_errno_t code) const {
  const std::size_t place = offset(llhttp_get_error_pos(&llhttp));
  switch (static_cast<int>(code)) {
    case HPE_INVALID_METHOD: {
      // A token that llhttp does not know is 501; what is no token (a TLS hello) is 400 (F28, STD 7.07).
      const bool token = is_token_char(message[place]) || (place > blank && message[place] == ' ');
      return token ? kUnknownMethod : kBadMethod;
    }
    case HPE_INVALID_VERSION: {
      const std::string_view seen = message.substr(0, place);
      const std::string_view version = seen.substr(std::min<std::size_t>(seen.size(), target.end() + 1), kVersionBytes);
      if (!is_version(version)) return kBadVersion;
      return version == "HTTP/1.1" || version == "HTTP/1.0" ? kBadRequestLine : kOtherVersion;
    }
    case HPE_INVALID_URL:
    case HPE_INVALID_CONSTANT: return kBadRequestLine;
    case HPE_LF_EXPECTED:
    case HPE_CR_EXPECTED: return kBadLineEnd;
    case HPE_INVALID_HEADER_TOKEN:
    case HPE_UNEXPECTED_SPACE: return kBadField;
    default: return kBadFraming;
  }
}

// CONNECT would make us a tunnel (STD 7.16), PRI opens HTTP/2, the others of llhttp's list are WebDAV and RTSP.
const ParseError* RequestParser::State::method_complete() const {
  if (llhttp.method == HTTP_PRI) return &kOtherVersion;
  return is_supported(llhttp.method) ? nullptr : &kUnknownMethod;
}

Method RequestParser::State::method() const { return method_of(llhttp.method); }

const ParseError* RequestParser::State::target_complete() {
  target_done = true;
  const std::size_t start = target.start;
  if (target.size == 0 || start < blank + 2 || target.end() >= message.size()) return &kBadTarget;
  // llhttp passes over several spaces before the target; behind it HTTP/0.9 ends the line.
  if (message[start - 1] != ' ' || message[start - 2] == ' ') return &kBadRequestLine;
  if (message[target.end()] != ' ') return &kBadRequestLine;
  const std::optional<RequestTarget> read = read_target(target.in(message), llhttp.method == HTTP_OPTIONS);
  if (!read) return &kBadTarget;
  path = range_of(read->path);
  query = range_of(read->query);
  authority = range_of(read->authority);
  has_query = read->has_query;
  is_absolute = read->is_absolute;
  return nullptr;
}

const ParseError* RequestParser::State::version_complete() {
  // One space and eight characters, whatever llhttp passes over: ` HTTP/1.1`.
  const std::size_t start = target.end() + 1;
  fields.begin(start + kVersionBytes + 2);
  if (message.size() < start + kVersionBytes || message.substr(start, 5) != "HTTP/") return &kBadVersion;
  if (llhttp.http_major != 1 || llhttp.http_minor > 1) return &kOtherVersion;
  http_1_0 = llhttp.http_minor == 0;
  return nullptr;
}

}  // namespace introspectd::http
