#include "http/response_writer.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

namespace introspectd::http {
namespace {

std::string written(const ResponseWriter& writer, const Response& response) {
  ByteBuffer out;
  writer.append(out, response);
  return std::string(out.view());
}

std::string date_of(std::int64_t second) {
  ResponseWriter writer;
  writer.set_time(WallTime::from_seconds(second));
  const std::string text = written(writer, Response{});
  const std::size_t at = text.find("Date: ") + 6;
  return text.substr(at, text.find("\r\n", at) - at);
}

TEST_CASE("response_writer: a response says all that it must, in one order (STD 1.16, 7.15)") {
  ResponseWriter writer;
  writer.set_time(WallTime::from_seconds(784111777));
  CHECK(written(writer, Response{.body = "{}"}) ==
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\n{}");
  const std::array<ResponseHeader, 2> headers{{{"Allow", "POST"}, {"X", ""}}};
  CHECK(written(writer, Response{.status = 405, .content_type = {}, .headers = headers, .keep_alive = false}) ==
        "HTTP/1.1 405 Method Not Allowed\r\nCache-Control: no-store\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "Allow: POST\r\nX: \r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  const std::string old = written(writer, Response{.http_1_0 = true});
  CHECK(old.find("\r\nConnection: keep-alive\r\n") != std::string::npos);
  CHECK(old.starts_with("HTTP/1.1 200 OK\r\n"));
  const std::string closed = written(writer, Response{.keep_alive = false, .http_1_0 = true});
  CHECK(closed.find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(closed.find("keep-alive") == std::string::npos);
}

TEST_CASE("response_writer: the reply to HEAD has the length and no content, 204 has neither (STD 7.11)") {
  const ResponseWriter writer;
  const std::string full = written(writer, Response{.body = "12345"});
  CHECK(written(writer, Response{.body = "12345", .head_only = true}) + "12345" == full);
  for (const int status : {204, 304}) {
    const std::string bare = written(writer, Response{.status = status, .content_type = {}, .body = "12345"});
    CHECK(bare.find("Content-Length") == std::string::npos);
    CHECK(bare.ends_with("GMT\r\n\r\n"));
  }
}

TEST_CASE("response_writer: dates are those of RFC 9110 section 5.6.7") {
  CHECK(date_of(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(date_of(951782399) == "Mon, 28 Feb 2000 23:59:59 GMT");
  CHECK(date_of(951782400) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(date_of(1735689599) == "Tue, 31 Dec 2024 23:59:59 GMT");
  CHECK(date_of(1735689600) == "Wed, 01 Jan 2025 00:00:00 GMT");
  CHECK(date_of(4107542400) == "Mon, 01 Mar 2100 00:00:00 GMT");
  CHECK(date_of(253402300799) == "Fri, 31 Dec 9999 23:59:59 GMT");
  CHECK(date_of(253402300800) == "Fri, 31 Dec 9999 23:59:59 GMT");
  CHECK(date_of(-1) == "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST_CASE("response_writer: the date follows the clock, set back as well") {
  ResponseWriter writer;
  const auto second_of = [&writer](std::int64_t ms) {
    writer.set_time(WallTime::from_ms(ms));
    const std::string text = written(writer, Response{});
    return text.substr(text.find(" GMT") - 2, 2);
  };
  CHECK(second_of(1999) == "01");
  CHECK(second_of(2000) == "02");
  CHECK(second_of(1000) == "01");
}

TEST_CASE("response_writer: a sealed reply is byte-equal to an appended one and stays within its room (I22)") {
  ResponseWriter writer;
  writer.set_time(WallTime::from_seconds(784111777));
  const std::string body(70000, 'b');
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i <= 1100; ++i) sizes.push_back(i);
  for (const std::size_t edge : {9999U, 10000U, 10001U, 16384U, 65536U, 69999U, 70000U}) sizes.push_back(edge);
  for (const std::size_t size : sizes) {
    for (const int combination : {0, 1, 2, 3}) {
      const bool keep_alive = (combination & 1) != 0;
      const bool http_1_0 = (combination & 2) != 0;
      std::string room(ResponseWriter::kHeadRoom, 'h');
      room += body.substr(0, size) + "guard";
      const std::size_t sealed = writer.seal_ok_json(room.data(), size, keep_alive, http_1_0);
      const std::string expected = written(
          writer, Response{.body = std::string_view(body).substr(0, size), .keep_alive = keep_alive, .http_1_0 = http_1_0});
      REQUIRE(room.substr(0, sealed) == expected);
      REQUIRE(room.ends_with("guard"));
    }
  }
}

TEST_CASE("response_writer: 100 Continue is a line and an end (F41)") {
  ByteBuffer out;
  ResponseWriter().append_continue(out);
  CHECK(out.view() == "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST_CASE("response_writer: every status that we send has its phrase") {
  for (const int status : {100, 200, 202, 204, 400, 401, 403, 404, 405, 408, 413, 414, 415, 417, 429, 431, 500, 501, 502,
                           503, 504, 505}) {
    INFO("status " << status);
    CHECK(reason_phrase(status) != "Unknown");
  }
  CHECK(reason_phrase(431) == "Request Header Fields Too Large");
}

}  // namespace
}  // namespace introspectd::http
