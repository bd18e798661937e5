// The upstream's calls: what is sent, what comes back, and what is no reply.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "io/listen_socket.h"
#include "tests/unit/io/temporary_directory.h"
#include "tests/unit/io/upstream_client.h"

namespace introspectd::io {

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

}  // namespace introspectd::io
