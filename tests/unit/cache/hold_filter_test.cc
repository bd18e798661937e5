#include "cache/hold_filter.h"

#include <doctest/doctest.h>

#include <vector>

namespace introspectd::cache {
namespace {

constexpr Seq kAllSwept = 1'000'000;

// A keyed hash's look.
std::uint64_t tag(std::uint64_t number) {
  std::uint64_t x = (number + 1) * 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

struct Filter {
  explicit Filter(std::size_t words = 96) : bytes(HoldFilter::kGenerations * words * 8), filter(bytes) {}
  bool enter(std::uint64_t number, Seq seq, Tick now, Seq swept = kAllSwept) {
    return filter.enter({tag(number), seq, now + 500, now + 600}, now, swept);
  }
  bool holds(std::uint64_t number, Seq seq, Tick start, Tick now) const {
    return filter.match(tag(number), seq, start, now).hold;
  }

  std::vector<std::byte> bytes;
  HoldFilter filter;
};

}  // namespace

TEST_CASE("hold_filter: holds what entered for its hold, and for what is older; all else lives (I2)") {
  Filter story;
  CHECK(story.filter.idle(1, 10));
  REQUIRE(story.enter(1, 20, 10));
  CHECK_FALSE(story.filter.idle(1, 10));
  const MatchingPurge older = story.filter.match(tag(1), 15, 5, 10);
  CHECK(older.hold);
  CHECK_FALSE(older.dead);
  CHECK(older.newest == 20);
  CHECK(older.oldest == 20);
  CHECK(story.holds(1, 25, 509, 609));
  CHECK_FALSE(story.holds(1, 25, 510, 609));   // started at the hold's end
  CHECK_FALSE(story.holds(1, 25, 509, 610));   // no flight of the hold is left
  CHECK(story.holds(1, 15, 5, 5000));          // a record that no sweep has passed
  CHECK_FALSE(story.holds(2, 15, 5, 10));
  CHECK(story.filter.idle(25, 610));
}

TEST_CASE("hold_filter: takes its capacity within one hold, and one more only when the oldest of them is over (I6)") {
  Filter story;
  REQUIRE(story.filter.capacity() == HoldFilter::kGenerations * 512);
  Seq seq = 0;
  while (story.enter(seq, seq + 1, 10)) ++seq;
  CHECK(seq >= story.filter.capacity());
  CHECK(seq < story.filter.capacity() + 40);   // a few are taken for others, and need no room
  CHECK_FALSE(story.enter(seq, seq + 1, 609));
  CHECK_FALSE(story.enter(seq, seq + 1, 610, 511));   // the sweep has not carried out all of the oldest
  CHECK(story.enter(seq, seq + 1, 610, 520));
  CHECK(story.holds(seq, 0, 600, 610));
  for (Seq i = 520; i < seq; ++i) REQUIRE(story.holds(i, 0, 1, 610));
}

TEST_CASE("hold_filter: a tag that is there takes no room, not even in a full generation, and is held by the last of them") {
  Filter story;
  for (Seq seq = 1; seq <= 2 * story.filter.capacity(); ++seq) REQUIRE(story.enter(7, seq, 10));
  Seq last = 2 * story.filter.capacity();
  CHECK(story.holds(7, last - 1, 600, 609));   // older than the last of them
  std::uint64_t other = 100;
  while (story.enter(other, ++last, 10)) ++other;
  CHECK(other - 100 >= story.filter.capacity() - 1);
  CHECK(story.enter(other - 1, ++last, 300));
  CHECK(story.holds(other - 1, last, 799, 899));
  CHECK_FALSE(story.enter(other, ++last, 300));
}

TEST_CASE("hold_filter: few are held for nothing, by far most not, however long it goes on") {
  Filter story(1024);
  Seq seq = 1;
  for (Tick now = 1; now < 20'000; ++now) {
    for (int i = 0; i < 20; ++i, ++seq) REQUIRE(story.enter(seq, seq, now));   // half of what it can take
  }
  for (Seq i = seq - 20 * 500; i < seq; ++i) REQUIRE(story.holds(i, seq, 20'000, 20'000));
  int held = 0;
  for (std::uint64_t other = 0; other < 10'000; ++other) {
    if (story.holds(1'000'000'000 + other, seq, 20'000, 20'000)) ++held;
  }
  CHECK(held < 20);
}

TEST_CASE("hold_filter: a hold is over soon after its own end though others come, and none is left when all are over") {
  Filter story;
  REQUIRE(story.enter(1, 1, 10));
  for (Tick now = 20; now < 2000; now += 10) REQUIRE(story.enter(now, now, now));
  CHECK_FALSE(story.holds(1, 5000, 700, 700));
  for (Tick now = 10; now < 2000; now += 10) CHECK_FALSE(story.holds(now, 5000, 2600, 2600));
}

TEST_CASE("hold_filter: memory for less than a tag takes none") {
  Filter none(0);
  CHECK(none.filter.capacity() == 0);
  CHECK_FALSE(none.enter(1, 1, 1));
  CHECK_FALSE(none.holds(1, 0, 1, 1));
}

}  // namespace introspectd::cache
