#include "io/curl_upstream.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "io/listen_socket.h"
#include "io/signals.h"
#include "tests/unit/io/loop_fixture.h"
#include "tests/unit/io/scripted_server.h"
#include "tests/unit/io/temporary_directory.h"

namespace introspectd::io {
namespace {

using ports::TransportOutcome;
using ports::UpstreamReply;

// A loop, a resolver and an upstream with the authorization servers at the given URLs.
struct Client {
  UvLoop loop;
  Resolver resolver{loop};
  std::optional<CurlUpstream> upstream{std::in_place, loop, resolver, "introspectd/test"};

  explicit Client(const std::vector<std::string>& urls) {
    ignore_sigpipe();  // as main does
    std::vector<AuthorizationServerEndpoints> servers;
    for (const std::string& url : urls) servers.push_back({.introspection_url = url, .revocation_url = url});
    REQUIRE(upstream->configure(std::move(servers)).has_value());
  }
  explicit Client(const std::string& url) : Client(std::vector<std::string>{url}) {}

  struct Options {
    std::uint16_t server = 0;
    std::string authorization = "Basic c2VjcmV0";
    bool fresh = false;
    Duration timeout = 3s;
  };
  ports::PendingToken post(const std::string& body, std::optional<UpstreamReply>& reply, const Options& options) {
    ports::UpstreamCall call;
    call.authorization_server = options.server;
    call.authorization = Secret(options.authorization);
    call.body = Secret(body);
    call.fresh_connection = options.fresh;
    call.timeout = options.timeout;
    return upstream->post(std::move(call), [&reply](UpstreamReply r) { reply = std::move(r); });
  }
  UpstreamReply ask(const std::string& body, const Options& options) {
    std::optional<UpstreamReply> reply;
    const auto token = post(body, reply, options);
    CHECK_FALSE(reply.has_value());  // never inside post
    REQUIRE(run_until(loop, [&] { return reply.has_value(); }));
    return *reply;
  }
  UpstreamReply ask(const std::string& body = "token=t") { return ask(body, Options()); }
  void rest(Duration time) {
    const auto end = loop.after(time, [this] { loop.stop(); });
    loop.run();
  }
};

// A server that answers every request of a connection alike.
ScriptedServer::Script always(std::string reply) {
  return [reply = std::move(reply)](ScriptedConnection& connection) {
    while (!connection.read_request().empty()) {
      if (!connection.send(reply)) return;
    }
  };
}

// Plays `reply` once and closes.
ScriptedServer::Script once(std::string reply) {
  return [reply = std::move(reply)](ScriptedConnection& connection) {
    if (!connection.read_request().empty()) connection.send(reply);
  };
}

TransportOutcome outcome_of(ScriptedServer::Script script) {
  const ScriptedServer server(std::move(script));
  Client client(server.url());
  return client.ask().outcome;
}

}  // namespace

TEST_CASE("curl_upstream: a call is one form POST and its reply comes back whole (RFC 7662 2.1)") {
  std::string seen;
  ScriptedServer server([&seen](ScriptedConnection& connection) {
    seen = connection.read_request();
    connection.send(json_reply("{\"active\":true}", "Retry-After: 7\r\nSet-Cookie: a=b\r\n"));
  });
  Client client(server.url("/oauth2/introspect?x=1"));
  const UpstreamReply reply = client.ask("token=2YotnFZFEjr1zCsicMWpAA&token_type_hint=access_token");
  CHECK(reply.outcome == TransportOutcome::kOk);
  CHECK(reply.status == 200);
  CHECK(reply.content_type == "application/json");
  CHECK(reply.retry_after == "7");
  CHECK(reply.body == "{\"active\":true}");
  client.upstream.reset();
  server.stop();
  CHECK(seen.starts_with("POST /oauth2/introspect?x=1 HTTP/1.1\r\n"));
  CHECK(seen.find("\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n") != std::string::npos);
  CHECK(seen.find("\r\nUser-Agent: introspectd/test\r\n") != std::string::npos);
  CHECK(seen.find("\r\nContent-Type: application/x-www-form-urlencoded\r\n") != std::string::npos);
  CHECK(seen.find("\r\nAccept: application/json\r\n") != std::string::npos);
  CHECK(seen.find("\r\nAuthorization: Basic c2VjcmV0\r\n") != std::string::npos);
  CHECK(seen.find("Expect") == std::string::npos);
  CHECK(seen.find("Accept-Encoding") == std::string::npos);
  CHECK(seen.ends_with("\r\n\r\ntoken=2YotnFZFEjr1zCsicMWpAA&token_type_hint=access_token"));
}

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

TEST_CASE("curl_upstream: without a credential there is no Authorization field") {
  std::string seen;
  ScriptedServer server([&seen](ScriptedConnection& connection) {
    seen = connection.read_request();
    connection.send(json_reply("{}"));
  });
  Client client(server.url());
  CHECK(client.ask("token=t", {.authorization = ""}).outcome == TransportOutcome::kOk);
  client.upstream.reset();
  server.stop();
  CHECK(seen.find("uthorization") == std::string::npos);
}

TEST_CASE("curl_upstream: an error status, even a redirect, is a reply like any other (F63, F68, F69)") {
  for (const char* line : {"401 Unauthorized", "429 Too Many Requests", "500 Oops", "302 Found"}) {
    const ScriptedServer server(always("HTTP/1.1 " + std::string(line) +
                                       "\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"));
    Client client(server.url());
    const UpstreamReply reply = client.ask();
    CHECK(reply.outcome == TransportOutcome::kOk);
    CHECK(reply.status == std::stoi(line));
    CHECK(client.ask().outcome == TransportOutcome::kOk);
    CHECK(server.connections() == 1);
  }
}

TEST_CASE("curl_upstream: nobody listens there (F84)") {
  std::string url;
  {
    const ScriptedServer gone([](ScriptedConnection&) {});
    url = gone.url();
  }
  Client client(url);
  CHECK(client.ask().outcome == TransportOutcome::kRefused);
}

TEST_CASE("curl_upstream: a server that accepts and never answers ends at the call's time-out (F77)") {
  const ScriptedServer server([](ScriptedConnection& connection) { connection.wait_for_close(); });
  Client client(server.url());
  const MonoTime begin = client.loop.now().mono;
  CHECK(client.ask("token=t", {.timeout = 100ms}).outcome == TransportOutcome::kTimedOut);
  const Duration took = client.loop.now().mono - begin;
  CHECK(took >= 100ms);
  CHECK(took < 1s);
}

TEST_CASE("curl_upstream: a reply of one byte a second ends at the time-out (F76)") {
  const ScriptedServer server([](ScriptedConnection& connection) {
    if (connection.read_request().empty()) return;
    for (const char byte : json_reply("{\"active\":true}")) {
      if (!connection.send({&byte, 1}) || connection.wait_for_close(1)) return;
    }
  });
  Client client(server.url());
  CHECK(client.ask("token=t", {.timeout = 300ms}).outcome == TransportOutcome::kTimedOut);
  client.upstream.reset();
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
      std::this_thread::sleep_for(30ms);  // so that the calls overlap and get a connection each
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
  const ScriptedServer server(once(json_reply("{}")));
  Client client(server.url());
  for (int i = 0; i < 3; ++i) {
    CHECK(client.ask().outcome == TransportOutcome::kOk);
    client.rest(20ms);
  }
  CHECK(server.connections() == 3);
}

TEST_CASE("curl_upstream: a first connection that ends without a reply is a bad reply, no idle death (F47)") {
  CHECK(outcome_of([](ScriptedConnection& connection) { connection.read_request(); }) == TransportOutcome::kBadReply);
}

TEST_CASE("curl_upstream: what is not HTTP/1.1 is a bad reply (F28, F46)") {
  CHECK(outcome_of(once("{\"active\":true}\n")) == TransportOutcome::kBadReply);
  CHECK(outcome_of(once("220 mail.example ESMTP\r\n")) == TransportOutcome::kBadReply);
  CHECK(outcome_of(once("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}")) == TransportOutcome::kBadReply);
  CHECK(outcome_of(once("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}")) == TransportOutcome::kBadReply);
  CHECK(outcome_of(once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}")) ==
        TransportOutcome::kBadReply);
  CHECK(outcome_of(once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}")) ==
        TransportOutcome::kBadReply);
}

TEST_CASE("curl_upstream: two framings in one reply are a bad reply (RFC 9112 6.3)") {
  CHECK(outcome_of(once("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}")) ==
        TransportOutcome::kBadReply);
  CHECK(outcome_of(once("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "2\r\n{}\r\n0\r\n\r\n")) == TransportOutcome::kBadReply);
  CHECK(outcome_of(once("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")) ==
        TransportOutcome::kBadReply);
}

TEST_CASE("curl_upstream: chunked and read-until-close replies arrive whole") {
  const ScriptedServer chunked(once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"));
  Client to_chunked(chunked.url());
  CHECK(to_chunked.ask().body == "{}");
  const ScriptedServer until_close(once("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}"));
  Client to_until_close(until_close.url());
  CHECK(to_until_close.ask().body == "{}");
}

TEST_CASE("curl_upstream: a body of 64 KiB passes, one byte more does not, announced, chunked or endless (F53)") {
  const std::string at_limit(65'536, 'x');
  const std::string over = at_limit + "x";
  const auto unannounced = [](const std::string& body) { return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body; };
  CHECK(outcome_of(once(json_reply(at_limit))) == TransportOutcome::kOk);
  CHECK(outcome_of(once(json_reply(over))) == TransportOutcome::kTooLarge);
  CHECK(outcome_of(once(unannounced(at_limit))) == TransportOutcome::kOk);
  CHECK(outcome_of(once(unannounced(over))) == TransportOutcome::kTooLarge);
  CHECK(outcome_of([](ScriptedConnection& connection) {
          if (connection.read_request().empty()) return;
          if (!connection.send("HTTP/1.1 200 OK\r\n\r\n")) return;
          while (connection.send(std::string(65'536, 'x'))) {
          }
        }) == TransportOutcome::kTooLarge);
}

TEST_CASE("curl_upstream: a head of 100 lines passes, one more does not (F54)") {
  const auto head = [](int fields) {
    std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
    for (int i = 0; i < fields; ++i) reply += "X-" + std::to_string(i) + ": y\r\n";
    return reply + "\r\n{}";
  };
  // The status line, Content-Length and the empty line count too.
  CHECK(outcome_of(once(head(97))) == TransportOutcome::kOk);
  CHECK(outcome_of(once(head(98))) == TransportOutcome::kBadReply);
}

TEST_CASE("curl_upstream: a head of 32 KiB passes, one byte more does not (F54)") {
  const auto head = [](std::size_t bytes) {
    const std::string begin = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ";
    return begin + std::string(bytes - begin.size() - 4, 'y') + "\r\n\r\n{}";
  };
  CHECK(outcome_of(once(head(32'768))) == TransportOutcome::kOk);
  CHECK(outcome_of(once(head(32'769))) == TransportOutcome::kBadReply);
}

TEST_CASE("curl_upstream: interim replies are passed over, endless ones are not (F54)") {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nContent-Type: text/html\r\nLink: x\r\n\r\n";
  const ScriptedServer server(once(interim + json_reply("{}")));
  Client client(server.url());
  const UpstreamReply reply = client.ask();
  CHECK(reply.outcome == TransportOutcome::kOk);
  CHECK(reply.status == 200);
  CHECK(reply.content_type == "application/json");
  CHECK(outcome_of([&](ScriptedConnection& connection) {
          if (connection.read_request().empty()) return;
          while (connection.send(interim)) {
          }
        }) == TransportOutcome::kBadReply);
}

TEST_CASE("curl_upstream: an encoding nobody asked for is a bad reply (F71)") {
  CHECK(outcome_of(once(json_reply("\x1f\x8b", "Content-Encoding: gzip\r\n"))) == TransportOutcome::kBadReply);
  CHECK(outcome_of(once(json_reply("{}", "Content-Encoding: identity\r\n"))) == TransportOutcome::kOk);
}

TEST_CASE("curl_upstream: bytes behind the reply are never the next call's reply (F74)") {
  // In the same segment, and a moment later.
  const std::string forged = json_reply("{\"active\":true,\"forged\":1}");
  for (const int delay_ms : {0, 10}) {
    for (const std::string& honest :
         {json_reply("{\"active\":false}"),
          std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"active\":false}\r\n0\r\n\r\n")}) {
      const ScriptedServer server([&](ScriptedConnection& connection) {
        while (!connection.read_request().empty()) {
          if (delay_ms == 0) {
            connection.send(honest + forged);
          } else {
            connection.send(honest);
            std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
            connection.send(forged);
          }
        }
      });
      Client client(server.url());
      for (int i = 0; i < 3; ++i) {
        CHECK(client.ask().body == "{\"active\":false}");
        client.rest(30ms);
      }
      // libcurl drops what came in one read with a reply of known length; else the connection carried one call only.
      if (delay_ms != 0) CHECK(server.connections() == 3);
    }
  }
}

TEST_CASE("curl_upstream: a reply before the request was sent is never used (F73)") {
  const ScriptedServer server([](ScriptedConnection& connection) {
    if (connection.number() == 0) {
      connection.read_request();
      connection.send(json_reply("{\"active\":false}"));
      // The answer to a question not yet asked, while the connection is idle.
      std::this_thread::sleep_for(10ms);
      connection.send(json_reply("{\"active\":true}"));
      connection.wait_for_close();
      return;
    }
    connection.read_request();
    connection.send(json_reply("{\"active\":false}"));
  });
  Client client(server.url());
  CHECK(client.ask().body == "{\"active\":false}");
  client.rest(30ms);
  CHECK(client.ask().body == "{\"active\":false}");
  CHECK(server.connections() == 2);
}

TEST_CASE("curl_upstream: destroying the token cancels: no callback, the connection is closed") {
  std::atomic<bool> closed = false;
  const ScriptedServer server([&closed](ScriptedConnection& connection) {
    if (!connection.read_request().empty()) closed = connection.wait_for_close();
  });
  Client client(server.url());
  std::optional<UpstreamReply> reply;
  auto token = client.post("token=t", reply, {});
  client.rest(30ms);
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

TEST_CASE("curl_upstream: a refused configuration changes nothing (F4, I49)") {
  const ScriptedServer server(always(json_reply("{}")));
  Client client(server.url());
  CHECK_FALSE(client.upstream->configure({{.introspection_url = "http://as.example/introspect"}}).has_value());
  CHECK_FALSE(client.upstream->configure({{.introspection_url = "ftp://127.0.0.1/"}}).has_value());
  CHECK_FALSE(client.upstream->configure({{.introspection_url = "https://u:p@as.example/"}}).has_value());
  CHECK(client.ask().outcome == TransportOutcome::kOk);
  CHECK(client.upstream->configure({{.introspection_url = "http://as.example/", .insecure_http_allowed = true}}));
}

TEST_CASE("curl_upstream: a name is resolved once, off the loop (F88)") {
  const ScriptedServer server(always(json_reply("{}")));
  Client client("http://localhost:" + std::to_string(server.port()) + "/introspect");
  CHECK(client.ask().outcome == TransportOutcome::kOk);
  std::vector<std::optional<UpstreamReply>> replies(20);
  std::vector<ports::PendingToken> tokens;
  for (auto& reply : replies) tokens.push_back(client.post("token=t", reply, {.fresh = true}));
  REQUIRE(run_until(client.loop, [&] {
    return std::all_of(replies.begin(), replies.end(), [](const auto& reply) { return reply.has_value(); });
  }));
  for (const auto& reply : replies) CHECK(reply->outcome == TransportOutcome::kOk);
  CHECK(client.resolver.lookups() == 1);
}

TEST_CASE("curl_upstream: a name that does not exist ends as kNotResolved or at the time-out (F88)") {
  Client client("https://no-such-host.invalid/introspect");
  const TransportOutcome outcome = client.ask("token=t", {.timeout = 1s}).outcome;
  CHECK((outcome == TransportOutcome::kNotResolved || outcome == TransportOutcome::kTimedOut));
}

TEST_CASE("curl_upstream: a call to a revocation endpoint that is not there ends as refused") {
  Client client("http://127.0.0.1:9/introspect");
  REQUIRE(client.upstream->configure({{.introspection_url = "http://127.0.0.1:9/introspect"}}).has_value());
  std::optional<UpstreamReply> reply;
  ports::UpstreamCall call;
  call.endpoint = ports::UpstreamEndpoint::kRevocation;
  call.timeout = 1s;
  const auto token = client.upstream->post(std::move(call), [&](UpstreamReply r) { reply = std::move(r); });
  REQUIRE(run_until(client.loop, [&] { return reply.has_value(); }));
  CHECK(reply->outcome == TransportOutcome::kRefused);
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

TEST_CASE("curl_upstream: an authorization server on a Unix socket") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("as");
  auto listening = ListenSocket::unix_path(path, 0600);
  REQUIRE(listening.has_value());
  std::string seen;
  std::thread server([&] {
    pollfd waiting{listening->fd(), POLLIN, 0};
    if (::poll(&waiting, 1, 5'000) != 1) return;
    ScriptedConnection connection(FileDescriptor(::accept4(listening->fd(), nullptr, nullptr, SOCK_CLOEXEC)), 0);
    for (int i = 0; i < 2; ++i) {
      seen = connection.read_request();
      connection.send(json_reply("{}"));
    }
  });
  Client client("http://127.0.0.1:9/");
  REQUIRE(client.upstream
              ->configure({{.introspection_url = "http://as.example/introspect", .unix_socket_path = path}})
              .has_value());
  CHECK(client.ask("token=1").outcome == TransportOutcome::kOk);
  CHECK(client.ask("token=2").outcome == TransportOutcome::kOk);
  server.join();
  CHECK(seen.find("\r\nHost: as.example\r\n") != std::string::npos);
  CHECK(seen.ends_with("token=2"));
  CHECK(client.resolver.lookups() == 0);
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
