// The upstream's connections: kept, shared with nobody, died, spoilt, limited, given up and given back.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/io/upstream_client.h"

namespace introspectd::io {

TEST_CASE("curl_upstream: calls one after another use one connection; the cookie is not sent back (F82)") {
  std::vector<std::string> seen;
  ScriptedServer server([&seen](ScriptedConnection& connection) {
    for (;;) {
      std::string request = connection.read_request();
      if (request.empty()) return;
      seen.push_back(std::move(request));
      connection.send(json_reply("{}", "Set-Cookie: session=1\r\n"));
    }
  });
  Client client(server.url());
  for (int i = 0; i < 5; ++i) CHECK(client.ask("token=" + std::to_string(i)).outcome == TransportOutcome::kOk);
  CHECK(server.connections() == 1);
  client.upstream.reset();
  server.stop();
  REQUIRE(seen.size() == 5);
  for (const std::string& request : seen) CHECK(request.find("ookie") == std::string::npos);
  CHECK(seen.back().ends_with("\r\n\r\ntoken=4"));
}

TEST_CASE("curl_upstream: an idle connection that closes as we write: one send, kIdleConnectionDied (F78)") {
  std::atomic<int> requests = 0;
  const ScriptedServer server([&requests](ScriptedConnection& connection) {
    if (connection.read_request().empty()) return;
    ++requests;
    connection.send(json_reply("{}"));
    if (connection.number() != 0) return;
    // Takes the second request and closes without a byte.
    if (!connection.read_request().empty()) ++requests;
  });
  Client client(server.url());
  CHECK(client.ask().outcome == TransportOutcome::kOk);
  CHECK(client.ask().outcome == TransportOutcome::kIdleConnectionDied);
  client.rest(50ms);
  CHECK(requests == 2);
  CHECK(server.connections() == 1);  // nor was a second connection made
  CHECK(client.ask("token=t", {.fresh = true}).outcome == TransportOutcome::kOk);
  CHECK(requests == 3);
  CHECK(server.connections() == 2);
}

TEST_CASE("curl_upstream: the same by a reset (F78)") {
  std::atomic<int> requests = 0;
  const ScriptedServer server([&requests](ScriptedConnection& connection) {
    if (connection.read_request().empty()) return;
    ++requests;
    connection.send(json_reply("{}"));
    if (!connection.read_request().empty()) ++requests;
    connection.reset();
  });
  Client client(server.url());
  CHECK(client.ask().outcome == TransportOutcome::kOk);
  CHECK(client.ask().outcome == TransportOutcome::kIdleConnectionDied);
  CHECK(requests == 2);
}

TEST_CASE("curl_upstream: with other idle connections in the pool the request still goes out once (F78)") {
  std::atomic<int> requests = 0;
  std::atomic<bool> die = false;
  const ScriptedServer server([&](ScriptedConnection& connection) {
    for (;;) {
      if (connection.read_request().empty()) return;
      ++requests;
      if (die) return;
      while (requests < 4) std::this_thread::sleep_for(1ms);  // so that the calls overlap and get a connection each
      connection.send(json_reply("{}"));
    }
  });
  Client client(server.url());
  std::vector<std::optional<UpstreamReply>> replies(4);
  std::vector<ports::PendingToken> tokens;
  for (auto& reply : replies) tokens.push_back(client.post("token=t", reply, {}));
  REQUIRE(run_until(client.loop, [&] {
    return std::all_of(replies.begin(), replies.end(), [](const auto& reply) { return reply.has_value(); });
  }));
  CHECK(server.connections() == 4);
  die = true;
  CHECK(client.ask().outcome == TransportOutcome::kIdleConnectionDied);
  client.rest(50ms);
  CHECK(requests == 5);
}

TEST_CASE("curl_upstream: a connection that the server closed while idle is not used (F78)") {
  std::atomic<int> closed = 0;
  const ScriptedServer server([&closed](ScriptedConnection& connection) {
    if (connection.read_request().empty()) return;
    connection.send(json_reply("{}"));
    ::shutdown(connection.fd(), SHUT_RDWR);
    ++closed;
  });
  Client client(server.url());
  for (int i = 0; i < 3; ++i) {
    CHECK(client.ask().outcome == TransportOutcome::kOk);
    REQUIRE(run_until(client.loop, [&] { return closed == i + 1; }));
    client.rest(20ms);
  }
  CHECK(server.connections() == 3);
}

TEST_CASE("curl_upstream: bytes behind the reply are never the next call's reply (F74)") {
  // In the same segment, and a moment later.
  const std::string forged = json_reply("{\"active\":true,\"forged\":1}");
  for (const int delay_ms : {0, 10}) {
    for (const std::string& honest :
         {json_reply("{\"active\":false}"),
          std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"active\":false}\r\n0\r\n\r\n")}) {
      std::atomic<int> sent = 0;
      const ScriptedServer server([&](ScriptedConnection& connection) {
        while (!connection.read_request().empty()) {
          if (delay_ms == 0) {
            connection.send(honest + forged);
          } else {
            connection.send(honest);
            std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
            connection.send(forged);
          }
          ++sent;
        }
      });
      Client client(server.url());
      for (int i = 0; i < 3; ++i) {
        CHECK(client.ask().body == "{\"active\":false}");
        REQUIRE(run_until(client.loop, [&] { return sent == i + 1; }));
        client.rest(20ms);
      }
      // libcurl drops what came in one read with a reply of known length; else the connection carried one call only.
      if (delay_ms != 0) CHECK(server.connections() == 3);
    }
  }
}

TEST_CASE("curl_upstream: a reply before the request was sent is never used (F73)") {
  std::atomic<bool> sent = false;
  const ScriptedServer server([&sent](ScriptedConnection& connection) {
    if (connection.number() == 0) {
      connection.read_request();
      connection.send(json_reply("{\"active\":false}"));
      // The answer to a question not yet asked, while the connection is idle.
      std::this_thread::sleep_for(10ms);
      connection.send(json_reply("{\"active\":true}"));
      sent = true;
      connection.wait_for_close();
      return;
    }
    connection.read_request();
    connection.send(json_reply("{\"active\":false}"));
  });
  Client client(server.url());
  CHECK(client.ask().body == "{\"active\":false}");
  REQUIRE(run_until(client.loop, [&] { return sent.load(); }));
  client.rest(20ms);
  CHECK(client.ask().body == "{\"active\":false}");
  CHECK(server.connections() == 2);
}

TEST_CASE("curl_upstream: destroying the token cancels: no callback, the connection is closed") {
  std::atomic<bool> asked = false;
  std::atomic<bool> closed = false;
  const ScriptedServer server([&](ScriptedConnection& connection) {
    asked = !connection.read_request().empty();
    closed = asked && connection.wait_for_close();
  });
  Client client(server.url());
  std::optional<UpstreamReply> reply;
  auto token = client.post("token=t", reply, {});
  REQUIRE(run_until(client.loop, [&] { return asked.load(); }));
  token.reset();
  REQUIRE(run_until(client.loop, [&] { return closed.load(); }));
  CHECK_FALSE(reply.has_value());
}

TEST_CASE("curl_upstream: a token may be destroyed before the call began to connect, and inside another's callback") {
  const ScriptedServer server(always(json_reply("{}")));
  Client client(server.url());
  std::optional<UpstreamReply> none;
  client.post("token=a", none, {}).reset();

  ports::PendingToken second;
  bool first_done = false;
  ports::UpstreamCall call;
  call.timeout = 1s;
  const auto first = client.upstream->post(std::move(call), [&](UpstreamReply) {
    first_done = true;
    second.reset();
  });
  second = client.post("token=b", none, {.authorization = ""});
  REQUIRE(run_until(client.loop, [&] { return first_done; }));
  client.rest(30ms);
}

TEST_CASE("curl_upstream: a callback may post again, and may destroy the upstream") {
  const ScriptedServer server(always(json_reply("{}")));
  Client client(server.url());
  bool second_done = false;
  ports::PendingToken second;
  ports::UpstreamCall call;
  call.timeout = 1s;
  const auto first = client.upstream->post(std::move(call), [&](UpstreamReply) {
    ports::UpstreamCall again;
    again.timeout = 1s;
    second = client.upstream->post(std::move(again), [&](UpstreamReply) {
      second_done = true;
      client.upstream.reset();
    });
    CHECK_FALSE(second_done);
  });
  REQUIRE(run_until(client.loop, [&] { return second_done; }));
  CHECK_FALSE(client.upstream.has_value());
}

TEST_CASE("curl_upstream: neither two authorization servers nor two credentials share a connection (I15)") {
  const ScriptedServer server(always(json_reply("{}")));
  Client client({server.url(), server.url()});
  CHECK(client.ask("token=t", {.server = 0, .authorization = "Basic YQ=="}).outcome == TransportOutcome::kOk);
  CHECK(client.ask("token=t", {.server = 1, .authorization = "Basic YQ=="}).outcome == TransportOutcome::kOk);
  CHECK(server.connections() == 2);
  CHECK(client.ask("token=t", {.server = 0, .authorization = "Basic Yg=="}).outcome == TransportOutcome::kOk);
  CHECK(server.connections() == 3);
  CHECK(client.ask("token=t", {.server = 0, .authorization = "Basic YQ=="}).outcome == TransportOutcome::kOk);
  CHECK(server.connections() == 3);
}

TEST_CASE("curl_upstream: a new configuration retires the old connections; calls in flight end on theirs (I50)") {
  const ScriptedServer server([](ScriptedConnection& connection) {
    while (!connection.read_request().empty()) {
      std::this_thread::sleep_for(30ms);
      connection.send(json_reply("{}"));
    }
  });
  Client client(server.url());
  CHECK(client.ask().outcome == TransportOutcome::kOk);
  std::optional<UpstreamReply> in_flight;
  const auto token = client.post("token=t", in_flight, {});
  REQUIRE(client.upstream->configure({{.introspection_url = server.url()}}).has_value());
  CHECK(client.ask().outcome == TransportOutcome::kOk);
  REQUIRE(run_until(client.loop, [&] { return in_flight.has_value(); }));
  CHECK(in_flight->outcome == TransportOutcome::kOk);
  CHECK(server.connections() == 2);
}

TEST_CASE("curl_upstream: calls beyond max_connections wait their turn; waiting counts against their time-out") {
  const ScriptedServer server([](ScriptedConnection& connection) {
    while (!connection.read_request().empty()) {
      std::this_thread::sleep_for(20ms);
      connection.send(json_reply("{}"));
    }
  });
  Client client(server.url());
  REQUIRE(client.upstream->configure({{.introspection_url = server.url(), .max_connections = 2}}).has_value());
  std::vector<std::optional<UpstreamReply>> replies(10);
  std::optional<UpstreamReply> hasty;
  std::optional<UpstreamReply> given_up;
  std::vector<ports::PendingToken> tokens;
  for (auto& reply : replies) tokens.push_back(client.post("token=t", reply, {}));
  tokens.push_back(client.post("token=h", hasty, {.timeout = 30ms}));
  client.post("token=g", given_up, {}).reset();  // cancelled while it waits
  REQUIRE(run_until(client.loop, [&] {
    return std::all_of(replies.begin(), replies.end(), [](const auto& reply) { return reply.has_value(); });
  }));
  for (const auto& reply : replies) CHECK(reply->outcome == TransportOutcome::kOk);
  CHECK(server.connections() == 2);
  REQUIRE(hasty.has_value());
  CHECK(hasty->outcome == TransportOutcome::kTimedOut);
  CHECK_FALSE(given_up.has_value());
}

TEST_CASE("curl_upstream: a call that is cancelled makes room for one that waits") {
  const ScriptedServer server([](ScriptedConnection& connection) {
    const std::string request = connection.read_request();
    if (request.ends_with("token=slow")) {
      connection.wait_for_close();
    } else if (!request.empty()) {
      connection.send(json_reply("{}"));
    }
  });
  Client client(server.url());
  REQUIRE(client.upstream->configure({{.introspection_url = server.url(), .max_connections = 1}}).has_value());
  std::optional<UpstreamReply> slow;
  std::optional<UpstreamReply> quick;
  ports::PendingToken slow_token = client.post("token=slow", slow, {});
  const auto quick_token = client.post("token=quick", quick, {});
  client.rest(30ms);
  CHECK_FALSE(quick.has_value());
  slow_token.reset();
  REQUIRE(run_until(client.loop, [&] { return quick.has_value(); }));
  CHECK(quick->outcome == TransportOutcome::kOk);
}

TEST_CASE("curl_upstream: an idle pool closes its connections after five seconds and opens new ones (I36)") {
  const ScriptedServer server(always(json_reply("{}")));
  Client client(server.url());
  const std::size_t before = open_fds();
  CHECK(client.ask().outcome == TransportOutcome::kOk);
  client.rest(5'200ms);
  CHECK(open_fds() <= before);
  CHECK(client.ask().outcome == TransportOutcome::kOk);
  CHECK(server.connections() == 2);
}

TEST_CASE("curl_upstream: connections that are not needed any more are closed while others are used (I36)") {
  std::atomic<int> open = 0;
  const ScriptedServer server([&open](ScriptedConnection& connection) {
    ++open;
    while (!connection.read_request().empty()) {
      std::this_thread::sleep_for(30ms);   // so that calls made together need a connection each
      if (!connection.send(json_reply("{}"))) break;
    }
    --open;
  });
  Client client(server.url());
  std::vector<std::optional<UpstreamReply>> replies(4);
  std::vector<ports::PendingToken> tokens;
  for (auto& reply : replies) tokens.push_back(client.post("token=t", reply, {}));
  REQUIRE(run_until(client.loop, [&] { return std::ranges::all_of(replies, [](const auto& r) { return r.has_value(); }); }));
  CHECK(open == 4);
  for (int i = 0; i < 11; ++i) {
    CHECK(client.ask().outcome == TransportOutcome::kOk);
    client.rest(400ms);
  }
  CHECK(open == 1);
  CHECK(server.connections() == 4);
}

TEST_CASE("curl_upstream: a reset is no end of a body that ends with the connection (RFC 9112 8)") {
  CHECK(outcome_of([](ScriptedConnection& connection) {
          if (connection.read_request().empty()) return;
          connection.send("HTTP/1.1 200 OK\r\n\r\n{}");
          std::this_thread::sleep_for(20ms);
          connection.reset();
        }) == TransportOutcome::kBadReply);
}

TEST_CASE("curl_upstream: a connection takes three descriptors at most, as the daemon reckons") {
  const ScriptedServer server(always(json_reply("{}")));
  Client client(server.url());
  const std::size_t before = open_fds();
  CHECK(client.ask().outcome == TransportOutcome::kOk);
  CHECK(open_fds() <= before + 3 + 1);   // and the server's end
}

TEST_CASE("curl_upstream: fds come back when the pool has been idle, and when the upstream goes (I36)") {
  const ScriptedServer server([](ScriptedConnection& connection) {
    while (!connection.read_request().empty()) connection.send(json_reply("{}"));
  });
  const std::size_t before = open_fds();
  {
    Client client(server.url());
    CHECK(client.ask().outcome == TransportOutcome::kOk);
    CHECK(open_fds() > before);
  }
  // The server's end closes on its own thread.
  for (int i = 0; i < 500 && open_fds() != before; ++i) std::this_thread::sleep_for(10ms);
  CHECK(open_fds() == before);
}

}  // namespace introspectd::io
