#include "service/fleet_peers.h"

#include <doctest/doctest.h>

namespace introspectd::service {
namespace {

using Continuity = FleetPeers::Continuity;
using std::chrono::milliseconds;
using std::chrono::seconds;

MonoTime at(Duration d) { return MonoTime::from_ns(1'000'000'000'000) + d; }

FleetEntry event(std::string node, std::uint64_t number) {
  FleetEntry entry;
  entry.kind = FleetEntryKind::kSigned;
  entry.node = std::move(node);
  entry.number = number;
  return entry;
}

FleetEntry beat(std::string node, std::string name, std::vector<std::string> seen, std::uint64_t last = 0) {
  FleetEntry entry;
  entry.kind = FleetEntryKind::kHeartbeat;
  entry.node = std::move(node);
  entry.beat = std::move(name);
  entry.seen = std::move(seen);
  entry.number = last;
  entry.authentic = true;
  return entry;
}

}  // namespace

TEST_CASE("fleet_peers: numbers go on by one; a later one is a hole, an older one a repetition") {
  FleetPeers peers;
  CHECK(peers.number(event("a", 1), false, at({})) == Continuity::kNext);
  CHECK(peers.number(event("a", 2), false, at({})) == Continuity::kNext);
  CHECK(peers.number(event("a", 2), false, at({})) == Continuity::kRepeated);
  CHECK(peers.number(event("a", 1), false, at({})) == Continuity::kRepeated);
  CHECK(peers.number(event("a", 3), false, at({})) == Continuity::kNext);
  CHECK(peers.number(event("a", 5), false, at({})) == Continuity::kHole);
  CHECK(peers.number(event("a", 6), false, at({})) == Continuity::kNext);   // told once
  CHECK(peers.number(event("b", 1), false, at({})) == Continuity::kNext);
}

TEST_CASE("fleet_peers: a heartbeat says which event was the last before it") {
  FleetPeers peers;
  CHECK(peers.number(beat("a", "1", {}, 0), false, at({})) == Continuity::kNext);
  CHECK(peers.number(event("a", 1), false, at({})) == Continuity::kNext);
  CHECK(peers.number(beat("a", "2", {}, 1), false, at({})) == Continuity::kNext);
  CHECK(peers.number(beat("a", "3", {}, 2), false, at({})) == Continuity::kHole);
  CHECK(peers.number(beat("a", "2", {}, 1), false, at({})) == Continuity::kNext);   // an old one again
}

TEST_CASE("fleet_peers: a node that was never heard begins with one, unless this node itself has just begun") {
  FleetPeers peers;
  CHECK(peers.number(event("a", 7), false, at({})) == Continuity::kHole);
  CHECK(peers.number(event("b", 7), true, at({})) == Continuity::kNext);
  CHECK(peers.number(event("b", 9), true, at({})) == Continuity::kHole);
}

TEST_CASE("fleet_peers: after a gap was answered, any next number is the next one") {
  FleetPeers peers;
  peers.number(event("a", 1), false, at({}));
  peers.begin_anew();
  CHECK(peers.number(event("a", 9), false, at({})) == Continuity::kNext);
  CHECK(peers.number(event("a", 11), false, at({})) == Continuity::kHole);
}

TEST_CASE("fleet_peers: only a heartbeat that we wait for is ours, and only once (I24)") {
  FleetPeers peers;
  peers.sent("one", at({}));
  peers.sent("two", at(seconds{1}));
  CHECK_FALSE(peers.returned(beat("me", "guess", {})).has_value());
  CHECK(peers.returned(beat("me", "two", {})) == at(seconds{1}));
  CHECK_FALSE(peers.returned(beat("me", "two", {})).has_value());
  CHECK_FALSE(peers.returned(beat("me", "one", {})).has_value());   // late: a newer one came back
  CHECK(peers.own_anchor() == at(seconds{1}));
}

TEST_CASE("fleet_peers: heartbeats are dated by the newest of ours that they go back to, over any others") {
  FleetPeers peers;
  peers.sent("mine", at({}));
  peers.returned(beat("me", "mine", {}));
  peers.heard(beat("a", "a1", {"unknown", "mine"}), at(seconds{1}));
  peers.heard(beat("b", "b1", {"a1"}), at(seconds{2}));
  CHECK(peers.anchor({"b1"}) == at({}));
  peers.heard(beat("c", "c1", {"never seen"}), at(seconds{2}));
  CHECK_FALSE(peers.anchor({"c1"}).has_value());
  CHECK_FALSE(peers.anchor({}).has_value());
  peers.sent("newer", at(seconds{3}));
  peers.returned(beat("me", "newer", {}));
  CHECK(peers.anchor({"b1", "newer"}) == at(seconds{3}));
}

TEST_CASE("fleet_peers: a heartbeat that is shown again keeps its date") {
  FleetPeers peers;
  peers.sent("mine", at({}));
  peers.returned(beat("me", "mine", {}));
  peers.heard(beat("a", "a1", {"mine"}), at({}));
  peers.sent("newer", at(seconds{9}));
  peers.returned(beat("me", "newer", {}));
  peers.heard(beat("a", "a1", {"newer"}), at(seconds{9}));   // no key: even with other words
  CHECK(peers.anchor({"a1"}) == at({}));
  CHECK(peers.horizon() == at({}));
}

TEST_CASE("fleet_peers: the horizon is the oldest of all that are there, and none while one was never dated") {
  FleetPeers peers;
  CHECK_FALSE(peers.horizon().has_value());
  peers.sent("m1", at({}));
  peers.returned(beat("me", "m1", {}));
  CHECK(peers.horizon() == at({}));   // alone
  peers.heard(beat("a", "a1", {}), at({}));
  CHECK_FALSE(peers.horizon().has_value());
  peers.heard(beat("a", "a2", {"m1"}), at(seconds{1}));
  peers.sent("m2", at(seconds{2}));
  peers.returned(beat("me", "m2", {}));
  CHECK(peers.horizon() == at({}));
  peers.heard(beat("a", "a3", {"m2"}), at(seconds{3}));
  CHECK(peers.horizon() == at(seconds{2}));
  FleetEntry leaving = beat("a", "a4", {"m1"});
  leaving.leaving = true;
  peers.heard(leaving, at(seconds{3}));
  CHECK(peers.waited_for() == 0);
  CHECK(peers.horizon() == at(seconds{2}));
}

TEST_CASE("fleet_peers: an old farewell, shown again, does not end the waiting for a node that is there (I24)") {
  FleetPeers peers;
  FleetEntry old = beat("a", "a1", {"of another time"}, 3);
  old.leaving = true;
  peers.number(old, false, at({}));
  peers.heard(old, at({}));
  CHECK(peers.waited_for() == 0);   // nothing speaks against it yet
  peers.sent("m1", at({}));
  peers.returned(beat("me", "m1", {}));
  peers.heard(beat("a", "a2", {"m1"}, 3), at(seconds{1}));
  old.beat = "a1 forgotten";
  peers.heard(old, at(seconds{2}));
  CHECK(peers.waited_for() == 1);   // it goes back to nothing of ours
  peers.number(event("b", 1), true, at({}));
  peers.number(event("b", 2), true, at({}));
  FleetEntry early = beat("b", "b1", {"m1"}, 1);
  early.leaving = true;
  peers.heard(early, at(seconds{2}));
  CHECK(peers.waited_for() == 2);   // it knows less than the node has said
  early.beat = "b2";
  early.number = 2;
  peers.heard(early, at(seconds{2}));
  CHECK(peers.waited_for() == 1);
}

TEST_CASE("fleet_peers: a farewell that nobody has signed is not believed; its node is forgotten in its time") {
  FleetPeers peers;
  peers.heard(beat("a", "a1", {}), at({}));
  FleetEntry leaving = beat("a", "a2", {});
  leaving.leaving = true;
  leaving.authentic = false;
  peers.heard(leaving, at({}));
  CHECK(peers.waited_for() == 1);
  CHECK(peers.forget_silent(at(FleetPeers::kForgottenAfter)) == 0);
  CHECK(peers.forget_silent(at(FleetPeers::kForgottenAfter + Duration{1})) == 1);
  CHECK(peers.waited_for() == 0);
}

TEST_CASE("fleet_peers: our own reading that broke off ends the horizon") {
  FleetPeers peers;
  peers.sent("m1", at({}));
  peers.returned(beat("me", "m1", {}));
  peers.sent("m2", at({}));
  peers.reading_lost();
  CHECK_FALSE(peers.horizon().has_value());
  CHECK_FALSE(peers.returned(beat("me", "m2", {})).has_value());
}

TEST_CASE("fleet_peers: a silent node is waited for until it is forgotten, not a moment longer") {
  FleetPeers peers;
  peers.heard(beat("a", "a1", {}), at({}));
  CHECK(peers.forget_silent(at(FleetPeers::kForgottenAfter)) == 0);
  CHECK(peers.waited_for() == 1);
  CHECK(peers.forget_silent(at(FleetPeers::kForgottenAfter + Duration{1})) == 1);
  CHECK(peers.waited_for() == 0);
  CHECK(peers.forget_silent(at(FleetPeers::kForgottenAfter * 2)) == 0);
}

TEST_CASE("fleet_peers: heartbeats are remembered for a minute") {
  FleetPeers peers;
  peers.sent("m1", at({}));
  peers.returned(beat("me", "m1", {}));
  peers.forget_silent(at(FleetPeers::kBeatKept));
  CHECK(peers.anchor({"m1"}).has_value());
  peers.forget_silent(at(FleetPeers::kBeatKept + Duration{1}));
  CHECK_FALSE(peers.anchor({"m1"}).has_value());
}

TEST_CASE("fleet_peers: 4096 nodes are followed; one more only in the place of one that left, else there is no horizon") {
  FleetPeers peers;
  peers.sent("m1", at({}));
  peers.returned(beat("me", "m1", {}));
  for (std::size_t i = 0; i < FleetPeers::kNodesMost; ++i) {
    const std::string name = std::to_string(i);
    CHECK(peers.number(beat(name, "b" + name, {"m1"}), false, at({})) == Continuity::kNext);
    peers.heard(beat(name, "b" + name, {"m1"}), at({}));
  }
  CHECK(peers.horizon() == at({}));
  CHECK(peers.number(event("more", 1), false, at({})) == Continuity::kUntracked);
  CHECK(peers.size() == FleetPeers::kNodesMost);
  CHECK_FALSE(peers.horizon().has_value());
  FleetEntry leaving = beat("7", "l7", {"m1"});
  leaving.leaving = true;
  peers.heard(leaving, at({}));
  CHECK(peers.number(event("more", 1), false, at({})) == Continuity::kNext);
  CHECK(peers.size() == FleetPeers::kNodesMost);
}

TEST_CASE("fleet_peers: at most so many heartbeats are remembered, the newest ones, and eight are named") {
  FleetPeers peers;
  peers.sent("m1", at({}));
  peers.returned(beat("me", "m1", {}));
  for (std::size_t i = 1; i < FleetPeers::kBeatsMost; ++i) peers.heard(beat("a", "b" + std::to_string(i), {"m1"}), at({}));
  CHECK(peers.anchor({"m1"}).has_value());
  peers.heard(beat("a", "one more", {"m1"}), at({}));
  CHECK_FALSE(peers.anchor({"m1"}).has_value());
  CHECK(peers.anchor({"one more"}).has_value());
  CHECK(peers.seen().size() == FleetEntry::kSeenMost);
  CHECK(peers.seen().back() == "one more");
}

TEST_CASE("fleet_peers: what is known of the nodes outlives a start; who was there is waited for") {
  FleetPeers before;
  before.number(event("a", 1), false, at({}));
  before.heard(beat("a", "a1", {}, 1), at({}));
  before.number(event("b", 1), false, at({}));
  FleetPeers after;
  after.restore(before.known(), at({}));
  CHECK(after.waited_for() == 1);
  CHECK(after.number(event("a", 2), false, at({})) == Continuity::kNext);
  CHECK(after.number(event("b", 3), false, at({})) == Continuity::kHole);
}

}  // namespace introspectd::service
