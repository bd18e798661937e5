// Single requests, right and wrong: status, error, and whether the connection goes on (F15 to F29, F41).
#include <doctest/doctest.h>

#include <vector>

#include "blackbox/daemon_under_test.h"

namespace introspectd::blackbox {
namespace {

enum class Then { kGoesOn, kCloses, kEither };

struct Row {
  std::string name;
  std::string bytes;
  int status;
  std::string error;  // "" = not looked at
  Then then = Then::kEither;
};

void check_row(DaemonUnderTest& daemon, const Row& row) {
  INFO(row.name);
  HttpConnection connection = daemon.connect();
  REQUIRE(connection.send_raw(row.bytes));
  const auto response = connection.receive();
  REQUIRE_MESSAGE(response.has_value(), (response ? "" : response.error()));
  CHECK(response->status == row.status);
  if (!row.error.empty()) CHECK(error_of(*response) == row.error);
  if (response->status >= 400) CHECK(response->field("cache-control") == "no-store");
  CHECK(!response->field("date").empty());
  if (row.then == Then::kCloses) {
    CHECK(response->field("connection") == "close");
    CHECK(connection.peer_closes());
  }
  if (row.then == Then::kGoesOn) {
    REQUIRE(connection.send_raw(introspection("unknown")));
    const auto next = connection.receive();
    REQUIRE_MESSAGE(next.has_value(), (next ? "" : next.error()));
    CHECK(next->body == kInactive);
  }
}

// Every row is wrong in a way that must not reach the authorization server, and leaves a daemon that answers.
void check_refusals(const std::vector<Row>& rows) {
  DaemonUnderTest daemon;
  daemon.introspect("unknown");  // known as inactive from here on
  const std::uint64_t calls_before = daemon.as.counts().introspections;
  for (const Row& row : rows) check_row(daemon, row);
  CHECK(daemon.as.counts().introspections == calls_before);
  CHECK(daemon.answers());
}

std::string with_head(std::string_view head_lines, std::string_view body = "token=unknown") {
  return "POST /introspect HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
         "application/x-www-form-urlencoded\r\n" +
         std::string(head_lines) + "\r\n" + std::string(body);
}

std::string chunked(std::string_view body) {
  return with_head("Transfer-Encoding: chunked\r\n", body);
}

TEST_CASE(
    "requests: what is wrong with the token is the caller's error or an inactive token (F15, F16, F17, "
    "F18)") {
  const std::string longest(16384, 'a');
  check_refusals({
      {"no token", form_request("foo=bar"), 400, "invalid_request", Then::kGoesOn},
      {"empty body", form_request(""), 400, "invalid_request", Then::kGoesOn},
      {"empty token", form_request("token="), 400, "invalid_request", Then::kGoesOn},
      {"two tokens", form_request("token=a&token=b"), 400, "invalid_request", Then::kGoesOn},
      {"the same token twice", form_request("token=a&token=a"), 400, "invalid_request", Then::kGoesOn},
      {"a token over 16 KiB", form_request("token=" + longest + "a"), 400, "invalid_request", Then::kEither},
      {"a repeated other parameter", form_request("token=a&token_type_hint=x&token_type_hint=y"), 400,
       "invalid_request", Then::kGoesOn},
      {"a bad percent escape", form_request("token=%zz"), 400, "invalid_request", Then::kGoesOn},
      {"characters no token has", form_request("token=%00%01abc"), 200, "", Then::kGoesOn},
      {"UTF-8 in the token", form_request("token=gr%C3%BC%C3%9Fe"), 200, "", Then::kGoesOn},
  });
}

TEST_CASE("requests: a token of exactly 16 KiB is asked about (F17)") {
  DaemonUnderTest daemon;
  const std::string longest(16384, 'a');
  daemon.as.put(longest, R"({"active":true})");
  CHECK(is_active(daemon.introspect(longest)));
  CHECK(daemon.as.introspections_of(longest) == 1);
}

TEST_CASE("requests: method, path and media type (F19, F20, STD 1.04, 1.05, 7.07)") {
  const std::string json =
      "POST /introspect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 15\r\n\r\n{\"token\":\"abc\"}";
  check_refusals({
      {"GET", "GET /introspect?token=unknown HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, "invalid_request",
       Then::kGoesOn},
      {"PUT", "PUT /introspect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405,
       "invalid_request", Then::kEither},
      {"an unknown method", "BREW /introspect HTTP/1.1\r\nHost: localhost\r\n\r\n", 501, "", Then::kCloses},
      {"an unknown path", "POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 404, "",
       Then::kGoesOn},
      {"JSON", json, 415, "", Then::kGoesOn},
      {"no media type",
       "POST /introspect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 13\r\n\r\ntoken=unknown", 415, "",
       Then::kGoesOn},
  });
  DaemonUnderTest daemon;
  HttpRequest get;
  get.method = "GET";
  CHECK(daemon.ask(get).field("allow") == "POST");
}

TEST_CASE("requests: the media type may have parameters and any case (STD 1.05)") {
  DaemonUnderTest daemon;
  const std::string token = daemon.as.mint();
  for (const std::string type :
       {"application/x-www-form-urlencoded;charset=UTF-8", "Application/X-WWW-Form-URLencoded",
        "application/x-www-form-urlencoded ; charset=utf-8"}) {
    INFO(type);
    HttpRequest request;
    request.fields.emplace_back("Content-Type", type);
    request.body = "token=" + token;
    CHECK(is_active(daemon.ask(request)));
  }
}

TEST_CASE("requests: what is too big is refused before it is read (F21, F22, F23)") {
  std::string many_fields;
  for (int i = 0; i < 62; ++i) many_fields += "X-" + std::to_string(i) + ": 1\r\n";
  check_refusals({
      {"a body of 10 MB", with_head("Content-Length: 10000000\r\n", ""), 413, "", Then::kCloses},
      {"a chunk of 10 MB", chunked("989680\r\n"), 413, "", Then::kCloses},
      {"a header of 17 KiB", with_head("X-Big: " + std::string(17408, 'x') + "\r\n", ""), 431, "",
       Then::kCloses},
      {"65 header fields", with_head(many_fields + "Content-Length: 13\r\n"), 431, "", Then::kCloses},
      {"a URI of 12 000 bytes", "GET /" + std::string(12000, 'u') + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
       414, "", Then::kCloses},
  });
}

TEST_CASE("requests: 64 header fields are taken (F22)") {
  DaemonUnderTest daemon;
  const std::string token = daemon.as.mint();
  std::string fields;
  for (int i = 0; i < 61; ++i) fields += "X-" + std::to_string(i) + ": 1\r\n";
  HttpConnection connection = daemon.connect();
  REQUIRE(connection.send_raw(introspection(token, fields)));
  const auto response = connection.receive();
  REQUIRE(response.has_value());
  CHECK(is_active(*response));
}

TEST_CASE("requests: two ways to say where the body ends are an attack (F24, STD 7.01, 7.02)") {
  const auto length = [](std::string_view value) {
    return with_head("Content-Length: " + std::string(value) + "\r\n", "token");
  };
  check_refusals({
      {"length and chunked", with_head("Content-Length: 13\r\nTransfer-Encoding: chunked\r\n"), 400,
       "invalid_request", Then::kCloses},
      {"chunked and length", with_head("Transfer-Encoding: chunked\r\nContent-Length: 13\r\n"), 400,
       "invalid_request", Then::kCloses},
      {"two lengths", with_head("Content-Length: 13\r\nContent-Length: 13\r\n"), 400, "invalid_request",
       Then::kCloses},
      {"two different lengths", with_head("Content-Length: 13\r\nContent-Length: 3\r\n"), 400,
       "invalid_request", Then::kCloses},
      {"+5", length("+5"), 400, "invalid_request", Then::kCloses},
      {"0x5", length("0x5"), 400, "invalid_request", Then::kCloses},
      {"-1", length("-1"), 400, "invalid_request", Then::kCloses},
      {"5,5", length("5,5"), 400, "invalid_request", Then::kCloses},
      {"5 5", length("5 5"), 400, "invalid_request", Then::kCloses},
      {"empty", length(""), 400, "invalid_request", Then::kCloses},
      {"2^64 + 5", length("18446744073709551621"), 400, "invalid_request", Then::kCloses},
      {"chunked is not last", with_head("Transfer-Encoding: chunked, gzip\r\n"), 400, "", Then::kCloses},
      {"an unknown coding", with_head("Transfer-Encoding: gzip, chunked\r\n"), 501, "", Then::kCloses},
      {"chunked twice", with_head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400, "",
       Then::kCloses},
      {"a space before the colon", with_head("Content-Length : 13\r\n"), 400, "invalid_request",
       Then::kCloses},
      {"coding in HTTP/1.0",
       "POST /introspect HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400, "", Then::kCloses},
  });
}

TEST_CASE("requests: lines end in CRLF and fields begin at once (F25, STD 7.03, 7.04)") {
  check_refusals({
      {"bare LF everywhere", "POST /introspect HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n", 400,
       "invalid_request", Then::kCloses},
      {"bare LF after a field", with_head("X-A: 1\nContent-Length: 13\r\n"), 400, "invalid_request",
       Then::kCloses},
      {"bare CR in a value", with_head("X-A: 1\rX-B: 2\r\nContent-Length: 13\r\n"), 400, "invalid_request",
       Then::kCloses},
      {"a folded line", with_head("X-A: 1\r\n 2\r\nContent-Length: 13\r\n"), 400, "invalid_request",
       Then::kCloses},
      {"a folded line with a tab", with_head("X-A: 1\r\n\t2\r\nContent-Length: 13\r\n"), 400,
       "invalid_request", Then::kCloses},
      {"a space before the first field", "POST /introspect HTTP/1.1\r\n Host: localhost\r\n\r\n", 400,
       "invalid_request", Then::kCloses},
      {"a space before the colon", with_head("X-A : 1\r\nContent-Length: 13\r\n"), 400, "invalid_request",
       Then::kCloses},
      {"no colon", with_head("X-A\r\nContent-Length: 13\r\n"), 400, "invalid_request", Then::kCloses},
      {"an empty name", with_head(": 1\r\nContent-Length: 13\r\n"), 400, "invalid_request", Then::kCloses},
      {"NUL in a value", with_head(std::string("X-A: 1\0002\r\nContent-Length: 13\r\n", 30)), 400,
       "invalid_request", Then::kCloses},
  });
}

TEST_CASE("requests: chunks are exact (F26, F27, STD 7.05)") {
  check_refusals({
      {"no size", chunked("zz\r\ntoken=unknown\r\n0\r\n\r\n"), 400, "invalid_request", Then::kCloses},
      {"a negative size", chunked("-1\r\n"), 400, "invalid_request", Then::kCloses},
      {"a size beyond 64 bits", chunked("fffffffffffffffff\r\n"), 400, "invalid_request", Then::kCloses},
      {"more than was said", chunked("5\r\ntoken=unknown\r\n0\r\n\r\n"), 400, "invalid_request",
       Then::kCloses},
      {"bare LF after the size", chunked("d\ntoken=unknown\r\n0\r\n\r\n"), 400, "invalid_request",
       Then::kCloses},
      {"bare LF after the bytes", chunked("d\r\ntoken=unknown\n0\r\n\r\n"), 400, "invalid_request",
       Then::kCloses},
      {"0x in the size", chunked("0xd\r\ntoken=unknown\r\n0\r\n\r\n"), 400, "invalid_request", Then::kCloses},
      {"a length as trailer", chunked("d\r\ntoken=unknown\r\n0\r\nContent-Length: 5\r\n\r\n"), 400,
       "invalid_request", Then::kCloses},
      {"a coding as trailer", chunked("d\r\ntoken=unknown\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400,
       "invalid_request", Then::kCloses},
      {"a host as trailer", chunked("d\r\ntoken=unknown\r\n0\r\nHost: other\r\n\r\n"), 400, "invalid_request",
       Then::kCloses},
  });
}

TEST_CASE("requests: chunked bodies are understood, as HAProxy sends them") {
  DaemonUnderTest daemon;
  const std::string token = daemon.as.mint();
  const std::string body = "token=" + token;
  const std::string size = "31";  // 49 bytes
  REQUIRE(body.size() == 49);
  for (const std::string& coded :
       {size + "\r\n" + body + "\r\n0\r\n\r\n", size + ";a=b;c=\"d\"\r\n" + body + "\r\n0\r\n\r\n",
        "6\r\n" + body.substr(0, 6) + "\r\n2b\r\n" + body.substr(6) + "\r\n0\r\nX-Trailer: 1\r\n\r\n"}) {
    INFO(coded);
    HttpConnection connection = daemon.connect();
    REQUIRE(connection.send_raw(chunked(coded)));
    const auto response = connection.receive();
    REQUIRE_MESSAGE(response.has_value(), (response ? "" : response.error()));
    CHECK(is_active(*response));
    CHECK(connection.stays_open_for(20ms));
  }
}

TEST_CASE("requests: what is not HTTP/1.x is refused (F28)") {
  const std::string tls_hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  DaemonUnderTest daemon;
  struct Case {
    std::string name;
    std::string bytes;
    bool may_be_505;
  };
  for (const Case& example : {Case{"HTTP/0.9", "GET /introspect\r\n", true},
                              Case{"HTTP/1.2", "POST /introspect HTTP/1.2\r\nHost: localhost\r\n\r\n", true},
                              Case{"HTTP/2.0", "POST /introspect HTTP/2.0\r\nHost: localhost\r\n\r\n", true},
                              Case{"an h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", true},
                              Case{"a TLS hello", tls_hello, false}}) {
    INFO(example.name);
    HttpConnection connection = daemon.connect();
    REQUIRE(connection.send_raw(example.bytes));
    const auto response = connection.receive();
    REQUIRE_MESSAGE(response.has_value(), (response ? "" : response.error()));
    CHECK((response->status == 400 || (example.may_be_505 && response->status == 505)));
    CHECK(connection.peer_closes());
  }
  CHECK(daemon.as.counts().introspections == 0);
  CHECK(daemon.answers());
}

TEST_CASE("requests: one Host, no more and no less (F29, STD 7.06)") {
  const std::string type =
      "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 13\r\n\r\ntoken=unknown";
  check_refusals({
      {"no Host", "POST /introspect HTTP/1.1\r\n" + type, 400, "invalid_request", Then::kCloses},
      {"two Hosts", "POST /introspect HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n" + type, 400,
       "invalid_request", Then::kCloses},
  });
}

TEST_CASE("requests: an offer of h2c is passed over, another upgrade is refused (STD 7.16)") {
  DaemonUnderTest daemon;
  const std::string token = daemon.as.mint();
  HttpConnection connection = daemon.connect();
  REQUIRE(connection.send_raw(introspection(
      token, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n")));
  const auto response = connection.receive();
  REQUIRE(response.has_value());
  CHECK(is_active(*response));
  check_refusals({
      {"WebSocket", introspection("unknown", "Connection: Upgrade\r\nUpgrade: websocket\r\n"), 400,
       "invalid_request", Then::kCloses},
      {"two Authorizations",
       introspection("unknown", "Authorization: Basic YTpi\r\nAuthorization: Basic YTpi\r\n"), 400,
       "invalid_request", Then::kCloses},
  });
}

TEST_CASE("requests: HTTP/1.0 closes, unless it asks to be kept (STD 7.14)") {
  DaemonUnderTest daemon;
  const std::string token = daemon.as.mint();
  const auto request = [&token](std::string_view field) {
    return "POST /introspect HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
           std::string(field) + "Content-Length: 49\r\n\r\ntoken=" + token;
  };
  HttpConnection closing = daemon.connect();
  REQUIRE(closing.send_raw(request("")));
  const auto last = closing.receive();
  REQUIRE(last.has_value());
  CHECK(is_active(*last));
  CHECK(closing.peer_closes());
  HttpConnection kept = daemon.connect();
  REQUIRE(kept.send_raw(request("Connection: keep-alive\r\n")));
  const auto first = kept.receive();
  REQUIRE(first.has_value());
  CHECK(first->field("connection") == "keep-alive");
  CHECK(kept.stays_open_for(50ms));
}

TEST_CASE("requests: Expect is answered once, or refused (F41, STD 7.10)") {
  DaemonUnderTest daemon;
  const std::string token = daemon.as.mint();
  HttpConnection connection = daemon.connect();
  const std::string whole = introspection(token, "Expect: 100-continue\r\n");
  const std::size_t head_end = whole.find("\r\n\r\n") + 4;
  REQUIRE(connection.send_raw(whole.substr(0, head_end)));
  const auto interim = connection.receive();
  REQUIRE(interim.has_value());
  CHECK(interim->status == 100);
  CHECK(connection.stays_open_for(50ms));
  REQUIRE(connection.send_raw(whole.substr(head_end)));
  const auto final_response = connection.receive();
  REQUIRE(final_response.has_value());
  CHECK(is_active(*final_response));
  check_refusals({
      {"another expectation", introspection("unknown", "Expect: a-miracle\r\n"), 417, "", Then::kEither},
      {"100 and a body that is too big",
       with_head("Expect: 100-continue\r\nContent-Length: 10000000\r\n", ""), 413, "", Then::kCloses},
  });
}

TEST_CASE("requests: the token is passed on as it was meant, however it was encoded (I21)") {
  DaemonUnderTest daemon;
  const std::string token = "a+b/c=d e&f%g~*'";
  daemon.as.put(token, R"({"active":true})");
  for (const std::string_view body :
       {"token=a%2Bb%2Fc%3Dd+e%26f%25g~*'", "token=a%2bb%2fc%3dd%20e%26f%25g%7E%2A%27",
        "x=1&token=a%2Bb%2Fc%3Dd%20e%26f%25g~*'&y"}) {
    INFO(body);
    HttpConnection connection = daemon.connect();
    REQUIRE(connection.send_raw(form_request(body)));
    const auto response = connection.receive();
    REQUIRE(response.has_value());
    CHECK(is_active(*response));
  }
  CHECK(daemon.as.introspections_of(token) == 1);
}

}  // namespace
}  // namespace introspectd::blackbox
