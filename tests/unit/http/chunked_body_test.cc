#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "http/chunked_body.h"
#include "unit/http/parse_outcome.h"

namespace introspectd::http {
namespace {

int chunked_status(const std::string& body, const ParserLimits& limits = {}) {
  return status_of(post("Transfer-Encoding: chunked\r\n", body), limits);
}

bool joins_to(const std::string& chunks, const std::string& body) {
  const std::string text = outcome_of(post("Transfer-Encoding: chunked\r\n", chunks));
  return text.find(" body=" + body + " consumed=") != std::string::npos;
}

TEST_CASE("chunked_body: chunks are joined, extensions and trailers dropped (STD 7.05)") {
  CHECK(joins_to("0\r\n\r\n", ""));
  CHECK(joins_to("3\r\nabc\r\n0\r\n\r\n", "abc"));
  CHECK(joins_to("3\r\nabc\r\n1\r\nd\r\n000\r\n\r\n", "abcd"));
  CHECK(joins_to("A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n", "01234567890123456789a"));
  CHECK(joins_to("0000000000000003\r\nabc\r\n0\r\n\r\n", "abc"));
  CHECK(joins_to("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"));
  CHECK(joins_to("3;a\r\nabc\r\n0;b=c;d=\"e\\\"f;\"\r\n\r\n", "abc"));
  CHECK(joins_to("3 ;a\r\nabc\r\n0\t; b\r\n\r\n", "abc"));
  CHECK(joins_to("1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\n", "a"));
}

TEST_CASE("chunked_body: what is not exactly a chunk is refused (F26)") {
  for (const char* body :
       {"x\r\n", "\r\n", " 3\r\nabc\r\n", "3 \r\nabc\r\n", "3\t\r\nabc\r\n", "+3\r\nabc\r\n", "-1\r\n", "0x3\r\nabc\r\n",
        "3\nabc\r\n0\r\n\r\n", "3\r\nabc\n0\r\n\r\n", "3\r\nabc0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "3\rabc\r\n",
        "3\r\r\nabc\r\n", "3\r\nabc\r0\r\n", "3\r\nabc\r\r\n", "g\r\n", "3;a\nabc\r\n", "3;a\rb\r\nabc\r\n",
        "3;a=\"\r\n\"\r\nabc", "3;a=\"b\r\nabc\r\n", "3;a\x01\r\nabc\r\n", "3;a=\"\\\r\nabc", "3a;\x7f\r\n",
        "00000000000000003\r\nabc\r\n", "10000000000000000\r\n", "3,\r\nabc\r\n", "3 3\r\nabc\r\n", "3\r\nabc\r\n\r\n",
        "0\r\n\n", "0\n\r\n", "0\r\nX\r\n\r\n", "0\r\n: y\r\n\r\n", "0\r\nX : y\r\n\r\n", "0\r\n X: y\r\n\r\n",
        "0\r\nX: y\n\r\n", "0\r\nX: y\r\n z\r\n\r\n", "0\r\nX: a\x01\r\n\r\n", "0\r\nX: y\rZ: a\r\n\r\n",
        "0\r\nX(: y\r\n\r\n", "0\r\nX: y\r\n\rX", "0\r\n\rX"}) {
    INFO("body: " << body);
    CHECK(chunked_status(body) == 400);
  }
  for (const char* body : {"", "3", "3\r", "3\r\n", "3\r\nab", "3\r\nabc", "3\r\nabc\r", "3\r\nabc\r\n", "0", "0\r\n",
                           "0\r\n\r", "0\r\nX", "0\r\nX: y\r\n", "0\r\nX: y\r\n\r", "3;a=\""}) {
    INFO("body: " << body);
    CHECK(chunked_status(body) == 0);
  }
}

TEST_CASE("chunked_body: a NUL is refused in every line (STD 7.04)") {
  for (const std::string& body : {std::string("3\0\r\nabc", 7), std::string("3;\0\r\nabc", 8),
                                  std::string("0\r\nX\0: y\r\n\r\n", 12), std::string("0\r\nX: \0y\r\n\r\n", 12)}) {
    CHECK(chunked_status(body) == 400);
  }
  CHECK(chunked_status(std::string("3\r\na\0b\r\n0\r\n\r\n", 13)) == 200);  // data may hold anything
}

TEST_CASE("chunked_body: the body has the limit of any body, told by the size line (F21)") {
  ParserLimits limits;
  limits.body_bytes = 32;
  const std::string half(16, 'a');
  CHECK(chunked_status("20\r\n" + half + half + "\r\n0\r\n\r\n", limits) == 200);
  CHECK(chunked_status("21\r\n", limits) == 413);
  CHECK(chunked_status("10\r\n" + half + "\r\n10\r\n" + half + "\r\n0\r\n\r\n", limits) == 200);
  CHECK(chunked_status("10\r\n" + half + "\r\n11\r\n", limits) == 413);
  CHECK(chunked_status("ffffffffffffffff\r\n", limits) == 413);
  CHECK(chunked_status("1\r\na\r\nffffffffffffffff\r\n", limits) == 413);
}

TEST_CASE("chunked_body: extensions are capped in total (STD 7.05)") {
  const std::string at_limit = "1;" + std::string(ChunkedBody::kExtensionBytes - 1, 'x') + "\r\na\r\n";
  CHECK(chunked_status(at_limit + "0\r\n\r\n") == 200);
  CHECK(chunked_status("1;" + std::string(ChunkedBody::kExtensionBytes, 'x') + "\r\na\r\n0\r\n\r\n") == 400);
  CHECK(chunked_status(at_limit + "0;\r\n\r\n") == 400);
  CHECK(chunked_status("1" + std::string(ChunkedBody::kExtensionBytes + 1, ' ') + "\r\n") == 400);
}

TEST_CASE("chunked_body: trailers are capped by bytes and by count") {
  ParserLimits limits;
  limits.header_count = 3;
  CHECK(chunked_status("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits) == 200);
  CHECK(chunked_status("0\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", limits) == 431);
  ParserLimits small;
  small.header_bytes = 100;
  CHECK(chunked_status("0\r\nA:" + std::string(98, 'a') + "\r\n\r\n", small) == 200);
  CHECK(chunked_status("0\r\nA:" + std::string(99, 'a') + "\r\n\r\n", small) == 431);
  CHECK(chunked_status("0\r\n" + std::string(100, 'a'), small) == 0);
  CHECK(chunked_status("0\r\n" + std::string(101, 'a'), small) == 431);
}

TEST_CASE("chunked_body: what is not body is capped, so that a buffer of raw bytes stays small (I38)") {
  ParserLimits limits;
  limits.header_bytes = 80;
  limits.body_bytes = 40;  // 120 bytes of framing: 5 for each chunk of one byte, and 5 at the end
  std::string body;
  for (int i = 0; i < 23; ++i) body += "1\r\na\r\n";
  CHECK(chunked_status(body + "0\r\n\r\n", limits) == 200);
  CHECK(chunked_status(body + "00\r\n\r\n", limits) == 413);
}

}  // namespace
}  // namespace introspectd::http
