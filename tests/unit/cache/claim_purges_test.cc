#include "cache/claim_purges.h"

#include <doctest/doctest.h>

#include <vector>

namespace introspectd::cache {
namespace {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;
constexpr Tick kFlight = 100;
constexpr Seq kAllSwept = 1'000'000;

// Eight entries.
struct Table {
  std::vector<std::byte> bytes = std::vector<std::byte>(8 * ClaimPurges::kEntryBytes);
  explicit Table(std::size_t filter_bytes = 0) : filter(filter_bytes) {}
  std::vector<std::byte> filter;
  ClaimPurges purges{bytes, filter, kFlight};

  // Whether it is remembered as it was said.
  bool enter(const ClaimPurge& said, Tick now, Seq swept) {
    return purges.enter(said, now, swept) == ClaimPurges::Entered::kKept;
  }

  static ClaimPurge purge(std::uint64_t tag, Seq seq, PurgeKind kind = PurgeKind::kHold, Tick hold_until = 50) {
    ClaimPurge made;
    made.tag = tag * kGolden;
    made.seq = seq;
    made.kind = kind;
    made.hold_until = hold_until;
    return made;
  }
  static ClaimPurges::Subject subject(std::uint64_t sub, Seq seq, Tick start) {
    ClaimPurges::Subject made;
    made.tags[static_cast<std::size_t>(ClaimKind::kSub)] = sub * kGolden;
    made.every_token = 999 * kGolden;
    made.seq = seq;
    made.start = start;
    return made;
  }
  bool matches(std::uint64_t sub, Seq seq = 1, Tick now = 1) {
    return purges.match(subject(sub, seq, now), now).purge.newest != 0;
  }
};

}  // namespace

TEST_CASE("claim_purges: takes its capacity; one more while all are needed is refused, and nothing is lost (I6)") {
  Table table;
  REQUIRE(table.purges.capacity() == 8);
  for (std::uint64_t i = 1; i <= 8; ++i) REQUIRE(table.enter(Table::purge(i, 10 + i), 1, kAllSwept));
  CHECK_FALSE(table.enter(Table::purge(9, 19), 1, kAllSwept));
  CHECK_FALSE(table.enter(Table::purge(9, 19), 149, kAllSwept));   // hold and flight end at 150
  for (std::uint64_t i = 1; i <= 8; ++i) CHECK(table.matches(i));
  CHECK(table.enter(Table::purge(3, 20), 1, kAllSwept));           // known: needs no room
  CHECK(table.purges.forgotten_early() == 0);
}

TEST_CASE("claim_purges: full of what is past hold and flight: the oldest goes before its time, counted (I4)") {
  Table table;
  for (std::uint64_t i = 1; i <= 8; ++i) {
    ClaimPurge cut_off = Table::purge(i, 10 + i, PurgeKind::kCutOff);
    cut_off.keep_until = 5000;
    REQUIRE(table.enter(cut_off, 1, kAllSwept));
  }
  CHECK(table.enter(Table::purge(1, 30, PurgeKind::kCutOff), 1, kAllSwept));   // said again: the youngest now
  CHECK(table.enter(Table::purge(9, 31), 150, kAllSwept));
  CHECK(table.purges.forgotten_early() == 1);
  CHECK(table.purges.size() == 8);
  CHECK_FALSE(table.matches(2, 1, 150));
  CHECK(table.matches(1, 1, 150));
  CHECK(table.matches(9, 1, 150));
}

TEST_CASE("claim_purges: what the sweep has not carried out is never forgotten") {
  Table table;
  for (std::uint64_t i = 1; i <= 8; ++i) REQUIRE(table.enter(Table::purge(i, 10 + i), 1, 0));
  CHECK_FALSE(table.enter(Table::purge(9, 30), 4000, 10));
  CHECK(table.enter(Table::purge(9, 30), 4000, 11));   // the first has been
  CHECK(table.purges.forgotten_early() == 0);                 // its time was over
}

TEST_CASE("claim_purges: a hold is kept for what starts within it until the longest flight has ended") {
  Table table;
  REQUIRE(table.enter(Table::purge(1, 10), 1, kAllSwept));
  CHECK(table.purges.match(Table::subject(1, 20, 49), 149).purge.hold);
  CHECK_FALSE(table.purges.match(Table::subject(1, 20, 50), 149).purge.hold);
  CHECK(table.purges.match(Table::subject(1, 20, 49), 150).purge.newest == 0);
}

TEST_CASE("claim_purges: said again it is the later of both, and a cut-off never moves back") {
  Table table;
  ClaimPurge cut_off = Table::purge(1, 10, PurgeKind::kCutOff);
  cut_off.cut_off = 500;
  cut_off.keep_until = 5000;
  REQUIRE(table.enter(cut_off, 1, kAllSwept));
  cut_off.seq = 12;
  cut_off.cut_off = 400;
  cut_off.keep_until = 4000;
  REQUIRE(table.enter(cut_off, 1, kAllSwept));
  CHECK(table.purges.size() == 1);
  ClaimPurges::Subject subject = Table::subject(1, 20, 4500);
  subject.issued.iat = 500;
  CHECK(table.purges.match(subject, 4500).purge.dead);
  CHECK(table.purges.match(subject, 4500).purge.newest == 12);
  CHECK_FALSE(table.purges.match(subject, 5000).purge.dead);
  subject.issued.iat = 501;
  CHECK_FALSE(table.purges.match(subject, 4500).purge.dead);
}

TEST_CASE("claim_purges: kinds of one tag stand beside each other") {
  Table table;
  REQUIRE(table.enter(Table::purge(1, 10, PurgeKind::kHold), 1, kAllSwept));
  REQUIRE(table.enter(Table::purge(1, 11, PurgeKind::kLogout), 1, kAllSwept));
  REQUIRE(table.enter(Table::purge(1, 12, PurgeKind::kCutOff), 1, kAllSwept));
  CHECK(table.purges.size() == 3);
  const MatchingPurge match = table.purges.match(Table::subject(1, 5, 1), 1).purge;
  CHECK(match.newest == 12);
}

TEST_CASE("claim_purges: a constraint needs the other tag as well; without_sid needs that there is no sid") {
  Table table;
  ClaimPurge of_client = Table::purge(1, 10);
  of_client.constraint = 77 * kGolden;
  REQUIRE(table.enter(of_client, 1, kAllSwept));
  ClaimPurge fallback = Table::purge(2, 11);
  fallback.without_sid = true;
  REQUIRE(table.enter(fallback, 1, kAllSwept));
  ClaimPurges::Subject subject = Table::subject(1, 1, 1);
  CHECK(table.purges.match(subject, 1).purge.newest == 10);   // it does not say whose it is: the AS is asked
  CHECK(table.purges.match(subject, 1).purge.hold);
  CHECK_FALSE(table.purges.match(subject, 1).purge.dead);
  subject.tags[static_cast<std::size_t>(ClaimKind::kClientId)] = 78 * kGolden;
  CHECK(table.purges.match(subject, 1).purge.newest == 0);
  subject.tags[static_cast<std::size_t>(ClaimKind::kClientId)] = 77 * kGolden;
  CHECK(table.purges.match(subject, 1).purge.newest == 10);
  CHECK_FALSE(table.purges.match(subject, 1).by_sub);
  subject = Table::subject(2, 1, 1);
  CHECK(table.purges.match(subject, 1).purge.newest == 11);
  CHECK(table.purges.match(subject, 1).by_sub);
  subject.tags[static_cast<std::size_t>(ClaimKind::kSid)] = 5 * kGolden;
  CHECK(table.purges.match(subject, 1).purge.newest == 0);
}

TEST_CASE("claim_purges: a long cut-off in front keeps no ended hold: each is forgotten by its own end (I6)") {
  Table table;
  ClaimPurge cut_off = Table::purge(1, 10, PurgeKind::kCutOff);
  cut_off.keep_until = 50'000;
  REQUIRE(table.enter(cut_off, 1, kAllSwept));
  Seq seq = 10;
  for (Tick now = 1; now < 20'000; now += 40) {
    ++seq;
    REQUIRE(table.enter(Table::purge(seq, seq, PurgeKind::kHold, now + 50), now, kAllSwept));
    REQUIRE(table.purges.size() <= 7);   // 40 apart, 150 long: four live, one comes, one is on its way out
  }
  CHECK(table.purges.forgotten_early() == 0);
  CHECK(table.matches(1, 5, 20'000));
}

TEST_CASE("claim_purges: what finds no room is held by the filter, its kind and cut-off forgotten") {
  Table table(HoldFilter::kGenerations * 64);
  for (std::uint64_t i = 1; i <= 8; ++i) REQUIRE(table.enter(Table::purge(i, 10 + i), 1, kAllSwept));
  ClaimPurge cut_off = Table::purge(9, 19, PurgeKind::kCutOff);
  cut_off.cut_off = 1000;
  cut_off.keep_until = 5000;
  CHECK(table.purges.enter(cut_off, 1, kAllSwept) == ClaimPurges::Entered::kFiltered);
  CHECK(table.purges.filtered() == 1);
  ClaimPurges::Subject subject = Table::subject(9, 5, 1);
  subject.issued.iat = 500;
  const MatchingPurge older = table.purges.match(subject, 1).purge;
  CHECK(older.hold);
  CHECK_FALSE(older.dead);
  CHECK(older.newest == 19);
  subject.seq = 30;
  subject.start = 49;
  CHECK(table.purges.match(subject, 149).purge.hold);
  CHECK(table.purges.match(subject, 150).purge.newest == 0);   // the longest flight has ended
  subject.start = 50;
  CHECK_FALSE(table.purges.match(subject, 149).purge.hold);
  CHECK_FALSE(table.matches(10));
}

TEST_CASE("claim_purges: a hold goes to the filter while that has room, and no cut-off is forgotten for it (I4)") {
  Table table(HoldFilter::kGenerations * 8);   // five tags a generation
  for (std::uint64_t i = 1; i <= 8; ++i) {
    ClaimPurge cut_off = Table::purge(i, 10 + i, PurgeKind::kCutOff);
    cut_off.keep_until = 5000;
    REQUIRE(table.enter(cut_off, 1, kAllSwept));
  }
  const std::size_t most = table.purges.filter_capacity();
  REQUIRE(most == 5 * HoldFilter::kGenerations);
  for (std::uint64_t i = 0; i < most; ++i) {
    REQUIRE(table.purges.enter(Table::purge(100 + i, 30 + i, PurgeKind::kHold, 250), 200, kAllSwept) ==
            ClaimPurges::Entered::kFiltered);
  }
  CHECK(table.purges.forgotten_early() == 0);
  for (std::uint64_t i = 1; i <= 8; ++i) CHECK(table.matches(i, 1, 200));
  SUBCASE("one past it") {
    CHECK(table.enter(Table::purge(900, 200, PurgeKind::kHold, 250), 200, kAllSwept));
    CHECK(table.purges.forgotten_early() == 1);
    CHECK(table.matches(900, 1, 200));
  }
  SUBCASE("what is more than a hold needs an entry at once") {
    CHECK(table.enter(Table::purge(900, 200, PurgeKind::kLogout, 250), 200, kAllSwept));
    CHECK(table.purges.forgotten_early() == 1);
  }
}

TEST_CASE("claim_purges: it waits for the sweep once its last entry is taken and until the oldest is carried out") {
  Table table;
  for (std::uint64_t i = 1; i <= 7; ++i) REQUIRE(table.enter(Table::purge(i, 10 + i), 1, 0));
  CHECK_FALSE(table.purges.waits_for_sweep(0));
  ClaimPurge cut_off = Table::purge(8, 18, PurgeKind::kCutOff);
  REQUIRE(table.enter(cut_off, 1, 0));
  CHECK(table.purges.waits_for_sweep(0));
  CHECK(table.purges.waits_for_sweep(17));   // the oldest hold has been, the cut-off not
  CHECK_FALSE(table.purges.waits_for_sweep(18));
}

TEST_CASE("claim_purges: entries come and go for ever in the same memory, and each() tells the living") {
  Table table;
  Seq seq = 0;
  for (Tick now = 1; now < 100'000; now += 40) {
    ++seq;
    REQUIRE(table.enter(Table::purge(seq, seq, PurgeKind::kHold, now + 50), now, kAllSwept));
    REQUIRE(table.purges.size() <= 6);
  }
  std::size_t living = 0;
  table.purges.each(0, table.purges.places(), 99'990, [&](const ClaimPurge& purge) {
    ++living;
    CHECK(purge.keep_until > 99'990);
  });
  CHECK(living == 4);
  CHECK(table.purges.forgotten_early() == 0);
}

}  // namespace introspectd::cache
