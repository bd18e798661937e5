// The upstream's other endpoints: the keys, the poll and the verification request, and that they keep to themselves.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/io/upstream_client.h"

namespace introspectd::io {
namespace {

using ports::UpstreamEndpoint;

// A client of one authorization server that has every endpoint at the server's own paths.
struct EventClient {
  UvLoop loop;
  Resolver resolver{loop};
  std::optional<CurlUpstream> upstream{std::in_place, loop, resolver, "introspectd/test"};

  explicit EventClient(const ScriptedServer& server, unsigned max_connections = 32) {
    ignore_sigpipe();  // as main does
    REQUIRE(upstream->configure({{.introspection_url = server.url("/introspect"),
                                  .revocation_url = server.url("/revoke"),
                                  .keys_url = server.url("/jwks"),
                                  .poll_url = server.url("/poll"),
                                  .verification_url = server.url("/verify"),
                                  .max_connections = max_connections}}));
  }

  ports::PendingToken post(UpstreamEndpoint endpoint, const std::string& body, std::optional<UpstreamReply>& reply,
                           Duration timeout = 3s) {
    ports::UpstreamCall call;
    call.endpoint = endpoint;
    call.authorization = Secret("Bearer stream");
    call.body = Secret(body);
    call.timeout = timeout;
    return upstream->post(std::move(call), [&reply](UpstreamReply r) { reply = std::move(r); });
  }
  UpstreamReply ask(UpstreamEndpoint endpoint, const std::string& body = {}, Duration timeout = 3s) {
    std::optional<UpstreamReply> reply;
    const auto token = post(endpoint, body, reply, timeout);
    REQUIRE(run_until(loop, [&] { return reply.has_value(); }));
    return *reply;
  }
};

std::string path_of(const std::string& request) {
  const std::size_t begin = request.find(' ') + 1;
  return request.substr(begin, request.find(' ', begin) - begin);
}

bool has_line(const std::string& request, const std::string& line) {
  return request.find("\r\n" + line + "\r\n") != std::string::npos;
}

UpstreamReply answer_to(UpstreamEndpoint endpoint, std::string reply) {
  const ScriptedServer server(once(std::move(reply)));
  EventClient client(server);
  return client.ask(endpoint, "{}");
}

std::string unannounced(const std::string& body) { return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body; }

}  // namespace

TEST_CASE("upstream_endpoints: keys are a GET without a body, and say how long they may be kept (STD 3.15)") {
  std::string seen;
  ScriptedServer server([&seen](ScriptedConnection& connection) {
    seen = connection.read_request();
    connection.send(json_reply("{\"keys\":[]}", "Cache-Control: public\r\nCache-Control: max-age=600\r\n"));
  });
  EventClient client(server);
  const UpstreamReply reply = client.ask(UpstreamEndpoint::kKeys, "not sent");
  CHECK(reply.outcome == TransportOutcome::kOk);
  CHECK(reply.body == "{\"keys\":[]}");
  CHECK(reply.cache_control == "public, max-age=600");
  client.upstream.reset();
  server.stop();
  CHECK(seen.starts_with("GET /jwks HTTP/1.1\r\n"));
  CHECK(has_line(seen, "Accept: application/json, application/jwk-set+json"));
  CHECK(seen.find("Content-") == std::string::npos);
  CHECK(seen.ends_with("\r\n\r\n"));
}

TEST_CASE("upstream_endpoints: a GET stays a GET on a connection that is used again") {
  std::vector<std::string> seen;
  ScriptedServer server([&seen](ScriptedConnection& connection) {
    for (std::string request = connection.read_request(); !request.empty(); request = connection.read_request()) {
      seen.push_back(std::move(request));
      connection.send(json_reply("{}"));
    }
  });
  EventClient client(server);
  for (int i = 0; i < 3; ++i) CHECK(client.ask(UpstreamEndpoint::kKeys).outcome == TransportOutcome::kOk);
  client.upstream.reset();
  server.stop();
  CHECK(server.connections() == 1);
  REQUIRE(seen.size() == 3);
  for (const std::string& request : seen) CHECK(request.starts_with("GET /jwks HTTP/1.1\r\n"));
}

TEST_CASE("upstream_endpoints: polls and verification POST JSON with the stream's credential (RFC 8936 2.4)") {
  for (const auto& [endpoint, path] : {std::pair(UpstreamEndpoint::kPoll, "/poll"),
                                       std::pair(UpstreamEndpoint::kVerification, "/verify")}) {
    CAPTURE(path);
    std::string seen;
    ScriptedServer server([&seen](ScriptedConnection& connection) {
      seen = connection.read_request();
      connection.send(json_reply("{\"sets\":{}}"));
    });
    EventClient client(server);
    CHECK(client.ask(endpoint, "{\"maxEvents\":10}").body == "{\"sets\":{}}");
    client.upstream.reset();
    server.stop();
    CHECK(seen.starts_with(std::string("POST ") + path + " HTTP/1.1\r\n"));
    CHECK(has_line(seen, "Content-Type: application/json"));
    CHECK(has_line(seen, "Accept: application/json"));
    CHECK(has_line(seen, "Authorization: Bearer stream"));
    CHECK(seen.ends_with("\r\n\r\n{\"maxEvents\":10}"));
  }
}

TEST_CASE("upstream_endpoints: 204 is a reply with its status, and its connection goes on (SSF 8.1.4.2)") {
  const ScriptedServer server(always("HTTP/1.1 204 No Content\r\n\r\n"));
  EventClient client(server);
  for (int i = 0; i < 2; ++i) {
    const UpstreamReply reply = client.ask(UpstreamEndpoint::kVerification, "{\"stream_id\":\"1\"}");
    CHECK(reply.outcome == TransportOutcome::kOk);
    CHECK(reply.status == 204);
    CHECK(reply.body.empty());
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("upstream_endpoints: each endpoint has its own cap on the reply, at it and one past it (F53)") {
  constexpr std::size_t kKiB = 1024;
  for (const auto& [endpoint, most] :
       {std::pair(UpstreamEndpoint::kIntrospection, 64 * kKiB), std::pair(UpstreamEndpoint::kRevocation, 64 * kKiB),
        std::pair(UpstreamEndpoint::kKeys, 256 * kKiB), std::pair(UpstreamEndpoint::kPoll, 1024 * kKiB),
        std::pair(UpstreamEndpoint::kVerification, 64 * kKiB)}) {
    CAPTURE(most);
    const std::string at_limit(most, 'x');
    const UpstreamReply whole = answer_to(endpoint, json_reply(at_limit));
    CHECK(whole.outcome == TransportOutcome::kOk);
    CHECK(whole.body.size() == most);
    CHECK(answer_to(endpoint, unannounced(at_limit)).outcome == TransportOutcome::kOk);
    CHECK(answer_to(endpoint, json_reply(at_limit + "x")).outcome == TransportOutcome::kTooLarge);
    CHECK(answer_to(endpoint, unannounced(at_limit + "x")).outcome == TransportOutcome::kTooLarge);
  }
}

TEST_CASE("upstream_endpoints: the caps of calls that share a handle do not mix") {
  const ScriptedServer server([](ScriptedConnection& connection) {
    for (std::string request = connection.read_request(); !request.empty(); request = connection.read_request()) {
      connection.send(json_reply(std::string(65'537, 'x')));
    }
  });
  EventClient client(server);
  CHECK(client.ask(UpstreamEndpoint::kPoll, "{}").outcome == TransportOutcome::kOk);
  CHECK(client.ask(UpstreamEndpoint::kVerification, "{}").outcome == TransportOutcome::kTooLarge);
  CHECK(client.ask(UpstreamEndpoint::kPoll, "{}").outcome == TransportOutcome::kOk);
}

TEST_CASE("upstream_endpoints: a long poll takes none of the introspections' connections") {
  std::atomic<bool> release = false;
  std::atomic<int> polls = 0;
  const ScriptedServer server([&](ScriptedConnection& connection) {
    for (std::string request = connection.read_request(); !request.empty(); request = connection.read_request()) {
      if (path_of(request) == "/poll") {
        ++polls;
        while (!release) std::this_thread::sleep_for(5ms);
      }
      connection.send(json_reply("{}"));
    }
  });
  EventClient client(server, 1);  // one connection for introspections, and the polls have the same credential
  std::vector<std::optional<UpstreamReply>> held(CurlUpstream::kMaxEventConnections);
  std::vector<ports::PendingToken> tokens;
  for (auto& reply : held) tokens.push_back(client.post(UpstreamEndpoint::kPoll, "{}", reply));
  REQUIRE(run_until(client.loop, [&] { return polls == static_cast<int>(held.size()); }));
  for (int i = 0; i < 3; ++i) {
    CHECK(client.ask(UpstreamEndpoint::kIntrospection, "token=t").outcome == TransportOutcome::kOk);
    CHECK(client.ask(UpstreamEndpoint::kKeys).outcome == TransportOutcome::kOk);
  }
  for (const auto& reply : held) CHECK_FALSE(reply);
  // One past the limit of such connections waits for one of them.
  std::optional<UpstreamReply> waiting;
  const auto token = client.post(UpstreamEndpoint::kVerification, "{}", waiting, 100ms);
  REQUIRE(run_until(client.loop, [&] { return waiting.has_value(); }));
  CHECK(waiting->outcome == TransportOutcome::kTimedOut);
  release = true;
  REQUIRE(run_until(client.loop, [&] {
    return std::all_of(held.begin(), held.end(), [](const auto& reply) { return reply.has_value(); });
  }));
  for (const auto& reply : held) CHECK(reply->outcome == TransportOutcome::kOk);
}

TEST_CASE("upstream_endpoints: a poll that is silent for long is no failure; its own time-out ends it") {
  const ScriptedServer server([](ScriptedConnection& connection) {
    connection.read_request();
    if (connection.wait_for_close(2)) return;
    connection.send(json_reply("{\"sets\":{}}"));
    connection.wait_for_close();
  });
  EventClient client(server);
  CHECK(client.ask(UpstreamEndpoint::kPoll, "{}", 100ms).outcome == TransportOutcome::kTimedOut);
  CHECK(client.ask(UpstreamEndpoint::kPoll, "{}", 4s).body == "{\"sets\":{}}");
}

TEST_CASE("upstream_endpoints: polls in turn use one connection; a dead one is told and not asked twice (F78)") {
  std::atomic<int> requests = 0;
  const ScriptedServer server([&requests](ScriptedConnection& connection) {
    while (!connection.read_request().empty()) {
      if (++requests == 3) return;  // the third finds its connection closed under it
      connection.send(json_reply("{}"));
    }
  });
  EventClient client(server);
  CHECK(client.ask(UpstreamEndpoint::kPoll, "{}").outcome == TransportOutcome::kOk);
  CHECK(client.ask(UpstreamEndpoint::kPoll, "{}").outcome == TransportOutcome::kOk);
  CHECK(client.ask(UpstreamEndpoint::kPoll, "{}").outcome == TransportOutcome::kIdleConnectionDied);
  CHECK(requests == 3);
  CHECK(server.connections() == 1);
}

TEST_CASE("upstream_endpoints: a poll that is given up closes its connection, and its answer goes nowhere") {
  std::atomic<bool> begun = false;
  std::atomic<bool> closed = false;
  const ScriptedServer server([&](ScriptedConnection& connection) {
    connection.read_request();
    begun = true;
    closed = connection.wait_for_close();
  });
  EventClient client(server);
  std::optional<UpstreamReply> reply;
  auto token = client.post(UpstreamEndpoint::kPoll, "{}", reply);
  REQUIRE(run_until(client.loop, [&] { return begun.load(); }));
  token.reset();
  REQUIRE(run_until(client.loop, [&] { return closed.load(); }));
  CHECK_FALSE(reply);
}

TEST_CASE("upstream_endpoints: an endpoint that is not configured is refused, in a later turn") {
  const ScriptedServer server(always(json_reply("{}")));
  UvLoop loop;
  Resolver resolver(loop);
  CurlUpstream upstream(loop, resolver);
  REQUIRE(upstream.configure({{.introspection_url = server.url()}}));
  for (const UpstreamEndpoint endpoint : {UpstreamEndpoint::kRevocation, UpstreamEndpoint::kKeys,
                                          UpstreamEndpoint::kPoll, UpstreamEndpoint::kVerification}) {
    std::optional<UpstreamReply> reply;
    ports::UpstreamCall call;
    call.endpoint = endpoint;
    call.timeout = 1s;
    const auto token = upstream.post(std::move(call), [&reply](UpstreamReply r) { reply = std::move(r); });
    CHECK_FALSE(reply);
    REQUIRE(run_until(loop, [&] { return reply.has_value(); }));
    CHECK(reply->outcome == TransportOutcome::kRefused);
  }
  CHECK(server.connections() == 0);
}

TEST_CASE("upstream_endpoints: every URL is held to https off loopback, and a wrong one leaves what was (F4)") {
  const ScriptedServer server(always(json_reply("{}")));
  EventClient client(server);
  const std::string far = "http://as.example.com/x";
  AuthorizationServerEndpoints keys{.introspection_url = server.url(), .keys_url = far};
  AuthorizationServerEndpoints poll{.introspection_url = server.url(), .poll_url = far};
  AuthorizationServerEndpoints verification{.introspection_url = server.url(), .verification_url = far};
  for (const auto& wrong : {keys, poll, verification}) {
    const auto refused = client.upstream->configure({wrong});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().find(far) != std::string::npos);
  }
  CHECK(client.ask(UpstreamEndpoint::kPoll, "{}").outcome == TransportOutcome::kOk);
}

}  // namespace introspectd::io
