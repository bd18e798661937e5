// The admin socket's purges: through the inbox, in one turn, answered when they are done.
#include "service/admin.h"

#include <doctest/doctest.h>

#include <string>

#include "service_world.h"

namespace introspectd::service {
namespace {

using testing::ServiceWorld;
using testing::Wire;
using testing::request_for;
using testing::upstream_reply;

struct AdminWorld : ServiceWorld {
  Wire& wire = wires.emplace_back();

  AdminWorld() {
    ports::Peer operator_peer;
    operator_peer.is_unix = true;
    node->accept_admin(std::make_unique<testing::WireStream>(wire, operator_peer));
    loop.run_posted();
  }
  std::string post(std::string_view path, std::string_view body) {
    const std::string text = "POST " + std::string(path) +
                             " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    wire.written.clear();
    arrive(wire, text);
    return wire.written;
  }
  // A token of this person, cached.
  void cache(std::string_view token, std::string_view sub) {
    Wire& caller = connect();
    arrive(caller, request_for(token));
    answer(upstream.calls.size() - 1,
           upstream_reply(200, R"({"active":true,"iat":1799999000,"exp":1900000000,"sub":")" + std::string(sub) + R"("})"));
    CHECK(caller.written.find("\"active\":true") != std::string::npos);
  }
  // "true", "false", or "asked".
  std::string ask(std::string_view token) {
    const std::size_t calls = upstream.calls.size();
    Wire& caller = connect();
    arrive(caller, request_for(token));
    if (upstream.calls.size() != calls) return "asked";
    return caller.written.find("\"active\":true") != std::string::npos ? "true" : "false";
  }
};

}  // namespace

TEST_CASE_FIXTURE(AdminWorld, "admin: a purge by sub reaches that person's tokens and no others (I1)") {
  cache("one", "alice");
  cache("two", "bob");
  const std::string reply = post("/purge", R"({"sub":"alice"})");
  CHECK(reply.rfind("HTTP/1.1 200", 0) == 0);
  CHECK(reply.find(R"({"purged":true,"purges":1,"authorization_servers":["main"]})") != std::string::npos);
  CHECK(ask("one") == "asked");
  CHECK(ask("two") == "true");
}

TEST_CASE_FIXTURE(AdminWorld, "admin: a purge that waits says how many records the sweep has dropped") {
  cache("one", "alice");
  cache("two", "alice");
  cache("three", "bob");
  const std::string reply = post("/purge", R"({"sub":"alice","wait":true})");
  CHECK(reply.find(R"("swept":true,"records":2)") != std::string::npos);
}

TEST_CASE_FIXTURE(AdminWorld, "admin: a purge by token says whether it was known") {
  cache("one", "alice");
  CHECK(post("/purge", R"({"token":"one"})").find(R"("known":true)") != std::string::npos);
  CHECK(post("/purge", R"({"token":"never"})").find(R"("known":false)") != std::string::npos);
  CHECK(ask("one") == "false");
}

TEST_CASE_FIXTURE(AdminWorld, "admin: a batch with one mistake changes nothing") {
  cache("one", "alice");
  const std::string reply = post("/purge", R"({"purges":[{"sub":"alice"},{"sub":5}]})");
  CHECK(reply.rfind("HTTP/1.1 400", 0) == 0);
  CHECK(reply.find("purges[1]: sub: expected no number") != std::string::npos);
  CHECK(ask("one") == "true");
}

TEST_CASE_FIXTURE(AdminWorld, "admin: flush takes an authorization server or nothing") {
  cache("one", "alice");
  CHECK(post("/flush", R"({"sub":"alice"})").rfind("HTTP/1.1 400", 0) == 0);
  CHECK(ask("one") == "true");
  CHECK(post("/flush", "").find(R"({"flushed":["main"]})") != std::string::npos);
  CHECK(ask("one") == "asked");
}

}  // namespace introspectd::service
