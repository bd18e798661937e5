// request: a stream of bytes is read alike whole, cut at a place that the bytes choose, and byte by byte (I26); what
// comes out keeps the promises of request.h.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "fuzz/place_of_cut.h"
#include "http/request_parser.h"

namespace introspectd::http {
namespace {

bool is_inside(std::string_view part, std::string_view message) {
  return part.empty() || (part.data() >= message.data() && part.data() + part.size() <= message.data() + message.size());
}

void check_request(const Request& request, std::string_view message, const ParserLimits& limits) {
  CHECK_INVARIANT(request.body.size() <= limits.body_bytes);
  CHECK_INVARIANT(request.headers.size() <= limits.header_count);
  CHECK_INVARIANT(request.path == "*" || request.path.starts_with('/'));
  CHECK_INVARIANT(request.path.size() + request.query.size() <= limits.target_bytes);
  CHECK_INVARIANT(request.path == "/" || is_inside(request.path, message));
  for (const Header& header : request.headers) {
    CHECK_INVARIANT(!header.name.empty() && is_inside(header.name, message) && is_inside(header.value, message));
    CHECK_INVARIANT(header.name.find_first_of(" \t\r\n:") == std::string_view::npos);
    CHECK_INVARIANT(header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  }
}

std::string describe(const Request& request, std::size_t consumed) {
  std::string text = "message ";
  for (const std::size_t number : {static_cast<std::size_t>(request.method), consumed, request.headers.size()}) {
    text += std::to_string(number) + " ";
  }
  for (const bool flag : {request.keep_alive, request.http_1_0, request.has_query, request.has_origin,
                          request.has_authorization}) {
    text += flag ? '1' : '0';
  }
  for (const std::string_view part : {request.path, request.query, request.host, request.authorization,
                                      request.content_type, request.body}) {
    text.append(part).append("\n");
  }
  for (const Header& header : request.headers) text.append(header.name).append("=").append(header.value).append("\n");
  return text;
}

// Reads all messages of the stream; the first read of each ends at `cut`, the later ones `step` bytes further.
std::string read_stream(std::string_view stream, std::size_t cut, std::size_t step, const ParserLimits& limits) {
  RequestParser parser(limits);
  std::string text;
  std::size_t seen = std::min(cut, stream.size());
  while (true) {
    // A block of its own for each call: an address kept from an earlier one shows.
    const auto block = std::make_unique<char[]>(seen);
    if (seen != 0) std::memcpy(block.get(), stream.data(), seen);
    const std::string_view message(block.get(), seen);
    switch (parser.parse(message)) {
      case ParseStatus::kExpectContinue: text += "continue\n"; break;
      case ParseStatus::kError:
        return text + "error " + std::to_string(parser.error().status) + " " + std::string(parser.error().description);
      case ParseStatus::kMessage:
        check_request(parser.request(), message, limits);
        CHECK_INVARIANT(parser.consumed() != 0 && parser.consumed() <= seen);
        text += describe(parser.request(), parser.consumed());
        stream.remove_prefix(parser.consumed());
        seen -= parser.consumed();
        parser.remember_head();
        parser.reset();
        break;
      case ParseStatus::kNeedMore:
        if (seen == stream.size()) return text + "more";
        seen = std::min(stream.size(), seen + step);
        break;
    }
  }
}

void check(std::string_view bytes) {
  constexpr std::size_t kByteByByte = 4096;  // longer inputs would take too long that way
  for (const ParserLimits& limits : {ParserLimits{}, ParserLimits{16, 128, 4, 24}}) {
    const std::string whole = read_stream(bytes, bytes.size(), 1, limits);
    const std::size_t cut = fuzz::place_of_cut(bytes);
    CHECK_INVARIANT(read_stream(bytes, cut, bytes.size(), limits) == whole);
    CHECK_INVARIANT(read_stream(bytes, cut, 17, limits) == whole);
    if (bytes.size() <= kByteByByte) CHECK_INVARIANT(read_stream(bytes, 0, 1, limits) == whole);
  }
}

}  // namespace
}  // namespace introspectd::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  introspectd::http::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
