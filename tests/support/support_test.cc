// The support code itself: a demo server that lies, or a client that overlooks something, would make every
// other test worthless.
#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "support/demo_as.h"
#include "support/demo_as_answers.h"
#include "support/http_client.h"
#include "support/process.h"

namespace introspectd::support {
namespace {

using namespace std::chrono_literals;

HttpResponse ask(const DemoAs& server, HttpRequest request, std::string_view secret = "node-secret") {
  if (!secret.empty()) request.fields.emplace_back("Authorization", basic_credentials("node", secret));
  HttpConnection connection = HttpConnection::tcp(server.port());
  const auto answer = connection.ask(request);
  REQUIRE_MESSAGE(answer.has_value(), (answer ? "" : answer.error()));
  return *answer;
}

HttpRequest about(const std::string& target, std::string_view token) {
  return form_post(target, form_parameter("token", token));
}

TEST_CASE("demo_as: a token is active until it is revoked, an unknown one never (STD 1.08, 4.02)") {
  DemoAs server;
  REQUIRE(server.start());
  const std::string token = server.mint();
  CHECK(ask(server, about("/introspect", token)).body.starts_with(R"({"active":true,)"));
  CHECK(ask(server, about("/introspect", "unknown")).body == R"({"active":false})");
  CHECK(ask(server, about("/revoke", "unknown")).status == 200);
  CHECK(ask(server, about("/revoke", token)).status == 200);
  CHECK(ask(server, about("/introspect", token)).body == R"({"active":false})");
  CHECK(server.counts().introspections == 3);
  CHECK(server.counts().revocations == 2);
  CHECK(server.introspections_of(token) == 2);
}

TEST_CASE("demo_as: the node must show who it is, by Basic or in the body (STD 1.10, 2.01, 2.03)") {
  DemoAs server("p@ss%w/+ &=");
  REQUIRE(server.start());
  const std::string token = server.mint();
  const HttpResponse refused = ask(server, about("/introspect", token), "wrong");
  CHECK(refused.status == 401);
  CHECK(!refused.field("www-authenticate").empty());
  CHECK(ask(server, about("/introspect", token), "").status == 401);
  CHECK(ask(server, about("/introspect", token), "p@ss%w/+ &=").status == 200);
  HttpRequest in_body = about("/introspect", token);
  in_body.body += "&client_id=node&" + form_parameter("client_secret", "p@ss%w/+ &=");
  CHECK(ask(server, in_body, "").status == 200);
  CHECK(server.counts().refused_clients == 2);
}

TEST_CASE("demo_as: client_credentials gives a token that introspects as active") {
  DemoAs server;
  REQUIRE(server.start());
  HttpRequest request = form_post("/token", "grant_type=client_credentials");
  request.fields.emplace_back("Authorization", basic_credentials("app", "app-secret"));
  const HttpResponse issued = ask(server, request, "");
  CHECK(issued.status == 200);
  constexpr std::string_view kKey = R"("access_token":")";
  const std::size_t at = issued.body.find(kKey) + kKey.size();
  const std::string token = issued.body.substr(at, issued.body.find('"', at) - at);
  CHECK(ask(server, about("/introspect", token)).body.starts_with(R"({"active":true,)"));
}

TEST_CASE("demo_as: a lagging replica goes on saying active for as long as it was told (F80)") {
  DemoAs server;
  REQUIRE(server.start());
  const std::string token = server.mint();
  server.set_faults({.replica_lag = 200ms});
  CHECK(ask(server, about("/revoke", token)).status == 200);
  CHECK(ask(server, about("/introspect", token)).body.starts_with(R"({"active":true,)"));
  ::poll(nullptr, 0, 250);
  CHECK(ask(server, about("/introspect", token)).body == R"({"active":false})");
}

TEST_CASE("demo_as: delays, failures and idle closes come as ordered") {
  DemoAs server;
  REQUIRE(server.start());
  server.set_faults({.delay = 100ms, .fail_status = 503});
  const SteadyTime begin = std::chrono::steady_clock::now();
  CHECK(ask(server, about("/introspect", "a")).status == 503);
  CHECK(std::chrono::steady_clock::now() - begin >= 100ms);
  server.set_faults({.idle_close = 50ms});
  HttpConnection idle = HttpConnection::tcp(server.port());
  CHECK(idle.peer_closes());
  server.set_faults({.hang = true});
  HttpConnection waiting = HttpConnection::tcp(server.port());
  REQUIRE(waiting.send_raw(about("/introspect", "a").bytes()));
  CHECK(waiting.stays_open_for(100ms));
}

TEST_CASE("demo_as: a script is played reply by reply, trickling and resetting") {
  DemoAs server;
  REQUIRE(server.start());
  const std::string reply = http_response(200, "application/json", "{}");
  server.script(
      {ScriptedReply{reply, {}, {}, 1ms, 1}, ScriptedReply{"", ScriptedReply::End::kReset, {}, {}, 1}});
  CHECK(ask(server, about("/introspect", "a")).raw == reply);
  HttpConnection reset = HttpConnection::tcp(server.port());
  REQUIRE(reset.send_raw(about("/introspect", "a").bytes()));
  CHECK(reset.peer_closes());
  CHECK(ask(server, about("/introspect", "a")).body == R"({"active":false})");
}

TEST_CASE("demo_as: after a stop nobody answers, after a start on the same port the tokens are known") {
  DemoAs server;
  REQUIRE(server.start());
  const std::string token = server.mint();
  const std::uint16_t port = server.port();
  server.stop();
  CHECK(!HttpConnection::tcp(port).connected());
  REQUIRE(server.start(port));
  CHECK(ask(server, about("/introspect", token)).body.starts_with(R"({"active":true,)"));
}

TEST_CASE("http_client: reads what is framed by length or chunks, one response at a time") {
  const Fd listener = listen_on_loopback(0);
  HttpConnection client = HttpConnection::tcp(port_of(listener));
  const Fd server(::accept(listener.get(), nullptr, nullptr));
  REQUIRE(send_all(server,
                   "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A:  b \r\nContent-Length: 2\r\n\r\nab"
                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\ncd\r\n1\r\ne\r\n0\r\n\r\n",
                   after(1s)));
  CHECK(client.receive()->status == 100);
  const auto second = client.receive();
  CHECK(second->body == "ab");
  CHECK(second->field("x-a") == "b");
  CHECK(client.receive()->body == "cde");
  CHECK(client.stays_open_for(20ms));
}

TEST_CASE("http_client: a response cut short is no response") {
  const Fd listener = listen_on_loopback(0);
  HttpConnection client = HttpConnection::tcp(port_of(listener));
  {
    const Fd server(::accept(listener.get(), nullptr, nullptr));
    REQUIRE(send_all(server, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", after(1s)));
  }
  CHECK(!client.receive().has_value());
}

TEST_CASE("http_client: credentials are form-encoded before base64 (STD 2.01)") {
  CHECK(basic_credentials("svc:node 1", "p@ss%w/\xC3\xB6+") ==
        "Basic c3ZjJTNBbm9kZSsxOnAlNDBzcyUyNXclMkYlQzMlQjYlMkI=");
}

TEST_CASE("process: a child is ended and reaped, and its output kept") {
  TempDir directory;
  pid_t pid = 0;
  {
    auto child = Process::start(
        {{"/bin/sh", "-c", "echo $GREETING; exec sleep 60"}, directory.file("out"), {{"GREETING", "hello"}}});
    REQUIRE(child.has_value());
    pid = child->pid();
    CHECK(child->running());
    while (read_file(directory.file("out")).empty()) ::poll(nullptr, 0, 5);
    CHECK(child->stop(5s));
  }
  CHECK(read_file(directory.file("out")) == "hello\n");
  CHECK(::kill(pid, 0) == -1);
}

TEST_CASE("process: a child that ignores SIGTERM is killed") {
  TempDir directory;
  auto child = Process::start(
      {{"/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"}, directory.file("out"), {}});
  REQUIRE(child.has_value());
  while (read_file(directory.file("out")).empty()) ::poll(nullptr, 0, 5);
  const pid_t pid = child->pid();
  CHECK(!child->stop(50ms));
  CHECK(::kill(pid, 0) == -1);
}

TEST_CASE("process: a temporary directory takes its files along, which are private") {
  std::string path;
  {
    TempDir directory;
    path = directory.path();
    REQUIRE(write_file(directory.file("secret"), "x"));
    struct stat status {};
    REQUIRE(::stat(directory.file("secret").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600U);
  }
  CHECK(::access(path.c_str(), F_OK) == -1);
}

}  // namespace
}  // namespace introspectd::support
