#include "http/response_parser.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace introspectd::http {
namespace {

constexpr std::size_t kBodyMost = 1000;

struct Read {
  ResponseStatus status = ResponseStatus::kNeedMore;
  ReceivedResponse response;
  bool keep_alive = false;
  std::size_t consumed = 0;   // in all

  bool operator==(const Read& other) const {
    return status == other.status && response.status == other.response.status && response.body == other.response.body &&
           response.content_type == other.response.content_type && keep_alive == other.keep_alive &&
           (status != ResponseStatus::kComplete || consumed == other.consumed);
  }
};

// In pieces of `step` bytes; with `closes` the server closes behind them.
Read read(std::string_view bytes, std::size_t step, bool closes = false) {
  ResponseParser parser;
  parser.begin(kBodyMost);
  Read result;
  while (result.status == ResponseStatus::kNeedMore && !bytes.empty()) {
    const std::string_view piece = bytes.substr(0, step);
    result.status = parser.feed(piece);
    result.consumed += parser.consumed();
    bytes.remove_prefix(piece.size());
  }
  if (closes && result.status == ResponseStatus::kNeedMore) result.status = parser.end();
  if (result.status == ResponseStatus::kComplete) {
    result.keep_alive = parser.keep_alive();
    result.response = parser.take();
  }
  return result;
}

// Whole, and byte by byte: it must be the same (I26).
Read read(std::string_view bytes, bool closes = false) {
  const Read whole = read(bytes, bytes.size(), closes);
  CHECK((read(bytes, 1, closes) == whole));
  CHECK((read(bytes, 7, closes) == whole));
  return whole;
}

ResponseStatus status_of(std::string_view bytes, bool closes = false) { return read(bytes, closes).status; }

}  // namespace

TEST_CASE("response_parser: status, the fields that are looked at, and the body") {
  const Read got = read(
      "HTTP/1.1 429 Too Many\r\ncontent-TYPE:  application/json \r\nRetry-After: 7\r\nCache-Control: no-store\r\n"
      "Cache-Control: private\r\nX-A-Name-That-Is-Longer-Than-Any-Other: v\r\nContent-Length: 2\r\n\r\n{}");
  CHECK(got.status == ResponseStatus::kComplete);
  CHECK(got.response.status == 429);
  CHECK(got.response.content_type == "application/json");
  CHECK(got.response.retry_after == "7");
  CHECK(got.response.cache_control == "no-store, private");
  CHECK(got.response.body == "{}");
  CHECK(got.keep_alive);
}

TEST_CASE("response_parser: where the message ends (RFC 9112 6.3)") {
  const std::string sized = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
  CHECK(read(sized + "surplus").consumed == sized.size());
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\n{\r\n1\r\n}\r\n0\r\nX-Trailer: z\r\n\r\n";
  CHECK(read(chunked).response.body == "{}");
  CHECK(read(chunked + "HTTP/1.1 200 OK\r\n").consumed == chunked.size());
  const std::string bodyless = "HTTP/1.1 204 No Content\r\n\r\n";
  CHECK(read(bodyless + "x").consumed == bodyless.size());
  CHECK(status_of(bodyless) == ResponseStatus::kComplete);
  CHECK(status_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") == ResponseStatus::kComplete);
  const Read until_close = read("HTTP/1.1 200 OK\r\n\r\n{}", true);
  CHECK(until_close.response.body == "{}");
  CHECK_FALSE(until_close.keep_alive);
  CHECK(status_of("HTTP/1.1 200 OK\r\n\r\n", true) == ResponseStatus::kComplete);
}

TEST_CASE("response_parser: what is cut short is bad") {
  const std::string whole =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CHECK(status_of(whole.substr(0, size)) == ResponseStatus::kNeedMore);
    CHECK(status_of(whole.substr(0, size), true) == ResponseStatus::kBad);
  }
  CHECK(status_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", true) == ResponseStatus::kBad);
  CHECK(status_of("", true) == ResponseStatus::kBad);
}

TEST_CASE("response_parser: what is no HTTP/1.x response is bad") {
  for (const char* text : {"{\"active\":true}\n", "220 mail.example ESMTP\r\n", "HTTP/2.0 200 OK\r\n\r\n",
                           "HTTP/0.9 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n", "GET / HTTP/1.1\r\n\r\n"}) {
    CAPTURE(text);
    CHECK(status_of(text, true) == ResponseStatus::kBad);
  }
}

TEST_CASE("response_parser: two framings are bad, and an encoding that nobody asked for (RFC 9112 6.3, F71)") {
  const auto with = [](const std::string& fields) { return status_of("HTTP/1.1 200 OK\r\n" + fields + "\r\n{}", true); };
  CHECK(with("Content-Length: 2\r\n") == ResponseStatus::kComplete);
  CHECK(with("Content-Length: 2\r\nContent-Length: 2\r\n") == ResponseStatus::kBad);
  CHECK(with("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n") == ResponseStatus::kBad);
  CHECK(with("Transfer-Encoding: gzip, chunked\r\n") == ResponseStatus::kBad);
  CHECK(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") == ResponseStatus::kBad);
  CHECK(with("Transfer-Encoding: identity\r\n") == ResponseStatus::kBad);
  CHECK(with("Content-Encoding: gzip\r\nContent-Length: 2\r\n") == ResponseStatus::kBad);
  CHECK(with("Content-Encoding: identity\r\nContent-Length: 2\r\n") == ResponseStatus::kComplete);
}

TEST_CASE("response_parser: a body at the cap passes, one byte more does not (F53)") {
  const std::string at(kBodyMost, 'x');
  const auto sized = [](const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  CHECK(status_of(sized(at)) == ResponseStatus::kComplete);
  // It is enough that it is announced.
  CHECK(status_of("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n") == ResponseStatus::kTooLarge);
  CHECK(status_of("HTTP/1.1 200 OK\r\n\r\n" + at, true) == ResponseStatus::kComplete);
  CHECK(status_of("HTTP/1.1 200 OK\r\n\r\n" + at + "x") == ResponseStatus::kTooLarge);
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + at + "\r\n";
  CHECK(status_of(chunked + "0\r\n\r\n") == ResponseStatus::kComplete);
  CHECK(status_of(chunked + "1\r\nx\r\n0\r\n\r\n") == ResponseStatus::kTooLarge);
}

TEST_CASE("response_parser: a head of 100 lines and of 32 KiB passes, one more does not (F54)") {
  const auto lines = [](int fields) {
    std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
    for (int i = 0; i < fields; ++i) head += "X-" + std::to_string(i) + ": y\r\n";
    return head + "\r\n";
  };
  CHECK(status_of(lines(97)) == ResponseStatus::kComplete);
  CHECK(status_of(lines(98)) == ResponseStatus::kBad);
  const auto bytes = [](std::size_t size) {
    const std::string begin = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
    return begin + std::string(size - begin.size() - 4, 'y') + "\r\n\r\n";
  };
  CHECK(status_of(bytes(kMaxResponseHeadBytes)) == ResponseStatus::kComplete);
  CHECK(status_of(bytes(kMaxResponseHeadBytes + 1)) == ResponseStatus::kBad);
}

TEST_CASE("response_parser: interim responses are passed over and counted; trailers count, and say nothing (F54)") {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nContent-Type: text/html\r\n\r\n";
  const std::string final = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
  const Read got = read("HTTP/1.1 100 Continue\r\n\r\n" + interim + final);
  CHECK(got.response.status == 200);
  CHECK(got.response.content_type == "application/json");
  CHECK(got.consumed == 25 + interim.size() + final.size());
  const auto repeated = [&](int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += interim;
    return all + final;
  };
  CHECK(status_of(repeated(32)) == ResponseStatus::kComplete);   // 96 lines and the 4 of the final one
  CHECK(status_of(repeated(33)) == ResponseStatus::kBad);
  const auto trailers = [](int fields) {
    std::string all = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n";
    for (int i = 0; i < fields; ++i) all += "Content-Type: text/html\r\n";
    return all + "\r\n";
  };
  CHECK(read(trailers(1)).response.content_type.empty());
  CHECK(status_of(trailers(97)) == ResponseStatus::kComplete);
  CHECK(status_of(trailers(98)) == ResponseStatus::kBad);
  CHECK(status_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + std::string(40'000, 'y')) ==
        ResponseStatus::kBad);
}

TEST_CASE("response_parser: what frames the chunks is bounded, though llhttp reads it without end (F53, F54)") {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::size_t most = kMaxResponseHeadBytes + kMaxChunkFramingBytes * kBodyMost;
  const std::string extension = "1;" + std::string(most - head.size() - 2 - 9, 'x');
  // Up to the limit: `\r\n{\r\n0\r\n\r\n`, of which one byte is the body's.
  CHECK(status_of(head + extension + "\r\n{\r\n0\r\n\r\n") == ResponseStatus::kComplete);
  CHECK(status_of(head + extension + "x\r\n{\r\n0\r\n\r\n") == ResponseStatus::kBad);
  CHECK(status_of(head + std::string(most, '0')) == ResponseStatus::kBad);
  CHECK(status_of(head + "0\r\nX:" + std::string(most, ' ')) == ResponseStatus::kBad);
  std::string smallest = head;
  for (std::size_t i = 0; i < kBodyMost; ++i) smallest += "1\r\nx\r\n";
  CHECK(read(smallest + "0\r\n\r\n").response.body.size() == kBodyMost);
}

TEST_CASE("response_parser: a status that has no body has none, whatever its fields say (RFC 9112 6.3)") {
  for (const char* status : {"204 No Content", "304 Not Modified"}) {
    for (const char* fields : {"Content-Length: 5\r\n", "Content-Length: 5000\r\n", "Transfer-Encoding: chunked\r\n"}) {
      const std::string head = "HTTP/1.1 " + std::string(status) + "\r\n" + fields + "\r\n";
      const Read got = read(head + "hello");
      CHECK(got.status == ResponseStatus::kComplete);
      CHECK(got.response.body.empty());
      CHECK(got.consumed == head.size());
    }
  }
  CHECK(read("HTTP/1.1 103 Early\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").response.status ==
        200);
}

TEST_CASE("response_parser: a body is chunked to llhttp and to us, or the response is bad") {
  for (const char* coding : {"chunked", "Chunked", " chunked "}) {
    CAPTURE(coding);
    CHECK(status_of("HTTP/1.1 200 OK\r\nTransfer-Encoding:" + std::string(coding) + "\r\n\r\n0\r\n\r\n") ==
          ResponseStatus::kComplete);
  }
  CHECK(status_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n", true) == ResponseStatus::kBad);
}

TEST_CASE("response_parser: whether the connection carries on (RFC 9112 9.3)") {
  const auto kept = [](const std::string& version, const std::string& field) {
    return read("HTTP/" + version + " 200 OK\r\n" + field + "Content-Length: 0\r\n\r\n").keep_alive;
  };
  CHECK(kept("1.1", ""));
  CHECK_FALSE(kept("1.1", "Connection: close\r\n"));
  CHECK_FALSE(kept("1.0", ""));
  CHECK(kept("1.0", "Connection: keep-alive\r\n"));
}

TEST_CASE("response_parser: a response leaves nothing to the next") {
  ResponseParser parser;
  parser.begin(kBodyMost);
  CHECK_FALSE(parser.begun());
  CHECK(parser.feed("HTTP/1.1 401 No\r\nContent-Type: text/html\r\nConte") == ResponseStatus::kNeedMore);
  CHECK(parser.begun());
  parser.begin(2);
  CHECK_FALSE(parser.begun());
  CHECK(parser.feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") == ResponseStatus::kComplete);
  const ReceivedResponse response = parser.take();
  CHECK(response.status == 200);
  CHECK(response.content_type.empty());
  CHECK(response.body == "{}");
}

}  // namespace introspectd::http
