#include "service/stream_states.h"

#include <doctest/doctest.h>

#include <string>

namespace introspectd::service {

TEST_CASE("stream_states: only a newer word counts; of two in one second the pause (STD 5.19)") {
  StreamStates states({"a", "b"});
  CHECK_FALSE(states.paused(0));
  CHECK(states.hear(0, true, 100));
  CHECK_FALSE(states.hear(0, true, 100));   // the same once more
  CHECK(states.paused(0));
  CHECK_FALSE(states.paused(1));
  CHECK_FALSE(states.hear(0, false, 99));
  CHECK_FALSE(states.hear(0, false, 100));
  CHECK(states.paused(0));
  CHECK(states.hear(0, false, 101));
  CHECK_FALSE(states.paused(0));
  CHECK_FALSE(states.hear(0, true, 100));   // nor does an old pause come back
  CHECK_FALSE(states.paused(0));
  CHECK(states.hear(0, true, 101));
  CHECK(states.paused(0));
}

TEST_CASE("stream_states: kept by name, for ASs in any order, and for those that are still there") {
  StreamStates before({"a", "b", "gone"});
  before.hear(0, true, 100);
  before.hear(1, false, 200);
  before.hear(2, true, 300);
  StreamStates after({"new", "b", "a"});
  CHECK(after.read(before.write()));
  CHECK_FALSE(after.paused(0));
  CHECK_FALSE(after.paused(1));
  CHECK(after.paused(2));
  CHECK_FALSE(after.hear(2, false, 100));
  CHECK_FALSE(after.hear(1, true, 199));
  CHECK(after.hear(2, false, 101));
}

TEST_CASE("stream_states: of a damaged file what stands before the damage is used, the rest is unknown and counts as paused (STD 5.19)") {
  StreamStates before({"a", "b"});
  before.hear(0, true, 100);
  before.hear(1, true, 100);
  const std::string file = before.write();
  for (std::size_t size = 0; size < file.size(); ++size) {
    StreamStates after({"a", "b"});
    const bool whole = after.read(file.substr(0, size));
    CHECK(whole == (size == file.size() / 2));   // as if b were new
    CHECK(after.paused(0));
    CHECK(after.unknown(0) == (size < file.size() / 2));
    CHECK(after.paused(1) == !whole);
    CHECK(after.unknown(1) == !whole);
  }
}

TEST_CASE("stream_states: an AS whose word is lost stays so, over files too, until it says one or is seen to deliver") {
  StreamStates damaged({"a", "b", "c"});
  CHECK_FALSE(damaged.read("torn"));
  CHECK(damaged.hear(0, false, 1));
  CHECK_FALSE(damaged.paused(0));
  damaged.lift(1);
  CHECK_FALSE(damaged.paused(1));
  StreamStates after({"a", "b", "c"});
  CHECK(after.read(damaged.write()));
  CHECK_FALSE(after.paused(0));
  CHECK_FALSE(after.paused(1));
  CHECK(after.unknown(2));
  CHECK(after.hear(2, true, 5));
  CHECK(after.paused(2));
  CHECK_FALSE(after.unknown(2));
}

TEST_CASE("stream_states: one that was seen to deliver is not paused by the same word once more, but by a new one (F95)") {
  StreamStates states({"a"});
  states.hear(0, true, 100);
  states.lift(0);
  CHECK_FALSE(states.paused(0));
  CHECK_FALSE(states.hear(0, true, 100));
  CHECK_FALSE(states.paused(0));
  states.lift(0);                              // nothing to lift
  CHECK(states.hear(0, true, 101));
  CHECK(states.paused(0));
}

}  // namespace introspectd::service
