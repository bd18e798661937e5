// Purges by sid alone at an AS whose answers have no sid (STD 5.29): ignored and counted, or on_unmappable = "flush".
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "service_world.h"

namespace introspectd::service {
namespace {

using oauth::Signal;
using testing::request_for;
using testing::ServiceWorld;
using testing::upstream_reply;
using testing::Wire;

struct Story {
  explicit Story(bool flush) { world.settings.authorization_servers[0].events.flush_when_unmappable = flush; }

  // How many calls it took to answer.
  std::size_t ask(const std::string& token, std::string_view claims) {
    const std::size_t before = world.upstream.calls.size();
    world.arrive(wire, request_for(token));
    for (std::size_t i = before; i < world.upstream.calls.size(); ++i) {
      world.answer(i, upstream_reply(200, R"({"active":true,"iat":1799999000)" + std::string(claims) + "}"));
    }
    return world.upstream.calls.size() - before;
  }
  void log_out(const std::string& sid) {
    Signal logout;
    logout.kind = oauth::SignalKind::kLogout;
    logout.match.sid = sid;
    logout.event_time = 1'799'999'000;
    world.node->purger().apply(0, {&logout, 1}, true);
    world.loop.run_posted();
  }
  std::uint64_t counted() { return world.node->figures().purges.unmappable_sids; }

  ServiceWorld world;
  Wire& wire = world.connect();
};

}  // namespace

TEST_CASE("unmappable sid: flush asks everything again, and stores nothing while the AS may go on saying active") {
  Story story(true);
  CHECK(story.ask("t", "") == 1);
  CHECK(story.ask("t", "") == 0);
  story.log_out("s1");
  CHECK(story.counted() == 1);
  CHECK(story.ask("t", "") == 1);
  CHECK(story.ask("t", "") == 1);
  story.world.loop.advance(std::chrono::seconds{11});
  CHECK(story.ask("t", "") == 1);
  CHECK(story.ask("t", "") == 0);
}

TEST_CASE("unmappable sid: ignore touches nothing, and counts") {
  Story story(false);
  CHECK(story.ask("t", "") == 1);
  story.log_out("s1");
  CHECK(story.counted() == 1);
  CHECK(story.ask("t", "") == 0);
}

TEST_CASE("unmappable sid: where answers have a sid a logout of one session touches no other, whatever the policy") {
  Story story(true);
  CHECK(story.ask("t", R"(,"sid":"s1")") == 1);
  CHECK(story.ask("u", R"(,"sid":"s2")") == 1);
  story.log_out("s1");
  CHECK(story.counted() == 0);
  CHECK(story.ask("u", R"(,"sid":"s2")") == 0);
  CHECK(story.ask("t", R"(,"sid":"s1")") == 1);
}

TEST_CASE("unmappable sid: before the first answer, after a restart too, what is under way is not stored (I2)") {
  Story story(true);
  Wire& asking = story.world.connect();
  story.world.arrive(asking, request_for("t"));
  story.log_out("s1");
  story.world.answer(0, upstream_reply(200, R"({"active":true,"iat":1799999000})"));
  CHECK(story.counted() == 1);
  CHECK(story.ask("t", "") == 1);   // the older answer was not kept
}

}  // namespace introspectd::service
