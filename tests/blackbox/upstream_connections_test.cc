// The connection to the authorization server: slow, silent, dying, lying (F74 to F80, I31, I32), and what is
// sent on it.
#include <doctest/doctest.h>
#include <poll.h>

#include <set>
#include <vector>

#include "blackbox/daemon_under_test.h"
#include "support/demo_as_answers.h"

namespace introspectd::blackbox {
namespace {

using support::ScriptedReply;

constexpr std::string_view kShort = "connect_timeout = \"200ms\"\ntimeout = \"400ms\"\n";

TEST_CASE("upstream connections: what is asked is one plain POST (STD 1.26, 2.01)") {
  DaemonUnderTest daemon;
  CHECK(daemon.introspect("a").body == kInactive);
  const support::DemoAsRequest request = daemon.as.last_introspection();
  CHECK(request.method == "POST");
  CHECK(request.query.empty());
  CHECK(request.fields.at("accept") == "application/json");
  CHECK(request.fields.at("content-type") == "application/x-www-form-urlencoded");
  CHECK(request.fields.at("authorization") == support::basic_credentials("node", "node-secret"));
  CHECK(!request.fields.contains("expect"));
  CHECK(!request.fields.contains("accept-encoding"));
  CHECK(request.form.at("token") == "a");
  CHECK(!request.form.contains("token_type_hint"));
}

TEST_CASE("upstream connections: a caller's hint is neither forwarded nor part of the key (STD 1.02)") {
  DaemonUnderTest daemon;
  for (const std::string_view hint : {"", "&token_type_hint=refresh_token", "&token_type_hint=nonsense"}) {
    HttpConnection connection = daemon.connect();
    REQUIRE(connection.send_raw(form_request("token=a" + std::string(hint))));
    const auto response = connection.receive();
    REQUIRE(response.has_value());
    CHECK(response->body == kInactive);
  }
  CHECK(daemon.as.counts().introspections == 1);
  CHECK(!daemon.as.last_introspection().form.contains("token_type_hint"));
}

TEST_CASE("upstream connections: never answered is 504 (F77)") {
  DaemonUnderTest daemon({.upstream = std::string(kShort)});
  daemon.as.set_faults({.hang = true});
  const HttpResponse response = daemon.introspect("a");
  CHECK(response.status == 504);
  CHECK(error_of(response) == "upstream_timeout");
}

TEST_CASE("upstream connections: a byte at a time is 504 (F76)") {
  DaemonUnderTest daemon({.upstream = std::string(kShort)});
  ScriptedReply trickle{
      support::http_response(200, "application/json", R"({"active":true})"), {}, {}, 50ms, -1};
  daemon.as.script({trickle});
  const HttpResponse response = daemon.introspect("a");
  CHECK(response.status == 504);
  CHECK(error_of(response) == "upstream_timeout");
}

TEST_CASE("upstream connections: refused is 503 and fresh hits go on (F84)") {
  DaemonUnderTest daemon;
  const std::string token = daemon.as.mint();
  REQUIRE(is_active(daemon.introspect(token)));
  daemon.as.stop();
  const HttpResponse response = daemon.introspect("a");
  CHECK(response.status == 503);
  CHECK(error_of(response) == "temporarily_unavailable");
  CHECK(!response.field("retry-after").empty());
  CHECK(is_active(daemon.introspect(token)));
  REQUIRE(daemon.as.start(daemon.as.port()));
  const support::SteadyTime deadline = support::after(30s);
  while (daemon.introspect("b").status != 200 && std::chrono::steady_clock::now() < deadline)
    ::poll(nullptr, 0, 50);
  CHECK(daemon.introspect("b").body == kInactive);
}

TEST_CASE("upstream connections: one that died idle is replaced without a word (F78)") {
  DaemonUnderTest daemon;
  daemon.as.set_faults({.idle_close = 30ms});
  for (int i = 0; i < 10; ++i) {
    CHECK(is_active(daemon.introspect(daemon.as.mint())));
    ::poll(nullptr, 0, 25 + i * 2);
  }
}

TEST_CASE("upstream connections: closed after every answer works (F78)") {
  DaemonUnderTest daemon;
  ScriptedReply closing{support::http_response(200, "application/json", R"({"active":true})"),
                        ScriptedReply::End::kClose,
                        {},
                        {},
                        -1};
  daemon.as.script({closing});
  for (const std::string_view token : {"a", "b", "c", "d"}) CHECK(is_active(daemon.introspect(token)));
  CHECK(daemon.as.counts().introspections == 4);
}

TEST_CASE(
    "upstream connections: closed or reset instead of an answer is tried once more, not often (F78, I33)") {
  for (const auto end : {ScriptedReply::End::kClose, ScriptedReply::End::kReset}) {
    DaemonUnderTest daemon;
    daemon.as.script({ScriptedReply{"", end, {}, {}, -1}});
    const HttpResponse response = daemon.introspect("a");
    CHECK(response.status >= 502);
    CHECK(!error_of(response).empty());
    CHECK(daemon.as.introspections_of("a") <= 2);
  }
}

TEST_CASE("upstream connections: bytes that nobody asked for never answer the next token (F73, F74)") {
  const std::string stray = support::http_response(200, "application/json", R"({"active":true,"stray":1})");
  SUBCASE("sent while the connection is idle") {
    DaemonUnderTest daemon;
    CHECK(daemon.introspect("first").body == kInactive);
    daemon.as.send_on_idle_connections(stray);
    ::poll(nullptr, 0, 50);
    CHECK(daemon.introspect("second").body == kInactive);
  }
  SUBCASE("sent right behind an answer") {
    DaemonUnderTest daemon;
    ScriptedReply twice{
        support::http_response(200, "application/json", R"({"active":false})") + stray, {}, {}, {}, 1};
    daemon.as.script({twice});
    CHECK(daemon.introspect("first").body == kInactive);
    CHECK(daemon.introspect("second").body == kInactive);
    CHECK(daemon.introspect("third").body == kInactive);
  }
}

TEST_CASE("upstream connections: too many questions at once are refused at once, hits go on (F79, I32)") {
  DaemonUnderTest daemon({.upstream = "max_in_flight = 4\n", .caller = "max_in_flight = 4\n"});
  const std::string token = daemon.as.mint();
  REQUIRE(is_active(daemon.introspect(token)));
  daemon.as.set_faults({.delay = 500ms});
  const std::string as_orders =
      "Authorization: " + support::basic_credentials("orders", "orders-secret") + "\r\n";
  std::vector<HttpConnection> connections;
  for (int i = 0; i < 20; ++i) {
    connections.push_back(daemon.connect());
    REQUIRE(connections.back().send_raw(introspection("t" + std::to_string(i), as_orders)));
  }
  const support::SteadyTime begin = std::chrono::steady_clock::now();
  CHECK(is_active(daemon.introspect(token)));
  CHECK(std::chrono::steady_clock::now() - begin < 400ms);
  int answered = 0;
  int refused = 0;
  for (HttpConnection& connection : connections) {
    const auto response = connection.receive();
    REQUIRE_MESSAGE(response.has_value(), (response ? "" : response.error()));
    answered += response->status == 200 ? 1 : 0;
    refused += response->status == 503 && error_of(*response) == "temporarily_unavailable" ? 1 : 0;
  }
  CHECK(answered == 4);
  CHECK(refused == 16);
}

TEST_CASE("upstream connections: a lagging replica does not bring a revoked token back (F80, I4)") {
  DaemonUnderTest daemon;
  const std::string token = daemon.as.mint();
  daemon.as.set_faults({.replica_lag = 600s});
  REQUIRE(is_active(daemon.introspect(token)));
  const HttpResponse revoked =
      daemon.ask(support::form_post("/revoke", support::form_parameter("token", token)));
  CHECK(revoked.status == 200);
  CHECK(daemon.as.counts().revocations == 1);
  for (int i = 0; i < 3; ++i) CHECK(daemon.introspect(token).body == kInactive);
  CHECK(daemon.as.introspections_of(token) == 1);
}

TEST_CASE(
    "upstream connections: what becomes of a revocation that the server refuses or cannot take (STD 4.06)") {
  DaemonUnderTest daemon;
  const std::string token = daemon.as.mint();
  const HttpRequest revocation = support::form_post("/revoke", support::form_parameter("token", token));
  REQUIRE(is_active(daemon.introspect(token)));
  daemon.as.set_faults({.revoke_fail_status = 400});
  const HttpResponse refused = daemon.ask(revocation);
  CHECK(refused.status == 400);
  CHECK(is_active(daemon.introspect(token)));  // it lives, and was asked about again
  CHECK(daemon.as.introspections_of(token) == 2);
  daemon.as.set_faults({.revoke_fail_status = 500});
  const HttpResponse failed = daemon.ask(revocation);
  CHECK(failed.status == 503);
  CHECK(!failed.field("retry-after").empty());
  CHECK(daemon.introspect(token).body == kInactive);
  CHECK(daemon.as.introspections_of(token) == 2);
}

TEST_CASE(
    "upstream connections: a revocation needs a caller, a form and a token as well (F15, F16, F19, I28)") {
  DaemonUnderTest daemon;
  CHECK(daemon.ask(support::form_post("/revoke", "")).status == 400);
  CHECK(daemon.ask(support::form_post("/revoke", "token=a&token=b")).status == 400);
  HttpRequest get;
  get.method = "GET";
  get.target = "/revoke";
  CHECK(daemon.ask(get).status == 405);
  HttpConnection stranger = daemon.connect_tcp();
  const auto refused = stranger.ask(support::form_post("/revoke", "token=a"));
  REQUIRE(refused.has_value());
  CHECK(refused->status == 401);
  CHECK(daemon.as.counts().revocations == 0);
}

}  // namespace
}  // namespace introspectd::blackbox
