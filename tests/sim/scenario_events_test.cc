// Stories of revocation events: logout tokens, SETs and Keycloak actions, pushed and polled, late, repeated, reordered,
// forged; and of keys that change, or come late (F92-F99, I24).
#include <chrono>

#include "service/held_events.h"
#include "service/key_ring.h"
#include "tests/sim/event_story.h"

namespace introspectd::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

Claims by_sub(std::string sub) { return {std::move(sub), "", "", ""}; }

void expect_polled(Simulation& sim, std::size_t waiting_most = 0) {
  sim.pass(seconds{2});
  CHECK(sim.polled_waiting() <= waiting_most);
}

}  // namespace

TEST_CASE("events: after the receiver's 200 no token of the session is active, though the server says so (I1, I4)") {
  Simulation sim(1, event_knobs());
  issue_for(sim, "T");
  issue_for(sim, "offline").offline_access = true;
  issue_for(sim, "other", "bob", "s2");
  for (const char* const token : {"T", "offline", "other"}) CHECK(sim.say(0, token) == "true");
  CHECK(sim.push_and_wait(sim.feed().logout_token("alice", "s1")) == "200");
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.say(1, "T") == "false");
  CHECK(sim.say(0, "offline") == "true");
  CHECK(sim.calls(0, "offline") == 2);
  CHECK(sim.say(0, "other") == "true");
  CHECK(sim.calls(0, "other") == 1);
  expect_clean_end(sim);
}

TEST_CASE("events: global token revocation and a webhook cut off a user, from who may say so (F98, STD 5.33)") {
  Simulation sim(1, event_knobs());
  issue_for(sim, "T");
  issue_for(sim, "other", "bob", "s2");
  for (const char* const token : {"T", "other"}) CHECK(sim.say(0, token) == "true");
  FeedEvent event;
  std::string accepted;
  SUBCASE("global token revocation") {
    event = sim.feed().global_revocation("alice");
    accepted = "204";
  }
  SUBCASE("a webhook") {
    event = sim.feed().webhook("alice");
    accepted = "200";
  }
  CHECK(sim.push_and_wait(sim.feed().forge(event, Forgery::kSignature)) == "401");
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  CHECK(sim.push_and_wait(event) == accepted);
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.say(0, "other") == "true");
  CHECK(sim.calls(0, "other") == 1);
  expect_clean_end(sim);
}

TEST_CASE("events: a verification proves nothing while a polled event is held, whose key may come late (I13)") {
  WorldKnobs knobs = poll_knobs();
  knobs.servers[0].feed.verification = true;
  Simulation sim(1, knobs);
  issue_for(sim, "T");
  sim.pass(seconds{5});
  CHECK(sim.say(0, "T") == "true");
  sim.pass(seconds{40});                     // longer than ttl, and proven all the time
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  sim.offer(sim.feed().forge(sim.feed().session_revoked({"alice", "s1", "", ""}), Forgery::kStrangersKey));
  sim.pass(seconds{45});                     // verifications return meanwhile
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("events: each kind of SET does what it says (STD 5.20-5.23)") {
  Simulation sim(1, event_knobs());
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  std::string expected = "false";
  std::size_t calls = 2;
  SUBCASE("a session revoked") {
    CHECK(sim.push_and_wait(sim.feed().session_revoked({"alice", "s1", "", ""})) == "202");
  }
  SUBCASE("all sessions of a user revoked") {
    CHECK(sim.push_and_wait(sim.feed().session_revoked(by_sub("alice"))) == "202");
  }
  SUBCASE("a token by its jti") {
    CHECK(sim.push_and_wait(sim.feed().session_revoked({"", "", "", "jti of T"})) == "202");
  }
  SUBCASE("an account disabled") { CHECK(sim.push_and_wait(sim.feed().account_disabled("alice")) == "202"); }
  SUBCASE("a credential changed") { CHECK(sim.push_and_wait(sim.feed().credential_changed("alice", false)) == "202"); }
  SUBCASE("a credential made: nothing") {
    CHECK(sim.push_and_wait(sim.feed().credential_changed("alice", true)) == "202");
    expected = "true";
    calls = 1;
  }
  SUBCASE("claims changed: asked again, never patched") {
    CHECK(sim.push_and_wait(sim.feed().claims_changed("alice")) == "202");
    expected = "true";
  }
  SUBCASE("an event that nobody knows: accepted, ignored (STD 5.25)") {
    CHECK(sim.push_and_wait(sim.feed().unknown_event("alice")) == "202");
    expected = "true";
    calls = 1;
  }
  CHECK(sim.say(0, "T") == expected);
  CHECK(sim.calls(0, "T") == calls);
  expect_clean_end(sim);
}

TEST_CASE("events: Keycloak logs sessions out, and pushes not-before to a realm (STD 5.30-5.32)") {
  Simulation sim(1, event_knobs());
  issue_for(sim, "T");
  issue_for(sim, "young", "bob", "s2").iat = sim.model().true_seconds() - 5;
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(0, "young") == "true");
  SUBCASE("k_logout") { CHECK(sim.push_and_wait(sim.feed().keycloak_logout({"s1", "s9"})) == "204"); }
  SUBCASE("k_push_not_before") {
    const std::int64_t not_before = sim.model().true_seconds() - 5;   // what was issued in that second lives
    CHECK(sim.push_and_wait(sim.feed().keycloak_not_before(not_before)) == "204");
  }
  CHECK(sim.push_and_wait(sim.feed().keycloak_test()) == "204");
  CHECK(sim.say(0, "T") == "false");
  CHECK(sim.say(0, "young") == "true");
  expect_clean_end(sim);
}

TEST_CASE("events: what is forged is refused and changes nothing, pushed as any kind (F98, F99)") {
  Simulation sim(1, event_knobs());
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  const std::vector<FeedEvent> genuine = {sim.feed().logout_token("alice", "s1"),
                                          sim.feed().session_revoked(by_sub("alice")),
                                          sim.feed().keycloak_logout({"s1"})};
  std::vector<FeedEvent> not_for_good;   // their key may come yet
  for (std::size_t i = 0; i < kForgeries; ++i) {
    const auto forgery = static_cast<Forgery>(i);
    for (const FeedEvent& event : genuine) {
      if (!applies_to(forgery, event.route)) continue;
      CAPTURE(std::string(name_of(forgery)) + ": " + event.name);
      const FeedEvent forged = sim.feed().forge(event, forgery);
      const bool by_our_keys = forgery == Forgery::kSignature || forgery == Forgery::kStrangersKey;
      if (by_our_keys) not_for_good.push_back(forged);
      CHECK(sim.push_and_wait(forged) == (by_our_keys ? "503" : "400"));
    }
  }
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  sim.pass(minutes{7});                  // a Keycloak action says only when it expires
  CHECK(not_for_good.size() == 6);
  for (const FeedEvent& forged : not_for_good) {
    sim.pass(service::KeyRing::kCooldown);
    CAPTURE(forged.name);
    CHECK(sim.push_and_wait(forged) == "400");
  }
  CHECK(sim.say(0, "T") == "true");
  expect_clean_end(sim);
}

TEST_CASE("events: an event of one server is none of another's (STD 3.08, sub matched across issuers)") {
  WorldKnobs knobs = two_server_knobs();
  knobs.servers[0].feed.events = knobs.servers[1].feed.events = true;
  Simulation sim(1, knobs);
  TokenTruth& truth = sim.issue("T", 1);
  truth.claims = {"alice", "s1", "app", ""};
  truth.iat = sim.model(1).true_seconds() - 60;
  CHECK(sim.say(1, "T") == "true");
  FeedEvent event = sim.feed(0).session_revoked(by_sub("alice"));
  event.says.clear();
  event.genuine = false;
  CHECK(sim.push_and_wait(event, 1) == "503");
  CHECK(sim.push_and_wait(sim.feed(0).session_revoked(by_sub("alice")), 0) == "202");
  CHECK(sim.say(1, "T") == "true");
  CHECK(sim.calls(1, "T") == 1);
  sim.pass(minutes{3});
  CHECK(sim.push_and_wait(event, 1) == "400");
  CHECK(sim.say(1, "T") == "true");
  expect_clean_end(sim);
}

TEST_CASE("events: a repeated event is accepted again, and its effect is there again (F95, STD 5.04)") {
  Simulation sim(1, event_knobs());
  issue_for(sim, "T");
  const FeedEvent event = sim.feed().claims_changed("alice");
  CHECK(sim.push_and_wait(event) == "202");
  sim.pass(seconds{11});
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 1);
  CHECK(sim.push_and_wait(event) == "202");
  CHECK(sim.say(0, "T") == "true");
  CHECK(sim.calls(0, "T") == 2);
  expect_clean_end(sim);
}

TEST_CASE("events: reordered ones do as they say: not-before only moves forward (F96)") {
  Simulation sim(1, event_knobs());
  const std::int64_t now = sim.model().true_seconds();
  issue_for(sim, "T").iat = now - 30;
  const FeedEvent older = sim.feed().session_revoked(by_sub("alice"), now - 40);
  const FeedEvent newer = sim.feed().session_revoked(by_sub("alice"), now - 20);
  CHECK(sim.push_and_wait(newer) == "202");
  CHECK(sim.push_and_wait(older) == "202");
  CHECK(sim.say(0, "T") == "false");
  expect_clean_end(sim);
}

TEST_CASE("events: a key that is new is fetched once, one that is retired verifies no more (STD 3.16, 3.17)") {
  Simulation sim(1, event_knobs());
  issue_for(sim, "T");
  CHECK(sim.push_and_wait(sim.feed().keycloak_test()) == "204");
  sim.pass(minutes{1});
  const FeedEvent by_the_old = sim.feed().logout_token("alice", "s1");
  sim.feed().rotate_key();
  CHECK(sim.push_and_wait(sim.feed().session_revoked(by_sub("alice"))) == "202");
  CHECK(sim.say(0, "T") == "false");
  sim.feed().retire_old_keys();
  sim.pass(minutes{15});
  FeedEvent late = by_the_old;
  late.genuine = false;
  late.says.clear();
  CHECK(sim.push_and_wait(late) == "400");
  expect_clean_end(sim);
}

TEST_CASE("events: a key that is published late while a forger uses up the fetches loses no event (F98)") {
  Simulation sim(1, event_knobs());
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  const FeedEvent forged = sim.feed().forge(sim.feed().logout_token("bob", "s2"), Forgery::kStrangersKey);
  sim.feed().rotate_key(false);
  const std::vector<FeedEvent> events = {sim.feed().logout_token("alice", "s1"),
                                         sim.feed().session_revoked(by_sub("alice")),
                                         sim.feed().keycloak_logout({"s1"})};
  for (int i = 0; i <= 40; ++i) {
    if (i == 30) sim.feed().publish_keys();
    CHECK(sim.push_and_wait(forged) == "503");
    const bool fetched = i >= 30;        // the forger's second, for the event as well
    for (const FeedEvent& event : events) CHECK((sim.push_and_wait(event) == "503") == !fetched);
    CHECK(sim.say(0, "T") == (fetched ? "false" : "true"));
    sim.pass(seconds{1});
  }
  expect_clean_end(sim);
}

TEST_CASE("events: while keys cannot be had an event is to come again, and does (503, never lost)") {
  WorldKnobs knobs = event_knobs();
  knobs.servers[0].feed.down = true;
  Simulation sim(1, knobs);
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  const FeedEvent event = sim.feed().logout_token("alice", "s1");
  CHECK(sim.push_and_wait(event) == "503");
  sim.feed_knobs().down = false;
  sim.pass(minutes{1});
  CHECK(sim.push_and_wait(sim.feed().logout_token("alice", "s1")) == "200");
  CHECK(sim.say(0, "T") == "false");
  expect_clean_end(sim);
}

TEST_CASE("poll: events are fetched, applied and acknowledged; those that are lost on the way come again (RFC 8936)") {
  Simulation sim(1, poll_knobs());
  issue_for(sim, "T");
  CHECK(sim.say(0, "T") == "true");
  SUBCASE("all is well") {}
  SUBCASE("polls fail") { sim.feed_knobs().one_in_poll_fault = 2; }
  SUBCASE("polls hang") { sim.feed_knobs().one_in_poll_hang = 2; }
  sim.offer(sim.feed().session_revoked(by_sub("alice")));
  sim.pass(minutes{2});
  expect_polled(sim);
  CHECK(sim.say(0, "T") == "false");
  expect_clean_end(sim);
}

TEST_CASE("poll: while an event waits for its key the poll goes on, and it is applied when the key is there") {
  WorldKnobs knobs = poll_knobs();
  knobs.servers[0].feed.events_most = 1;   // it comes first each time
  Simulation sim(1, knobs);
  issue_for(sim, "T");
  issue_for(sim, "other", "bob", "s2");
  sim.pass(seconds{5});
  const FeedEvent by_the_old_key = sim.feed().session_revoked(by_sub("bob"));
  const FeedEvent forged = sim.feed().forge(by_the_old_key, Forgery::kStrangersKey);
  bool unavailable = false;
  SUBCASE("a forger uses up the fetches") {}
  SUBCASE("the JWKS cannot be had") { unavailable = true; }
  sim.feed().rotate_key(unavailable);
  if (unavailable) sim.feed_knobs().one_in_keys_fault = 1;
  sim.offer(sim.feed().session_revoked(by_sub("alice")));
  sim.pass(seconds{2});
  sim.offer(by_the_old_key);
  for (int i = 0; i < (unavailable ? 150 : 30); ++i) {
    CHECK(sim.push_and_wait(forged) == "503");
    sim.pass(seconds{1});
  }
  CHECK(sim.polled_waiting() == 1);
  CHECK(sim.say(0, "other") == "false");
  sim.feed().publish_keys();
  sim.feed_knobs().one_in_keys_fault = 0;
  for (int i = 0; i < 80; ++i) {
    sim.push(forged);
    sim.pass(seconds{1});
  }
  expect_polled(sim);
  CHECK(sim.say(0, "T") == "false");
  expect_clean_end(sim);
}

TEST_CASE("poll: a forged event is refused by its jti in the end, the genuine one beside it is applied at once") {
  Simulation sim(1, poll_knobs());
  issue_for(sim, "T");
  const FeedEvent event = sim.feed().claims_changed("bob");
  sim.offer(sim.feed().forge(event, Forgery::kStrangersKey));
  sim.offer(sim.feed().session_revoked(by_sub("alice")));
  expect_polled(sim, 1);          // its key may come yet
  CHECK(sim.say(0, "T") == "false");
  sim.pass(service::HeldEvents::kHeldFor);
  sim.pass(seconds{12});
  expect_polled(sim);
  expect_clean_end(sim);
}

}  // namespace introspectd::sim
