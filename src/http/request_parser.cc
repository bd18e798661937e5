#include "http/request_parser.h"

#include "base/assert.h"
#include "http/request_state.h"

namespace introspectd::http {
namespace {

constexpr ParseError kBadBlank{400, "white space before the request line"};

constexpr std::size_t kBlankBytes = 8;          // four empty lines before the request line
constexpr std::size_t kHeadRemembered = 2048;   // a longer one is read anew each time

}  // namespace

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
  // A query may hold a token, which no connection keeps (I44).
  if (!last_head.empty() || blank != 0 || has_query || head_end > kHeadRemembered) return;
  last_head.append(message.substr(0, head_end));
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

void RequestParser::State::publish() {
  const std::span<const Header> headers = fields.views(message);
  const auto value_at = [headers](std::size_t index) {
    return index == Framing::kNone ? std::string_view{} : headers[index].value;
  };
  request.method = method();
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
  request.body_stays = !framing.chunked();
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
void RequestParser::remember_head() {
  CHECK_INVARIANT(state_->phase == State::Phase::kMessage);
  state_->remember_head();
}
std::size_t RequestParser::remembered() const { return state_->last_head.size(); }
void RequestParser::forget_head() { state_->last_head = Secret(); }

}  // namespace introspectd::http
