#include "http/request_parser.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "unit/http/parse_outcome.h"

namespace introspectd::http {
namespace {

using Cases = std::vector<std::pair<std::string, int>>;

void check(const Cases& cases) {
  for (const auto& [bytes, status] : cases) {
    INFO("bytes: " << bytes);
    CHECK(status_of(bytes) == status);
  }
}

TEST_CASE("request_parser: a request of every shape comes out the same however it is cut (I26)") {
  CHECK(outcome_of("POST /introspect?a=b HTTP/1.1\r\nHost: localhost:7662\r\nAuthorization: Basic cnM6eA==\r\n"
                   "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\ntoken=abcPOST /") ==
        "message 2 /introspect?a=b keep authorization=Basic cnM6eA== host=localhost:7662 "
        "type=application/x-www-form-urlencoded [Host:localhost:7662] [Authorization:Basic cnM6eA==] "
        "[Content-Type:application/x-www-form-urlencoded] [Content-Length:9] body=token=abc consumed=163");
  CHECK(outcome_of("GET / HTTP/1.0\r\n\r\n") == "message 0 / close 1.0 host= type= body= consumed=18");
  CHECK(outcome_of(post("Transfer-Encoding: chunked\r\n", "3;x=\"y\"\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\nGET")) ==
        "message 2 /introspect keep host=localhost type= [Host:localhost] [Transfer-Encoding:chunked] body=abcde "
        "consumed=106");
}

TEST_CASE("request_parser: values lose the white space around them and keep the rest (STD 7.04)") {
  const std::string text = outcome_of("GET / HTTP/1.1\r\nHost:\t localhost \t\r\nX:  a b\t\r\nY:\r\nZ: \t \r\n\r\n");
  CHECK(text == "message 0 / keep host=localhost type= [Host:localhost] [X:a b] [Y:] [Z:] body= consumed=59");
}

TEST_CASE("request_parser: methods are known, supported or refused (STD 7.07, 7.16)") {
  for (const auto& [method, number] : std::vector<std::pair<std::string, int>>{
           {"GET", 0}, {"HEAD", 1}, {"POST", 2}, {"PUT", 3}, {"DELETE", 4}, {"OPTIONS", 5}, {"PATCH", 6}, {"TRACE", 7}}) {
    const std::string text = outcome_of(method + " / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(text.starts_with("message " + std::to_string(number) + " / keep"));
  }
  check({{"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501},   {"PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
         {"FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 501},          {"GETX / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
         {"G / HTTP/1.1\r\nHost: a\r\n\r\n", 501},            {"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
         {"Post / HTTP/1.1\r\nHost: a\r\n\r\n", 501},         {"M-SEARCH * HTTP/1.1\r\nHost: a\r\n\r\n", 501},
         {"DESCRIBE / RTSP/1.0\r\n\r\n", 501},                {"SOURCE / ICE/1.0\r\n\r\n", 501},
         {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},         {"GET\r\n", 400},
         {"{\"a\":1}", 400},                                  {std::string("\0", 1), 400},
         {"\x80GET / HTTP/1.1\r\n", 400},                     {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400}});
}

TEST_CASE("request_parser: other protocols and versions are refused at once (F28)") {
  check({{"GET /\r\n", 400},
         {"GET /\n", 400},
         {"GET /\r\n\r\n", 400},
         {"GET /\rX", 400},
         {"GET a\rX", 400},
         {"GET http\r\n", 400},
         {"GET http://a\r\n", 400},
         {"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
         {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
         {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
         {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
         {"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505},
         {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
         {"GET / HTTP/11.1\r\nHost: a\r\n\r\n", 400},
         {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
         {"GET / HTTP/1.x\r\nHost: a\r\n\r\n", 400},
         {"GET / HTTP/1\r\nHost: a\r\n\r\n", 400},
         {"GET / HTTP/ 1.1\r\nHost: a\r\n\r\n", 400},
         {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
         {"GET / HTTPS/1.1\r\nHost: a\r\n\r\n", 400},
         {"GET / XTTP/1.1\r\nHost: a\r\n\r\n", 400},
         {"GET / HTTP/1.1x\r\nHost: a\r\n\r\n", 400},
         {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
         {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400}});
}

TEST_CASE("request_parser: the request line has one space at each place and ends in CRLF (STD 7.03)") {
  check({{"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
         {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200},
         {"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
         {"GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", 400},
         {"GET / a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
         {"GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
         {"GET / HTTP/1.1\rHost: a\r\n\r\n", 400},
         {"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400},
         {"GET HTTP/1.1\r\nHost: a\r\n\r\n", 400},
         {"GET " + std::string(9000, ' ') + "/ HTTP/1.1\r\nHost: a\r\n\r\n", 400}});
}

TEST_CASE("request_parser: a few empty lines before the request line are passed over (STD 7.03)") {
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string tail = " keep host=a type= [Host:a] body= consumed=";
  CHECK(outcome_of("\r\n" + request) == "message 0 /" + tail + "29");
  CHECK(outcome_of("\r\n\r\n\r\n\r\n" + request) == "message 0 /" + tail + "35");
  check({{"\r\n\r\n\r\n\r\n\r\n" + request, 400}, {"\n" + request, 400}, {"\r" + request, 400},
         {"\r\r\n" + request, 400}, {"\r\n\n" + request, 400}, {"\r\n", 0}, {"\r", 0}, {"", 0}});
}

TEST_CASE("request_parser: empty lines alone do not start a message (F33)") {
  RequestParser parser{ParserLimits{}};
  CHECK(parser.parse("\r\n") == ParseStatus::kNeedMore);
  CHECK_FALSE(parser.started());
  CHECK(parser.parse("\r\nG") == ParseStatus::kNeedMore);
  CHECK(parser.started());
  CHECK_FALSE(parser.head_complete());
  CHECK(parser.parse("\r\nGET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n") == ParseStatus::kNeedMore);
  CHECK(parser.head_complete());
  parser.reset();
  CHECK_FALSE(parser.started());
  CHECK_FALSE(parser.head_complete());
}

TEST_CASE("request_parser: targets are paths, or absolute and reduced to a path (STD 7.06)") {
  const auto path_of = [](const std::string& target) {
    const std::string text = outcome_of("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    if (!text.starts_with("message 0 ")) return text;
    return text.substr(10, text.find(" type=") - 10);
  };
  CHECK(path_of("/a/b%20c;d=e") == "/a/b%20c;d=e keep host=a");
  CHECK(path_of("/a?") == "/a? keep host=a");
  CHECK(path_of("/a?b?c=/d") == "/a?b?c=/d keep host=a");
  CHECK(path_of("//a") == "//a keep host=a");
  CHECK(path_of("http://b:80/y?z") == "/y?z keep host=b:80");
  CHECK(path_of("HTTPS://b/") == "/ keep host=b");
  CHECK(path_of("http://b") == "/ keep host=b");
  CHECK(path_of("http://b?q") == "/?q keep host=b");
  CHECK(path_of("http://[::1]:7662/y") == "/y keep host=[::1]:7662");
  for (const char* target : {"*", "a", "a/b", "http:/b", "http:///b", "http://", "http://u@b/", "ftp://b/", "/a#b",
                             "http://b:x/", "http://b:70000/", "http://[::1/", "/\xc3\xa4", "/a\x7f", "/a\x01"}) {
    INFO("target: " << target);
    CHECK(status_of("GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  }
  CHECK(status_of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") == 200);
  CHECK(status_of("OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
}

TEST_CASE("request_parser: Host is there once and valid, and may be missing in HTTP/1.0 only (F29, STD 7.06)") {
  for (const char* host : {"a", "localhost:7662", "127.0.0.1", "[::1]", "[::1]:80", "[v1.a:b]", "a.b-c_d~e", "a:", "",
                           "%41b", "a:65535"}) {
    INFO("host: " << host);
    CHECK(status_of("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n") == 200);
  }
  for (const char* host : {"a b", "a,b/", "a/", "a@b", "a:80:80", "a:x", "a:65536", "a:-1", "[::1", "[]", "[a]b", "::1",
                           "%4", "%zz", "a?", "a#", ":80", "\"a\"", "a\\b", "\xc3\xa4", "http://a"}) {
    INFO("host: " << host);
    CHECK(status_of("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n") == 400);
  }
  check({{"GET / HTTP/1.1\r\n\r\n", 400},
         {"GET / HTTP/1.1\r\nX: a\r\n\r\n", 400},
         {"GET / HTTP/1.0\r\n\r\n", 200},
         {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", 200},
         {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
         {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
         {"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: b\r\n\r\n", 400},
         {"GET http://a/ HTTP/1.1\r\n\r\n", 400}});
}

TEST_CASE("request_parser: the connection goes on as the client asks (STD 7.14)") {
  const auto keeps = [](const std::string& version, const std::string& fields) {
    return outcome_of("GET / HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n").find(" keep") !=
           std::string::npos;
  };
  CHECK(keeps("1.1", ""));
  CHECK_FALSE(keeps("1.1", "Connection: close\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: CLOSE\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: foo , close,\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
  CHECK(keeps("1.1", "Connection: closed\r\n"));
  CHECK(keeps("1.1", "Connection: keep-alive\r\n"));
  CHECK_FALSE(keeps("1.0", ""));
  CHECK(keeps("1.0", "Connection: Keep-Alive\r\n"));
  CHECK(keeps("1.0", "Connection: foo,keep-alive\r\n"));
  CHECK_FALSE(keeps("1.0", "Connection: keep-alive, close\r\n"));
  CHECK_FALSE(keeps("1.0", "Keep-Alive: 5\r\n"));
}

TEST_CASE("request_parser: Upgrade is passed over where clients offer it unasked and refused elsewhere (STD 7.16)") {
  check({{post("Connection: Upgrade\r\nUpgrade: websocket\r\n"), 400},
         {post("Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n"), 400},
         {post("Upgrade: TLS\r\n"), 400},
         {post("Upgrade: h2cx\r\n"), 400},
         {post("Connection: Upgrade\r\nUpgrade: h2c\r\n"), 200},
         {post("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"),
          200},
         {post("Connection: Upgrade\r\nUpgrade: TLS/1.2\r\nContent-Length: 1\r\n", "a"), 200}});
}

TEST_CASE("request_parser: Expect is 100-continue or nothing (F41, STD 7.10)") {
  const auto told = [](const std::string& bytes) { return outcome_of(bytes).starts_with("continue, message "); };
  CHECK(told(post("Expect: 100-continue\r\nContent-Length: 1\r\n", "a")));
  CHECK(told(post("Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")));
  CHECK_FALSE(told(post("Expect: 100-continue\r\nContent-Length: 0\r\n")));
  CHECK_FALSE(told(post("Expect: 100-continue\r\n")));
  CHECK_FALSE(told("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na"));
  check({{post("Expect: 100-continue\r\nContent-Length: 1\r\n", "a"), 200},
         {post("Expect: 200-ok\r\nContent-Length: 1\r\n", "a"), 417},
         {post("Expect:\r\n"), 417},
         {post("Expect: 100-continue, x\r\n"), 417},
         {post("Expect: 100-continue\r\nExpect: x\r\n"), 417},
         {post("Expect: 100-continue\r\nContent-Length: 65537\r\n"), 413}});
}

TEST_CASE("request_parser: fields that must be single are (STD 1.03)") {
  check({{post("Authorization: Basic YTpi\r\nAuthorization: Basic YTpi\r\n"), 400},
         {post("Content-Type: a/b\r\ncontent-type: a/b\r\n"), 400},
         {post("Accept: a/b\r\nAccept: a/b\r\n"), 200}});
}

TEST_CASE("request_parser: an empty field is told from an absent one") {
  RequestParser parser{ParserLimits{}};
  REQUIRE(parser.parse(post("Authorization:\r\nOrigin: null\r\n")) == ParseStatus::kMessage);
  CHECK(parser.request().has_authorization);
  CHECK(parser.request().authorization.empty());
  CHECK(parser.request().has_origin);
  parser.reset();
  REQUIRE(parser.parse(post("")) == ParseStatus::kMessage);
  CHECK_FALSE(parser.request().has_authorization);
  CHECK_FALSE(parser.request().has_origin);
}

TEST_CASE("request_parser: pipelined messages are read one after the other (F30)") {
  const std::string first = post("Content-Length: 3\r\n", "abc");
  const std::string second = post("Transfer-Encoding: chunked\r\n", "1\r\nd\r\n0\r\n\r\n");
  const std::string third = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string all = first + second + third + first;
  RequestParser parser{ParserLimits{}};
  std::string_view rest = all;
  std::string seen;
  while (parser.parse(rest) == ParseStatus::kMessage) {
    seen += std::string(parser.request().path) + ":" + std::string(parser.request().body) + " ";
    rest.remove_prefix(parser.consumed());
    parser.reset();
  }
  CHECK(seen == "/introspect:abc /introspect:d /x: /introspect:abc ");
  CHECK(rest.empty());
}

std::string with_target(std::size_t size) {
  return "GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

// A head of exactly `size` bytes.
std::string with_head(std::size_t size) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
}

std::string with_fields(std::size_t count) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (std::size_t i = 1; i < count; ++i) head += "X: y\r\n";
  return head + "\r\n";
}

TEST_CASE("request_parser: a target of 8192 bytes is read, one more is 414 (F23)") {
  CHECK(status_of(with_target(8192)) == 200);
  CHECK(status_of(with_target(8193)) == 414);
  CHECK(status_of(with_target(20000)) == 414);
  CHECK(status_of("GET http://a" + std::string(8184, '/') + " HTTP/1.1\r\nHost: a\r\n\r\n") == 200);
  CHECK(status_of("GET http://a" + std::string(8185, '/') + " HTTP/1.1\r\nHost: a\r\n\r\n") == 414);
  ParserLimits small;
  small.target_bytes = 10;
  CHECK(status_of(with_target(10), small) == 200);
  CHECK(status_of(with_target(11), small) == 414);
  CHECK(status_of("\r\n\r\n" + with_target(10), small) == 200);
  CHECK(status_of("\r\n\r\n" + with_target(11), small) == 414);
  CHECK(status_of("GET /123456789", small) == 0);
  CHECK(status_of("GET /1234567890", small) == 414);
  // Whichever comes first in the bytes is told, however many there are.
  CHECK(status_of("GET /12345678\x01" "9012", small) == 400);
  CHECK(status_of("GET /1234567890\x01", small) == 414);
  CHECK(status_of("GET /1234567890#\r\n", small) == 414);
  CHECK(status_of("GET /1234567890\r\n", small) == 414);
  CHECK(status_of("GET /123456789\r\n", small) == 400);
}

TEST_CASE("request_parser: a head of 16384 bytes is read, one more is 431 (F22)") {
  CHECK(status_of(with_head(16384)) == 200);
  CHECK(status_of(with_head(16385)) == 431);
  CHECK(status_of(with_head(40000)) == 431);
  ParserLimits small;
  small.header_bytes = 100;
  CHECK(status_of(with_head(100), small) == 200);
  CHECK(status_of(with_head(101), small) == 431);
  CHECK(status_of("\r\n" + with_head(98), small) == 200);
  CHECK(status_of("\r\n" + with_head(99), small) == 431);
  // An error behind the limit is not reached, one before it comes first.
  std::string late = with_head(120);
  late[110] = '\x01';
  CHECK(status_of(late, small) == 431);
  std::string early = with_head(120);
  early[60] = '\x01';
  CHECK(status_of(early, small) == 400);
  // The body does not count.
  CHECK(status_of(post("Content-Length: 200\r\n", std::string(200, 'b')), small) == 200);
}

TEST_CASE("request_parser: 64 fields are read, one more is 431 (F22)") {
  CHECK(status_of(with_fields(64)) == 200);
  CHECK(status_of(with_fields(65)) == 431);
  CHECK(status_of(with_fields(66)) == 431);
  ParserLimits small;
  small.header_count = 2;
  CHECK(status_of(with_fields(2), small) == 200);
  CHECK(status_of(with_fields(3), small) == 431);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nZ\x01: y\r\n\r\n", small) == 400);
}

TEST_CASE("request_parser: a body of 65536 bytes is read, one more is 413 before it is there (F21)") {
  CHECK(status_of(post("Content-Length: 65536\r\n")) == 0);
  CHECK(outcome(post("Content-Length: 65536\r\n", std::string(65536, 'b')), {}).starts_with("message "));
  CHECK(outcome(post("Content-Length: 65536\r\n", std::string(65535, 'b')), {}) == "more");
  CHECK(status_of(post("Content-Length: 65537\r\n")) == 413);
  ParserLimits small;
  small.body_bytes = 5;
  CHECK(status_of(post("Content-Length: 5\r\n", "12345"), small) == 200);
  CHECK(status_of(post("Content-Length: 6\r\n", "123456"), small) == 413);
  small.body_bytes = 0;
  CHECK(status_of(post("Content-Length: 0\r\n"), small) == 200);
  CHECK(status_of(post("Content-Length: 1\r\n"), small) == 413);
}

}  // namespace
}  // namespace introspectd::http
