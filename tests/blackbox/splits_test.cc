// The responses do not depend on how the bytes are cut (I26): each request is sent in two parts, cut at every
// byte, and once byte by byte; every time the same response bytes come back.
#include <doctest/doctest.h>
#include <poll.h>

#include <vector>

#include "blackbox/daemon_under_test.h"

namespace introspectd::blackbox {
namespace {

constexpr std::size_t kSideBySide = 64;

// All responses until the peer closes or has answered so many.
std::string responses(HttpConnection& connection, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const auto response = connection.receive();
    if (!response) return text + "!" + response.error();
    text += without_date(*response);
  }
  return text;
}

struct Example {
  std::string name;
  std::string bytes;
  int responses;
};

std::vector<Example> examples(const std::string& token) {
  const std::string head =
      "POST /introspect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
  return {
      {"a hit", introspection(token), 1},
      {"an inactive token", introspection("unknown"), 1},
      {"two at once", introspection(token) + introspection("unknown"), 2},
      {"a blank line first", "\r\n" + introspection(token), 1},
      {"chunked",
       head +
           "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\ntoken\r\n8\r\n=unknown\r\n0\r\nX-Trailer: 1\r\n\r\n",
       1},
      {"no token", form_request("a=b"), 1},
      {"percent escapes", form_request("x=%26&token=%75nknow%6E"), 1},
      {"GET", "GET /introspect?token=x HTTP/1.1\r\nHost: localhost\r\n\r\n", 1},
      {"two lengths", head + "Content-Length: 13\r\nContent-Length: 13\r\n\r\n", 1},
      {"a folded line", head + "X-A: 1\r\n 2\r\n\r\n", 1},
      {"a space before the colon", head + "Content-Length : 13\r\n\r\n", 1},
      {"a bare CR", head + "X-A: 1\rX-B: 2\r\n\r\n", 1},
      {"a bad chunk", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 1},
      {"a framing trailer",
       head + "Transfer-Encoding: chunked\r\n\r\nd\r\ntoken=unknown\r\n0\r\nContent-Length: 5\r\n\r\n", 1},
      {"a method without a target", "BAD\r\n\r\n", 1},
      {"HTTP/1.2", "POST /introspect HTTP/1.2\r\nHost: localhost\r\n\r\n", 1},
      {"an error after a hit", introspection(token) + "POST /introspect HTTP/1.1\r\nno colon\r\n\r\n", 2},
  };
}

void check_every_cut(DaemonUnderTest& daemon, const Example& example) {
  INFO(example.name);
  HttpConnection whole = daemon.connect();
  REQUIRE(whole.send_raw(example.bytes));
  const std::string expected = responses(whole, example.responses);
  REQUIRE(expected.starts_with("HTTP/1.1 "));
  for (std::size_t first = 1; first < example.bytes.size(); first += kSideBySide) {
    std::vector<HttpConnection> connections;
    const std::size_t end = std::min(first + kSideBySide, example.bytes.size());
    for (std::size_t cut = first; cut < end; ++cut) {
      connections.push_back(daemon.connect());
      REQUIRE(connections.back().send_raw(std::string_view(example.bytes).substr(0, cut)));
    }
    ::poll(nullptr, 0, 20);  // the daemon reads all the first parts
    for (std::size_t cut = first; cut < end; ++cut) {
      // An error may have been answered, and the connection closed, by the first part alone.
      connections[cut - first].send_raw(std::string_view(example.bytes).substr(cut));
    }
    for (std::size_t cut = first; cut < end; ++cut) {
      INFO("cut at ", cut);
      CHECK(responses(connections[cut - first], example.responses) == expected);
    }
  }
}

TEST_CASE("splits: a request cut at any byte gets the same response bytes (I26)") {
  DaemonUnderTest daemon;
  const std::string token = daemon.as.mint();
  REQUIRE(is_active(daemon.introspect(token)));
  daemon.introspect("unknown");
  for (const Example& example : examples(token)) check_every_cut(daemon, example);
}

TEST_CASE("splits: a request sent byte by byte gets the same response bytes (I26)") {
  DaemonUnderTest daemon;
  const std::string token = daemon.as.mint();
  REQUIRE(is_active(daemon.introspect(token)));
  daemon.introspect("unknown");
  const std::vector<Example> all = examples(token);
  std::vector<HttpConnection> connections;
  std::vector<std::string> expected;
  std::size_t longest = 0;
  for (const Example& example : all) {
    HttpConnection whole = daemon.connect();
    REQUIRE(whole.send_raw(example.bytes));
    expected.push_back(responses(whole, example.responses));
    connections.push_back(daemon.connect());
    longest = std::max(longest, example.bytes.size());
  }
  for (std::size_t at = 0; at < longest; ++at) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (at < all[i].bytes.size()) connections[i].send_raw(std::string_view(all[i].bytes).substr(at, 1));
    }
    ::poll(nullptr, 0, 2);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    INFO(all[i].name);
    CHECK(responses(connections[i], all[i].responses) == expected[i]);
  }
}

}  // namespace
}  // namespace introspectd::blackbox
