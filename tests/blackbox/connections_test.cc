// Connections: order, cuts, closing, patience (F30 to F40, F45, I25, I26, I30).
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <vector>

#include "blackbox/daemon_under_test.h"

namespace introspectd::blackbox {
namespace {

using support::after;

const std::string kMalformed = "POST /introspect HTTP/1.1\r\nno colon\r\n\r\n";

std::string answer_of(HttpConnection& connection) {
  const auto response = connection.receive();
  REQUIRE_MESSAGE(response.has_value(), (response ? "" : response.error()));
  return response->body;
}

TEST_CASE("connections: pipelined requests are answered in order, hits and misses mixed (F30, F31, I25)") {
  DaemonUnderTest daemon;
  daemon.as.set_faults({.delay = 20ms});
  for (const int count : {16, 17, 200}) {
    INFO(count);
    std::vector<std::string> bodies;
    std::string bytes;
    for (int i = 0; i < count; ++i) {
      const std::string token =
          "t" + std::to_string(count) + "-" + std::to_string(i / 2);  // each asked twice
      bodies.push_back(R"({"active":true,"n":")" + token + "\"}");
      daemon.as.put(token, bodies.back());
      bytes += introspection(token);
    }
    HttpConnection connection = daemon.connect();
    REQUIRE(connection.send_raw(bytes));
    for (const std::string& body : bodies) CHECK(answer_of(connection) == body);
    CHECK(connection.stays_open_for(20ms));
  }
}

TEST_CASE("connections: nothing is interpreted after Connection: close (F32, STD 7.12)") {
  DaemonUnderTest daemon;
  HttpConnection connection = daemon.connect();
  REQUIRE(connection.send_raw(introspection("a", "Connection: close\r\n") + introspection("b")));
  CHECK(answer_of(connection) == kInactive);
  CHECK(connection.peer_closes());
  CHECK(daemon.as.introspections_of("b") == 0);
}

TEST_CASE("connections: nothing is interpreted after an error (I25)") {
  DaemonUnderTest daemon;
  HttpConnection connection = daemon.connect();
  REQUIRE(connection.send_raw(kMalformed + introspection("b")));
  const auto response = connection.receive();
  REQUIRE(response.has_value());
  CHECK(response->status == 400);
  CHECK(connection.peer_closes());
  CHECK(daemon.as.introspections_of("b") == 0);
}

TEST_CASE("connections: what came before an error in the pipeline is answered first (I25)") {
  DaemonUnderTest daemon;
  daemon.as.set_faults({.delay = 50ms});
  HttpConnection connection = daemon.connect();
  REQUIRE(connection.send_raw(introspection("a") + kMalformed));
  CHECK(answer_of(connection) == kInactive);
  const auto response = connection.receive();
  REQUIRE(response.has_value());
  CHECK(response->status == 400);
  CHECK(connection.peer_closes());
}

TEST_CASE("connections: a slow header or body is 408 (F33)") {
  DaemonUnderTest daemon({.listen = "header_timeout = \"300ms\"\n"});
  const std::string whole = introspection("a");
  for (const std::size_t part : {std::size_t{10}, whole.find("\r\n\r\n") + 2, whole.size() - 1}) {
    INFO(part);
    const support::SteadyTime begin = std::chrono::steady_clock::now();
    HttpConnection connection = daemon.connect();
    REQUIRE(connection.send_raw(whole.substr(0, part)));
    const auto response = connection.receive();
    REQUIRE_MESSAGE(response.has_value(), (response ? "" : response.error()));
    CHECK(response->status == 408);
    CHECK(connection.peer_closes());
    CHECK(std::chrono::steady_clock::now() - begin >= 190ms);  // deadlines are looked at ten times a second
  }
  CHECK(daemon.as.counts().introspections == 0);
}

TEST_CASE("connections: a header that trickles is cut at the same time as one that stalls (F33)") {
  DaemonUnderTest daemon({.listen = "header_timeout = \"300ms\"\n"});
  HttpConnection connection = daemon.connect();
  const std::string whole = introspection("a");
  std::string received;
  const support::SteadyTime begin = std::chrono::steady_clock::now();
  for (const char c : whole) {
    if (!connection.send_raw(std::string_view(&c, 1))) break;
    if (support::receive_some(connection.socket(), received, after(20ms)) != support::Received::kTimedOut)
      break;
  }
  CHECK(received.starts_with("HTTP/1.1 408 "));
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
}

TEST_CASE("connections: an idle connection is closed without a word (F34)") {
  DaemonUnderTest daemon({.listen = "idle_timeout = \"1s\"\n"});
  HttpConnection fresh = daemon.connect();
  HttpConnection used = daemon.connect();
  REQUIRE(used.send_raw(introspection("a")));
  CHECK(answer_of(used) == kInactive);
  CHECK(used.stays_open_for(500ms));
  CHECK(used.peer_closes());
  CHECK(fresh.peer_closes());
}

TEST_CASE("connections: a caller that does not read is let go, and its memory with it (F35)") {
  DaemonUnderTest daemon({.listen = "write_timeout = \"500ms\"\n"});
  daemon.as.put("big", R"({"active":true,"x":")" + std::string(8000, 'x') + "\"}");
  HttpConnection connection = daemon.connect();
  std::string bytes;
  for (int i = 0; i < 2000; ++i) bytes += introspection("big");  // 16 MB of answers
  const bool all_taken = support::send_all(connection.socket(), bytes, after(3s));
  pollfd item{connection.socket().get(), POLLHUP, 0};
  CHECK((!all_taken || ::poll(&item, 1, 5000) == 1));
  CHECK(daemon.answers());
}

TEST_CASE("connections: half-closed after the request, answered and closed, as Apache's modules do (F36)") {
  DaemonUnderTest daemon;
  daemon.as.set_faults({.delay = 50ms});
  for (const bool over_tcp : {false, true}) {
    HttpConnection connection = over_tcp ? daemon.connect_tcp() : daemon.connect();
    REQUIRE(connection.send_raw(introspection(
        "a", "Authorization: " + support::basic_credentials("orders", "orders-secret") + "\r\n")));
    connection.half_close();
    CHECK(answer_of(connection) == kInactive);
    CHECK(connection.peer_closes());
  }
}

TEST_CASE("connections: a caller that vanishes while it waits harms nobody (F37, F38, I30)") {
  DaemonUnderTest daemon;
  const std::string token = daemon.as.mint();
  daemon.as.set_faults({.delay = 300ms});
  HttpConnection patient = daemon.connect();
  const std::string request = introspection(
      token, "Authorization: " + support::basic_credentials("orders", "orders-secret") + "\r\n");
  std::vector<HttpConnection> vanishing;
  for (int i = 0; i < 20; ++i) {
    vanishing.push_back(i % 2 == 0 ? daemon.connect() : daemon.connect_tcp());
    REQUIRE(vanishing.back().send_raw(request));
  }
  REQUIRE(patient.send_raw(request));
  ::poll(nullptr, 0, 50);
  for (HttpConnection& connection : vanishing) connection.reset();
  const auto response = patient.receive();
  REQUIRE_MESSAGE(response.has_value(), (response ? "" : response.error()));
  CHECK(is_active(*response));
  CHECK(daemon.as.introspections_of(token) == 1);
  CHECK(daemon.answers());
}

TEST_CASE("connections: a caller that vanishes before its answers are written harms nobody (F37)") {
  DaemonUnderTest daemon;
  std::string bytes;
  for (int i = 0; i < 50; ++i) bytes += introspection("a");
  for (int i = 0; i < 20; ++i) {
    HttpConnection connection = i % 2 == 0 ? daemon.connect() : daemon.connect_tcp();
    REQUIRE(connection.send_raw(bytes));
    connection.reset();
  }
  CHECK(daemon.answers());
}

TEST_CASE("connections: an unlisted uid is refused before its token is read (F40)") {
  DaemonUnderTest daemon({.listen = "unix_allow_uid = [54321]\n"});
  const auto refused = [&daemon](std::string_view body) {
    HttpConnection connection = daemon.connect();
    connection.send_raw(form_request(body));
    const auto response = connection.receive();
    return response ? without_date(*response) : "closed";
  };
  const std::string first = refused("token=a");
  CHECK(first.starts_with("HTTP/1.1 403 "));
  CHECK(first.find(R"("error":"access_denied")") != std::string::npos);
  CHECK(refused("token=b") == first);
  CHECK(refused("nonsense") == first);
  CHECK(daemon.as.counts().introspections == 0);
}

TEST_CASE("connections: one uid has so many connections and no more; other peers are unaffected (F39)") {
  DaemonUnderTest daemon({.listen = "max_connections_per_uid = 4\n"});
  daemon.introspect("a");
  std::vector<HttpConnection> connections;
  for (int i = 0; i < 4; ++i) {
    connections.push_back(daemon.connect());
    REQUIRE(connections.back().send_raw(introspection("a")));
    CHECK(answer_of(connections.back()) == kInactive);
  }
  HttpConnection fifth = daemon.connect();
  fifth.send_raw(introspection("a"));
  CHECK(fifth.peer_closes());
  HttpConnection other = daemon.connect_tcp();
  REQUIRE(other.send_raw(introspection(
      "a", "Authorization: " + support::basic_credentials("orders", "orders-secret") + "\r\n")));
  CHECK(answer_of(other) == kInactive);
  connections.pop_back();
  const support::SteadyTime deadline = after(10s);
  bool answered = false;
  while (!answered && std::chrono::steady_clock::now() < deadline) {
    HttpConnection next = daemon.connect();
    answered = next.send_raw(introspection("a")) && next.receive().has_value();
  }
  CHECK(answered);
}

TEST_CASE("connections: descriptors passed over the socket are not kept (F45)") {
  DaemonUnderTest daemon;
  CHECK(daemon.answers());
  const auto count = [&daemon] {
    std::size_t fds = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(daemon.pid()) + "/fd")) {
      fds += entry.path().empty() ? 0U : 1U;
    }
    return fds;
  };
  HttpConnection connection = daemon.connect();
  const std::string request = introspection("a");
  REQUIRE(connection.send_raw(request));
  CHECK(answer_of(connection) == kInactive);
  const std::size_t before = count();
  for (int i = 0; i < 20; ++i) {
    const int passed = 0;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    std::string bytes = request;
    iovec part{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof passed);
    std::memcpy(CMSG_DATA(item), &passed, sizeof passed);
    REQUIRE(::sendmsg(connection.socket().get(), &message, MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
    CHECK(answer_of(connection) == kInactive);
  }
  CHECK(count() == before);
}

}  // namespace
}  // namespace introspectd::blackbox
