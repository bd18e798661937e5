// Requests that arrive together are made ready together; what comes back is as if each had come alone.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "service_world.h"

namespace introspectd::service {
namespace {

using testing::replies_in;
using testing::request_for;
using testing::ServiceWorld;
using testing::Wire;

// The status lines and bodies of the replies, in order: `200 {"active":false}`.
std::vector<std::string> replies_of(std::string_view written) {
  std::vector<std::string> replies;
  for (std::size_t at = 0; (at = written.find("HTTP/1.1 ", at)) != std::string_view::npos;) {
    const std::size_t body = written.find("\r\n\r\n", at) + 4;
    const std::size_t next = written.find("HTTP/1.1 ", at + 1);
    replies.push_back(std::string(written.substr(at + 9, 3)) + " " + std::string(written.substr(body, next - body)));
    at = next == std::string_view::npos ? written.size() : next;
  }
  return replies;
}

std::string active(std::string_view sub) { return R"({"active":true,"sub":")" + std::string(sub) + "\"}"; }

// Tokens a and b are in the cache; the connection has proven its caller.
struct Filled {
  Filled() : wire(world.connect()) {
    world.arrive(wire, request_for("a"));
    world.answer(0, testing::upstream_reply(200, active("a")));
    world.arrive(wire, request_for("b"));
    world.answer(1, testing::upstream_reply(200, active("b")));
    wire.written.clear();
  }
  std::vector<std::string> after(const std::string& requests) {
    world.arrive(wire, requests);
    return replies_of(wire.written);
  }
  ServiceWorld world;
  Wire& wire;
};

std::string with(std::string text, std::string_view from, std::string_view to) {
  text.replace(text.find(from), from.size(), to);
  return text;
}

}  // namespace

TEST_CASE("batch: replies are those of the requests, in their order, also when a reply is awaited between (I25)") {
  Filled filled;
  const std::string hits = request_for("a") + request_for("b") + request_for("b") + request_for("a");
  CHECK(filled.after(hits) ==
        std::vector<std::string>{"200 " + active("a"), "200 " + active("b"), "200 " + active("b"), "200 " + active("a")});
  filled.wire.written.clear();
  CHECK(filled.after(request_for("a") + request_for("new") + request_for("b")) ==
        std::vector<std::string>{"200 " + active("a")});
  CHECK(filled.world.upstream.calls.size() == 3);
  filled.world.answer(2, testing::upstream_reply(200, active("new")));
  CHECK(replies_of(filled.wire.written) ==
        std::vector<std::string>{"200 " + active("a"), "200 " + active("new"), "200 " + active("b")});
}

TEST_CASE("batch: a caller that is not the connection's is judged by itself, and those behind it again (I28)") {
  Filled filled;
  const std::string stranger = with(request_for("b"), "b3JkZXJzOnNlY3JldA==", "b3JkZXJzOndyb25nISE=");
  const auto replies = filled.after(request_for("a") + stranger + request_for("b") + stranger + request_for("a"));
  REQUIRE(replies.size() == 5);
  CHECK(replies[0] == "200 " + active("a"));
  CHECK(replies[1].starts_with("401 "));
  CHECK(replies[2] == "200 " + active("b"));
  CHECK(replies[3].starts_with("401 "));
  CHECK(replies[4] == "200 " + active("a"));
  CHECK(filled.world.upstream.calls.size() == 2);
}

TEST_CASE("batch: requests of other shapes between them are answered as they are alone") {
  const std::string chunked = with(with(request_for("a"), "Content-Length: 7", "Transfer-Encoding: chunked"),
                                   "\r\n\r\ntoken=a", "\r\n\r\n7\r\ntoken=a\r\n0\r\n\r\n");
  const std::string escaped = with(with(request_for("b"), "Content-Length: 7", "Content-Length: 9"), "token=b", "token=%62");
  const std::string expects = with(request_for("b"), "Content-Length", "Expect: 100-continue\r\nContent-Length");
  const std::string missing = with(request_for("b"), "token=b", "other=b");
  const std::string lost = with(request_for("b"), "/introspect", "/nowhere/at");
  for (const auto& [odd, status] : std::vector<std::pair<std::string, std::string>>{
           {chunked, "200 " + active("a")}, {escaped, "200 " + active("b")}, {expects, "100 "}, {missing, "400 "},
           {lost, "404 "}}) {
    Filled filled;
    const auto replies = filled.after(request_for("a") + odd + request_for("b"));
    INFO("between: " << odd);
    REQUIRE(replies.size() == (status == "100 " ? 4 : 3));
    CHECK(replies[0] == "200 " + active("a"));
    CHECK(replies[1].starts_with(status));
    CHECK(replies.back() == "200 " + active("b"));
  }
}

TEST_CASE("batch: what is revoked while a batch waits is not served from it (I1, I5)") {
  Filled filled;
  filled.after(request_for("new") + request_for("a") + request_for("b"));
  REQUIRE(filled.wire.written.empty());
  filled.world.node->cache().purge_token(cache::hash_token("a"), 0, false, true, filled.world.loop.now());
  filled.world.answer(2, testing::upstream_reply(200, active("new")));
  CHECK(replies_of(filled.wire.written) ==
        std::vector<std::string>{"200 " + active("new"), R"(200 {"active":false})", "200 " + active("b")});
}

}  // namespace introspectd::service
