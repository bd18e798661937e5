#include "service/stream_states.h"

#include <doctest/doctest.h>

#include <string>

namespace introspectd::service {

TEST_CASE("stream_states: only a newer word counts; of two in one second the pause (STD 5.19)") {
  StreamStates states({"a", "b"});
  CHECK_FALSE(states.paused(0));
  CHECK(states.hear(0, true, 100));
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

TEST_CASE("stream_states: of a damaged file what stands before the damage is used, and said to be not all") {
  StreamStates before({"a", "b"});
  before.hear(0, true, 100);
  before.hear(1, true, 100);
  const std::string file = before.write();
  for (std::size_t size = 0; size < file.size(); ++size) {
    StreamStates after({"a", "b"});
    const bool whole = after.read(file.substr(0, size));
    CHECK(whole == (size == 0 || size == file.size() / 2));
    CHECK(after.paused(0) == (size >= file.size() / 2));
    CHECK_FALSE(after.paused(1));
  }
}

}  // namespace introspectd::service
