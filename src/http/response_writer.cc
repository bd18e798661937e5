#include "http/response_writer.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>

#include "base/assert.h"

namespace introspectd::http {
namespace {

constexpr std::string_view kContentType = "Content-Type: ";
constexpr std::string_view kJson = "Content-Type: application/json\r\n";
constexpr std::string_view kNoStore = "Cache-Control: no-store\r\n";
constexpr std::string_view kDate = "Date: ";
constexpr std::string_view kClose = "Connection: close\r\n";
constexpr std::string_view kKeepAlive = "Connection: keep-alive\r\n";
constexpr std::string_view kContentLength = "Content-Length: ";
constexpr std::string_view kStatusOk = "HTTP/1.1 200 OK\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::size_t kDateBytes = 29;
constexpr std::size_t kDigits = 20;  // of any 64-bit number

static_assert(kStatusOk.size() + kJson.size() + kNoStore.size() + kDate.size() + kDateBytes + 2 + kKeepAlive.size() +
                      kContentLength.size() + kDigits + kHeadEnd.size() <=
                  ResponseWriter::kHeadRoom,
              "the longest head of a sealed reply fits before the body");

// Where a reply says what becomes of the connection; nothing where both sides know it (RFC 9112 §9.3).
constexpr std::string_view connection_field(bool keep_alive, bool http_1_0) {
  if (!keep_alive) return kClose;
  return http_1_0 ? kKeepAlive : std::string_view{};
}

constexpr bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// RFC 9112 §6.3: these never have content; 204 and 1xx must not have a Content-Length (STD 7.11).
constexpr bool is_bodiless(int status) { return status < 200 || status == 204 || status == 304; }

char* put(char* at, std::string_view text) {
  return at + text.copy(at, text.size());  // unlike memcpy, also of a view onto nothing
}

void put_number(char* at, int digits, unsigned value) {
  for (int i = digits; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

// IMF-fixdate (RFC 9110 §5.6.7), e.g. `Sun, 06 Nov 1994 08:49:37 GMT`; strftime would depend on the locale.
void format_date(char* into, std::int64_t second) {
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::chrono::sys_days day{std::chrono::days{second / 86400}};
  const std::chrono::year_month_day date{day};
  const auto rest = static_cast<unsigned>(second % 86400);
  std::memcpy(into, "ddd, 00 mmm 0000 00:00:00 GMT", kDateBytes);
  std::memcpy(into, &kDays[std::chrono::weekday{day}.c_encoding() * 3], 3);
  put_number(into + 5, 2, static_cast<unsigned>(date.day()));
  std::memcpy(into + 8, &kMonths[(static_cast<unsigned>(date.month()) - 1) * 3], 3);
  put_number(into + 12, 4, static_cast<unsigned>(static_cast<int>(date.year())));
  put_number(into + 17, 2, rest / 3600);
  put_number(into + 20, 2, rest / 60 % 60);
  put_number(into + 23, 2, rest % 60);
}

}  // namespace

ResponseWriter::ResponseWriter() { set_time(WallTime{}); }

void ResponseWriter::set_time(WallTime now) {
  constexpr std::int64_t kLastSecond = 253402300799;  // of the year 9999: the format has no room for more
  const std::int64_t second = std::clamp<std::int64_t>(now.ms() / 1000, 0, kLastSecond);
  if (second == second_) return;
  second_ = second;
  format_date(date_, second);
}

std::size_t ResponseWriter::seal_ok_json(char* start, std::size_t body_bytes, bool keep_alive, bool http_1_0) const {
  char* at = put(start, kStatusOk);
  at = put(at, kJson);
  at = put(at, kNoStore);
  at = put(at, kDate);
  at = put(at, {date_, kDateBytes});
  at = put(at, "\r\n");
  at = put(at, connection_field(keep_alive, http_1_0));
  at = put(at, kContentLength);
  at = std::to_chars(at, at + kDigits, body_bytes).ptr;
  at = put(at, kHeadEnd);
  std::memmove(at, start + kHeadRoom, body_bytes);
  return static_cast<std::size_t>(at - start) + body_bytes;
}

void ResponseWriter::append(ByteBuffer& out, const Response& response) const {
  CHECK_INVARIANT(response.status >= 100 && response.status <= 599);
  CHECK_INVARIANT(!has_control(response.content_type));
  char digits[kDigits];
  const auto status_end = std::to_chars(digits, digits + kDigits, response.status).ptr;
  out.append("HTTP/1.1 ");
  out.append({digits, static_cast<std::size_t>(status_end - digits)});
  out.append(" ");
  out.append(reason_phrase(response.status));
  out.append("\r\n");
  if (!response.content_type.empty()) {
    out.append(kContentType);
    out.append(response.content_type);
    out.append("\r\n");
  }
  out.append(kNoStore);
  out.append(kDate);
  out.append({date_, kDateBytes});
  out.append("\r\n");
  for (const ResponseHeader& header : response.headers) {
    // A header that could break out of its line would be a response of somebody else's making.
    CHECK_INVARIANT(!header.name.empty() && !has_control(header.name) && !has_control(header.value));
    out.append(header.name);
    out.append(": ");
    out.append(header.value);
    out.append("\r\n");
  }
  out.append(connection_field(response.keep_alive, response.http_1_0));
  if (is_bodiless(response.status)) {
    out.append("\r\n");
    return;
  }
  const auto size_end = std::to_chars(digits, digits + kDigits, response.body.size()).ptr;
  out.append(kContentLength);
  out.append({digits, static_cast<std::size_t>(size_end - digits)});
  out.append(kHeadEnd);
  if (!response.head_only) out.append(response.body);
}

void ResponseWriter::append_continue(ByteBuffer& out) const { out.append("HTTP/1.1 100 Continue\r\n\r\n"); }

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
  }
}

}  // namespace introspectd::http
