#include "service/fleet_position.h"

#include <doctest/doctest.h>

namespace introspectd::service {
namespace {

constexpr Duration kMemory = std::chrono::minutes{10};
constexpr WallTime kNow = WallTime::from_seconds(1'800'000'000);

ports::StreamFacts facts(std::string first, std::string last, std::string deleted = "0-0", std::string run = "r") {
  return {std::move(run), std::move(first), std::move(last), std::move(deleted), 10};
}

std::optional<FleetGap> gap(const ports::StreamFacts& facts, StreamId read) {
  return judge_connection(facts, read, "r", kMemory, kNow).gap;
}

}  // namespace

TEST_CASE("fleet_position: ids are ordered by both numbers, and read only whole") {
  CHECK(*StreamId::read("12-3") == StreamId{12, 3});
  CHECK(StreamId{12, 3}.text() == "12-3");
  CHECK(StreamId{9, 99} < StreamId{10, 0});
  CHECK(StreamId{10, 2} < StreamId{10, 10});
  for (const std::string_view text : {"", "12", "12-", "-3", "12-3-4", "a-1", "1-b", "99999999999999999999-0"}) {
    CAPTURE(text);
    CHECK_FALSE(StreamId::read(text).has_value());
  }
}

TEST_CASE("fleet_position: written and read again, and refused when anything of it changed") {
  FleetPosition position{{1'800'000'000'123, 4}, "run id", {{"node a", 7, true}, {"node b", 0, false}}};
  const std::string file = position.write();
  const auto read = FleetPosition::read(file);
  REQUIRE(read.has_value());
  CHECK(read->id == position.id);
  CHECK(read->run_id == "run id");
  REQUIRE(read->nodes.size() == 2);
  CHECK(read->nodes[0].node == "node a");
  CHECK(read->nodes[0].number == 7);
  CHECK(read->nodes[0].waited_for);
  CHECK_FALSE(read->nodes[1].waited_for);
  for (std::size_t i = 0; i < file.size(); ++i) {
    std::string changed = file;
    changed[i] = static_cast<char>(changed[i] ^ 4);
    CHECK_FALSE(FleetPosition::read(changed).has_value());
    CHECK_FALSE(FleetPosition::read(file.substr(0, i)).has_value());
  }
}

TEST_CASE("fleet_position: a log that has everything after the cursor has no gap") {
  CHECK_FALSE(gap(facts("5-0", "9-0"), {7, 0}));
  CHECK_FALSE(gap(facts("5-0", "7-0"), {7, 0}));             // nothing new
  CHECK_FALSE(gap(facts("8-0", "9-0", "7-0"), {7, 0}));      // trimmed up to the cursor itself
  CHECK_FALSE(gap(facts("0-0", "7-0", "7-0"), {7, 0}));      // … and empty since
  CHECK(judge_connection(facts("5-0", "9-0"), StreamId{7, 0}, "r", kMemory, kNow).read_after == StreamId{7, 0});
}

TEST_CASE("fleet_position: dropped behind the cursor is trimmed (F94)") {
  CHECK(gap(facts("9-0", "12-0", "8-0"), {7, 0}) == FleetGap::kTrimmed);
  CHECK(gap(facts("5-0", "12-0", "8-0"), {7, 0}) == FleetGap::kTrimmed);   // deleted from the middle
  CHECK(gap(facts("8-0", "12-0", "7-1"), {7, 0}) == FleetGap::kTrimmed);
}

TEST_CASE("fleet_position: an older log, none, or one that lacks what was read without having dropped it, is reset (F97)") {
  CHECK(gap(facts("1-0", "6-9"), {7, 0}) == FleetGap::kReset);
  CHECK(gap(facts("", ""), {7, 0}) == FleetGap::kReset);
  CHECK(gap(facts("8-0", "12-0"), {7, 0}) == FleetGap::kReset);
  CHECK(judge_connection(facts("1-0", "6-9"), StreamId{7, 0}, "r", kMemory, kNow).read_after == StreamId{});
}

TEST_CASE("fleet_position: a server before Redis 7 does not say what it dropped: a later beginning counts as trimmed") {
  CHECK(gap(facts("8-0", "12-0", ""), {7, 0}) == FleetGap::kTrimmed);
  CHECK_FALSE(gap(facts("7-0", "12-0", ""), {7, 0}));
}

TEST_CASE("fleet_position: another run id is told; what it lost is for the nodes' numbers to show") {
  const auto judged = judge_connection(facts("5-0", "9-0", "0-0", "other"), StreamId{7, 0}, "r", kMemory, kNow);
  CHECK_FALSE(judged.gap.has_value());
  CHECK(judged.server_changed);
  CHECK_FALSE(judge_connection(facts("5-0", "9-0"), StreamId{7, 0}, "r", kMemory, kNow).server_changed);
}

TEST_CASE("fleet_position: a first start reads as far back as revoked tokens are remembered, and is no gap") {
  const std::string last = std::to_string(kNow.ms()) + "-0";
  const auto judged = judge_connection(facts("5-0", last, "4-0"), std::nullopt, "", kMemory, kNow);
  CHECK_FALSE(judged.gap.has_value());
  CHECK_FALSE(judged.server_changed);
  CHECK(judged.read_after.time <= static_cast<std::uint64_t>((kNow - kMemory).ms()));
  CHECK(judged.read_after.time >= static_cast<std::uint64_t>((kNow - kMemory).ms()) - 60'000);
}

TEST_CASE("fleet_position: a first start never begins behind the end of a server whose clock is behind") {
  CHECK(judge_connection(facts("5-0", "9-3"), std::nullopt, "", kMemory, kNow).read_after == StreamId{9, 3});
  CHECK(judge_connection(facts("", ""), std::nullopt, "", kMemory, kNow).read_after == StreamId{});
}

TEST_CASE("fleet_position: the names of gaps are a metric's labels") {
  std::string names;
  for (std::size_t i = 0; i < kFleetGaps; ++i) names.append(name_of(static_cast<FleetGap>(i))).append(" ");
  CHECK(names == "trimmed reset hole run_id_changed overrun unverifiable ");
}

}  // namespace introspectd::service
