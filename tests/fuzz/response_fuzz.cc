// response: the bytes of an authorization server are read alike whole, in two parts and byte by byte, with its close
// behind them; what comes out keeps the promises of response_parser.h.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "fuzz/place_of_cut.h"
#include "http/response_parser.h"

namespace introspectd::http {
namespace {

constexpr std::size_t kBodyMost = 64;

std::string describe(ResponseParser& parser, std::size_t consumed) {
  const bool keep_alive = parser.keep_alive();
  const ReceivedResponse response = parser.take();
  CHECK_INVARIANT(response.status >= 100 && response.status <= 999 && response.status != 101);
  CHECK_INVARIANT(response.body.size() <= kBodyMost);
  return "response " + std::to_string(response.status) + (keep_alive ? " kept " : " ") + std::to_string(consumed) + "\n" +
         response.content_type + "\n" + response.retry_after + "\n" + response.cache_control + "\n" + response.body + "\n";
}

// The first piece ends at `cut`, the later ones `step` bytes further.
std::string read_stream(std::string_view stream, std::size_t cut, std::size_t step) {
  ResponseParser parser;
  parser.begin(kBodyMost);
  std::string text;
  std::size_t consumed = 0;   // of the response in progress
  std::size_t size = std::min(std::max<std::size_t>(cut, 1), stream.size());
  while (!stream.empty()) {
    // A block of its own for each call: an address kept from an earlier one shows.
    const auto block = std::make_unique<char[]>(size);
    std::memcpy(block.get(), stream.data(), size);
    const ResponseStatus status = parser.feed({block.get(), size});
    CHECK_INVARIANT(parser.consumed() <= size);
    if (status == ResponseStatus::kBad) return text + "bad";
    if (status == ResponseStatus::kTooLarge) return text + "too large";
    consumed += parser.consumed();
    stream.remove_prefix(parser.consumed());
    if (status == ResponseStatus::kComplete) {
      text += describe(parser, std::exchange(consumed, 0));
      parser.begin(kBodyMost);
    }
    size = std::min(step, stream.size());
  }
  if (parser.end() == ResponseStatus::kComplete) return text + describe(parser, consumed);
  return text + "cut short";
}

void check(std::string_view bytes) {
  constexpr std::size_t kByteByByte = 4096;  // longer inputs would take too long that way
  const std::string whole = read_stream(bytes, bytes.size(), std::max<std::size_t>(bytes.size(), 1));
  const std::size_t cut = fuzz::place_of_cut(bytes);
  CHECK_INVARIANT(read_stream(bytes, cut, std::max<std::size_t>(bytes.size(), 1)) == whole);
  CHECK_INVARIANT(read_stream(bytes, cut, 17) == whole);
  if (bytes.size() <= kByteByByte) CHECK_INVARIANT(read_stream(bytes, 1, 1) == whole);
}

}  // namespace
}  // namespace introspectd::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  introspectd::http::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
