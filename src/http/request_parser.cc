#include "http/request_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

#include "base/assert.h"
#include "base/secret.h"
#include "http/chunked_body.h"
#include "http/field_lines.h"
#include "http/framing.h"
#include "http/request_target.h"

namespace introspectd::http {
namespace {

constexpr ParseError kBadBlank{400, "white space before the request line"};
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

constexpr std::size_t kBlankBytes = 8;       // four empty lines before the request line
constexpr std::size_t kVersionBytes = 8;     // "HTTP/1.1"
constexpr std::size_t kMethodProbeBytes = 32;
constexpr std::size_t kHeadRemembered = 4096;   // a longer one is read anew each time

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

// HTTP-name "/" DIGIT "." DIGIT
bool is_version(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return text.size() == kVersionBytes && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' &&
         is_digit(text[7]);
}

bool is_supported(std::uint8_t method) { return method == HTTP_TRACE || method_of(method) != Method::kOther; }

}  // namespace

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

void RequestParser::State::reset() {
  chunks.reset();
  request = Request{};
  refused = nullptr;
  blank = fed = head_end = message_end = 0;
  phase = Phase::kBlank;
}

ParseStatus RequestParser::State::fail(const ParseError& why) {
  failure = why;
  phase = Phase::kError;
  return ParseStatus::kError;
}

ParseStatus RequestParser::State::parse(std::string_view bytes) {
  message = bytes;
  bool goes_on = true;
  while (goes_on) {
    switch (phase) {
      case Phase::kBlank: goes_on = skip_blank_lines(); break;
      case Phase::kHead: goes_on = read_head(); break;
      case Phase::kContinue:
        // Told also when the body is already there: what we send must not depend on the cuts (I26).
        phase = framing.chunked() ? Phase::kChunked : Phase::kSized;
        return ParseStatus::kExpectContinue;
      case Phase::kSized: goes_on = read_sized_body(); break;
      case Phase::kChunked: goes_on = read_chunks(); break;
      case Phase::kMessage:
        publish();
        remember_head();
        return ParseStatus::kMessage;
      case Phase::kError: return ParseStatus::kError;
    }
  }
  return phase == Phase::kError ? ParseStatus::kError : ParseStatus::kNeedMore;
}

// RFC 9112 §2.2: empty lines before the request line are passed over, a few of them and only in CRLF.
bool RequestParser::State::skip_blank_lines() {
  while (blank < message.size() && (message[blank] == '\r' || message[blank] == '\n')) {
    if (message[blank] != (blank % 2 == 0 ? '\r' : '\n') || blank == kBlankBytes) {
      fail(kBadBlank);
      return false;
    }
    ++blank;
  }
  if (blank == message.size()) return false;
  if (blank % 2 != 0) {
    fail(kBadBlank);
    return false;
  }
  begin_head();
  return true;
}

// The callers of a connection send the same head again and again: the same bytes say the same thing. Until all of them
// have come it is read as any other, so the cuts change nothing (I26).
void RequestParser::State::begin_head() {
  if (repeats_last_head()) {
    head_end = last_head.size();
    phase = after_head();
    return;
  }
  last_head.clear();
  llhttp_init(&llhttp, HTTP_REQUEST, &kSettings);
  llhttp.data = this;
  fields.clear();
  framing = Framing{};
  target = path = query = authority = Range{};
  target_done = has_query = is_absolute = http_1_0 = false;
  fed = blank;
  phase = Phase::kHead;
}

// It holds a credential, and a proxy may lead several callers over one connection (I46).
bool RequestParser::State::repeats_last_head() const {
  const std::size_t size = last_head.size();
  return size != 0 && blank == 0 && message.size() >= size &&
         equal_in_constant_time(message.substr(0, size), last_head.reveal());
}

void RequestParser::State::remember_head() {
  if (!last_head.empty() || blank != 0 || head_end > kHeadRemembered || !framing.keep_alive(http_1_0)) return;
  last_head.append(message.substr(0, head_end));
}

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

RequestParser::State::Phase RequestParser::State::after_head() const {
  if (framing.expects_continue(http_1_0)) return Phase::kContinue;
  return framing.chunked() ? Phase::kChunked : Phase::kSized;
}

bool RequestParser::State::read_sized_body() {
  const auto size = static_cast<std::size_t>(framing.content_length());  // within limits.body_bytes
  if (message.size() - head_end < size) return false;
  message_end = head_end + size;
  phase = Phase::kMessage;
  return true;
}

bool RequestParser::State::read_chunks() {
  const ChunkedBody::Status status = chunks.decode(message.substr(head_end));
  if (status == ChunkedBody::Status::kError) fail(chunks.error());
  if (status != ChunkedBody::Status::kComplete) return false;
  message_end = head_end + chunks.consumed();
  phase = Phase::kMessage;
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

void RequestParser::State::publish() {
  const std::span<const Header> headers = fields.views(message);
  const auto value_at = [headers](std::size_t index) {
    return index == Framing::kNone ? std::string_view{} : headers[index].value;
  };
  request.method = method_of(llhttp.method);
  request.path = path.size == 0 ? std::string_view("/") : path.in(message);
  request.has_query = has_query;
  request.query = query.in(message);
  request.keep_alive = framing.keep_alive(http_1_0);
  request.http_1_0 = http_1_0;
  request.headers = headers;
  request.host = is_absolute ? authority.in(message) : value_at(framing.host());
  request.authorization = value_at(framing.authorization());
  request.content_type = value_at(framing.content_type());
  request.has_authorization = framing.authorization() != Framing::kNone;
  request.has_origin = framing.has_origin();
  request.body = framing.chunked() ? chunks.body() : message.substr(head_end, message_end - head_end);
}

RequestParser::RequestParser(const ParserLimits& limits) : state_(std::make_unique<State>(limits)) {}
RequestParser::~RequestParser() = default;

ParseStatus RequestParser::parse(std::string_view message) { return state_->parse(message); }

const Request& RequestParser::request() const {
  CHECK_INVARIANT(state_->phase == State::Phase::kMessage);
  return state_->request;
}

std::size_t RequestParser::consumed() const {
  CHECK_INVARIANT(state_->phase == State::Phase::kMessage);
  return state_->message_end;
}

const ParseError& RequestParser::error() const {
  CHECK_INVARIANT(state_->phase == State::Phase::kError);
  return state_->failure;
}

bool RequestParser::started() const { return state_->phase != State::Phase::kBlank; }
bool RequestParser::head_complete() const { return state_->head_end != 0; }
void RequestParser::reset() { state_->reset(); }
void RequestParser::forget_head() { state_->last_head = Secret(); }

}  // namespace introspectd::http
