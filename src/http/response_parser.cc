#include "http/response_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <utility>

#include "http/request.h"

namespace introspectd::http {
namespace {

constexpr std::size_t kLongestName = 32;   // of the fields that are looked at; a longer name is another's
constexpr int kSwitchingProtocols = 101;
constexpr int kNoContent = 204;
constexpr int kNotModified = 304;
constexpr int kFirstFinal = 200;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// RFC 9110 §5.3: a field that comes twice is one list; a media type as a list matches none, as it should.
void append_value(std::string& to, std::string_view value) {
  if (!to.empty()) to += ", ";
  to += value;
}

}  // namespace

struct ResponseParser::State {
  enum class Part : std::uint8_t { kHead, kBody, kComplete };

  static const llhttp_settings_t kSettings;
  static llhttp_settings_t make_settings();
  static State& of(llhttp_t* parser) { return *static_cast<State*>(parser->data); }

  void begin(std::size_t most);
  void begin_head();
  ResponseStatus feed(std::string_view bytes);
  bool go_on_behind_head();
  ResponseStatus end();

  bool head_grows(std::size_t bytes, std::size_t lines);
  bool name_piece(std::string_view piece);
  bool value_piece(std::string_view piece);
  bool field_complete();
  bool take_field(std::string_view value);
  bool head_complete();
  std::size_t room() const;
  bool take_body(std::string_view piece);
  int message_complete();

  llhttp_t llhttp{};
  ReceivedResponse response;
  std::string name;
  std::string value;
  Part part = Part::kHead;
  std::size_t body_bytes_most = 0;
  std::size_t head_bytes = 0;   // of all heads of this response, interim ones and trailers included
  std::size_t head_lines = 0;
  std::size_t other_bytes = 0;  // all but the body's own
  std::size_t consumed = 0;
  unsigned content_lengths = 0;
  bool has_transfer_encoding = false;
  bool begun = false;
  bool keep_alive = false;
  bool too_large = false;
};

llhttp_settings_t ResponseParser::State::make_settings() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_status_complete = [](llhttp_t* p) noexcept -> int { return of(p).head_grows(0, 1) ? HPE_OK : HPE_USER; };
  settings.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) noexcept -> int {
    return of(p).name_piece({at, size}) ? HPE_OK : HPE_USER;
  };
  settings.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) noexcept -> int {
    return of(p).value_piece({at, size}) ? HPE_OK : HPE_USER;
  };
  settings.on_header_value_complete = [](llhttp_t* p) noexcept -> int {
    return of(p).field_complete() ? HPE_OK : HPE_USER;
  };
  settings.on_headers_complete = [](llhttp_t* p) noexcept -> int { return of(p).head_complete() ? HPE_PAUSED : HPE_USER; };
  settings.on_body = [](llhttp_t* p, const char* at, std::size_t size) noexcept -> int {
    return of(p).take_body({at, size}) ? HPE_OK : HPE_USER;
  };
  settings.on_message_complete = [](llhttp_t* p) noexcept -> int { return of(p).message_complete(); };
  return settings;
}

const llhttp_settings_t ResponseParser::State::kSettings = make_settings();

void ResponseParser::State::begin(std::size_t most) {
  llhttp_init(&llhttp, HTTP_RESPONSE, &kSettings);
  llhttp.data = this;
  body_bytes_most = most;
  head_bytes = 0;
  head_lines = 0;
  other_bytes = 0;
  consumed = 0;
  begun = false;
  keep_alive = false;
  too_large = false;
  begin_head();
}

// The final response's head replaces an interim one's; the counts go on.
void ResponseParser::State::begin_head() {
  response = {};
  name.clear();
  value.clear();
  part = Part::kHead;
  content_lengths = 0;
  has_transfer_encoding = false;
}

ResponseStatus ResponseParser::State::feed(std::string_view bytes) {
  consumed = 0;
  begun = begun || !bytes.empty();
  while (consumed < bytes.size()) {
    const bool in_head = part == Part::kHead;
    const std::size_t size = std::min(bytes.size() - consumed, room());
    if (size == 0) return ResponseStatus::kBad;   // the head, or what frames the body, is at its limit and goes on
    const std::size_t body_before = response.body.size();
    const char* const from = bytes.data() + consumed;
    const llhttp_errno_t code = llhttp_execute(&llhttp, from, size);
    const bool paused = code == HPE_PAUSED;
    if (code != HPE_OK && !paused) return too_large ? ResponseStatus::kTooLarge : ResponseStatus::kBad;
    const std::size_t read = paused ? static_cast<std::size_t>(llhttp_get_error_pos(&llhttp) - from) : size;
    consumed += read;
    if (in_head) head_bytes += read;
    other_bytes += read - (response.body.size() - body_before);
    if (part == Part::kBody && paused && !go_on_behind_head()) return ResponseStatus::kBad;
    if (part == Part::kComplete) return ResponseStatus::kComplete;
  }
  return ResponseStatus::kNeedMore;
}

// How much may be read before something has to be counted anew. llhttp reads the sizes of chunks, their extensions and
// the space around a trailer's value without a word to us, and does so for ever.
std::size_t ResponseParser::State::room() const {
  if (part == Part::kHead) return kMaxResponseHeadBytes - head_bytes;
  return kMaxResponseHeadBytes + kMaxChunkFramingBytes * body_bytes_most - other_bytes;
}

// llhttp stops behind each head, so that its bytes can be counted. A message without a body ends there: without another
// byte, which may not come.
bool ResponseParser::State::go_on_behind_head() {
  llhttp_resume(&llhttp);
  const llhttp_errno_t code = llhttp_execute(&llhttp, "", 0);
  return code == HPE_OK || code == HPE_PAUSED;
}

ResponseStatus ResponseParser::State::end() {
  if (part != Part::kBody) return ResponseStatus::kBad;
  const llhttp_errno_t code = llhttp_finish(&llhttp);
  const bool good = (code == HPE_OK || code == HPE_PAUSED) && part == Part::kComplete;
  keep_alive = false;
  return good ? ResponseStatus::kComplete : ResponseStatus::kBad;
}

bool ResponseParser::State::head_grows(std::size_t bytes, std::size_t lines) {
  head_bytes += bytes;
  head_lines += lines;
  return head_bytes <= kMaxResponseHeadBytes && head_lines <= kMaxResponseHeadLines;
}

// Of the head the bytes are counted as they are fed, of a trailer here.
bool ResponseParser::State::name_piece(std::string_view piece) {
  if (part != Part::kHead) return head_grows(piece.size(), 0);
  name += piece.substr(0, kLongestName + 1 - std::min(name.size(), kLongestName + 1));
  return true;
}

bool ResponseParser::State::value_piece(std::string_view piece) {
  if (part != Part::kHead) return head_grows(piece.size(), 0);
  value += piece;
  return true;
}

bool ResponseParser::State::field_complete() {
  if (!head_grows(0, 1)) return false;
  if (part != Part::kHead) return true;   // a trailer says nothing to us
  const bool good = take_field(trim(value));
  name.clear();
  value.clear();
  return good;
}

bool ResponseParser::State::take_field(std::string_view text) {
  if (same_name(name, "content-type")) append_value(response.content_type, text);
  if (same_name(name, "retry-after")) append_value(response.retry_after, text);
  if (same_name(name, "cache-control")) append_value(response.cache_control, text);
  // What comes encoded though none was asked for is not for us, and may be a bomb (F71).
  if (same_name(name, "content-encoding")) return same_name(text, "identity");
  if (same_name(name, "transfer-encoding")) {
    if (has_transfer_encoding || !same_name(text, "chunked")) return false;
    has_transfer_encoding = true;
  }
  if (same_name(name, "content-length")) ++content_lengths;
  return content_lengths + (has_transfer_encoding ? 1U : 0U) <= 1;
}

bool ResponseParser::State::head_complete() {
  if (!head_grows(0, 1) || llhttp.http_major != 1 || llhttp.status_code == kSwitchingProtocols) return false;
  // llhttp must take the body for chunked where we do: of what stands around the word it has another idea.
  if (has_transfer_encoding != ((llhttp.flags & F_CHUNKED) != 0)) return false;
  response.status = llhttp.status_code;
  part = Part::kBody;
  // These have no body, whatever their fields say (RFC 9112 §6.3).
  const bool bodyless =
      response.status < kFirstFinal || response.status == kNoContent || response.status == kNotModified;
  if (bodyless) llhttp.flags |= F_SKIPBODY;
  too_large = !bodyless && content_lengths != 0 && llhttp.content_length > body_bytes_most;
  return !too_large;
}

bool ResponseParser::State::take_body(std::string_view piece) {
  too_large = piece.size() > body_bytes_most - response.body.size();
  if (!too_large) response.body += piece;
  return !too_large;
}

int ResponseParser::State::message_complete() {
  if (response.status < kFirstFinal) {
    begin_head();
    return HPE_OK;
  }
  part = Part::kComplete;
  keep_alive = llhttp_should_keep_alive(&llhttp) != 0;
  return HPE_PAUSED;
}

ResponseParser::ResponseParser() : state_(std::make_unique<State>()) { state_->begin(0); }

ResponseParser::~ResponseParser() = default;

void ResponseParser::begin(std::size_t body_bytes_most) { state_->begin(body_bytes_most); }

ResponseStatus ResponseParser::feed(std::string_view bytes) { return state_->feed(bytes); }

ResponseStatus ResponseParser::end() { return state_->end(); }

bool ResponseParser::begun() const { return state_->begun; }

std::size_t ResponseParser::consumed() const { return state_->consumed; }

bool ResponseParser::keep_alive() const { return state_->keep_alive; }

ReceivedResponse ResponseParser::take() { return std::move(state_->response); }

}  // namespace introspectd::http
