// What the tests of the upstream share: a client with its loop, and the scripts that most servers play.
// Threads: the test's.  Errors: a call that never ends fails the test.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/curl_upstream.h"
#include "io/signals.h"
#include "tests/unit/io/loop_fixture.h"
#include "tests/unit/io/scripted_server.h"

namespace introspectd::io {

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
inline ScriptedServer::Script always(std::string reply) {
  return [reply = std::move(reply)](ScriptedConnection& connection) {
    while (!connection.read_request().empty()) {
      if (!connection.send(reply)) return;
    }
  };
}

// Plays `reply` once and closes.
inline ScriptedServer::Script once(std::string reply) {
  return [reply = std::move(reply)](ScriptedConnection& connection) {
    if (!connection.read_request().empty()) connection.send(reply);
  };
}

inline TransportOutcome outcome_of(ScriptedServer::Script script) {
  const ScriptedServer server(std::move(script));
  Client client(server.url());
  return client.ask().outcome;
}

}  // namespace introspectd::io
