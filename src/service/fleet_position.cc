#include "service/fleet_position.h"

#include <algorithm>
#include <charconv>

#include "service/packed.h"

namespace introspectd::service {
namespace {

constexpr std::string_view kFormat = "introspectd position 1";
constexpr Duration kClocksApart = std::chrono::minutes{1};   // the server's clock and ours, at a first start

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Never past the log's end: a server whose clock is behind ours would write nothing that we read.
StreamId first_start(const ports::StreamFacts& facts, Duration memory, WallTime now) {
  const std::int64_t from = (now - memory - kClocksApart).ms();
  const StreamId wanted{static_cast<std::uint64_t>(std::max<std::int64_t>(from, 0)), 0};
  return std::min(wanted, StreamId::read(facts.last_id).value_or(StreamId{}));
}

// Was anything behind `read` dropped? Redis 7 says which was the newest that was; before it, a log that begins behind
// `read` must be taken for one that lost something.
bool is_trimmed(const ports::StreamFacts& facts, const StreamId& read) {
  if (const std::optional<StreamId> deleted = StreamId::read(facts.max_deleted_id)) return *deleted > read;
  const std::optional<StreamId> first = StreamId::read(facts.first_id);
  return first && *first > read;
}

// What was read stood in the log, and it is not there though nothing so new was ever dropped: this is another log.
bool is_another_log(const ports::StreamFacts& facts, const StreamId& read) {
  const std::optional<StreamId> deleted = StreamId::read(facts.max_deleted_id);
  const std::optional<StreamId> first = StreamId::read(facts.first_id);
  return deleted && *deleted < read && first && *first > read;
}

}  // namespace

std::optional<StreamId> StreamId::read(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::optional<std::uint64_t> time = read_number(text.substr(0, dash));
  const std::optional<std::uint64_t> number = read_number(text.substr(dash + 1));
  if (!time || !number) return std::nullopt;
  return StreamId{*time, *number};
}

std::string StreamId::text() const { return std::to_string(time) + "-" + std::to_string(number); }

std::string FleetPosition::write() const {
  std::string bytes;
  pack(bytes, kFormat);
  pack(bytes, id.time);
  pack(bytes, id.number);
  pack(bytes, run_id);
  pack(bytes, std::uint64_t{nodes.size()});
  for (const FleetPeers::Known& node : nodes) {
    pack(bytes, node.node);
    pack(bytes, node.number);
    pack(bytes, std::uint64_t{node.waited_for ? 1U : 0U});
  }
  std::string file;
  append_record(file, bytes);
  return file;
}

std::optional<FleetPosition> FleetPosition::read(std::string_view file) {
  RecordReader records(file);
  PackedReader reader(records.next().value_or(std::string_view{}));
  FleetPosition position;
  if (reader.text() != kFormat) return std::nullopt;
  position.id.time = reader.number();
  position.id.number = reader.number();
  position.run_id = reader.text();
  const std::uint64_t count = reader.number();
  if (reader.broken() || count > FleetPeers::kNodesMost) return std::nullopt;
  for (std::uint64_t i = 0; i < count && !reader.broken(); ++i) {
    FleetPeers::Known& node = position.nodes.emplace_back();
    node.node = reader.text();
    node.number = reader.number();
    node.waited_for = reader.number() == 1;
  }
  if (!reader.whole() || records.torn()) return std::nullopt;
  return position;
}

std::string_view name_of(FleetGap gap) noexcept {
  switch (gap) {
    case FleetGap::kTrimmed: return "trimmed";
    case FleetGap::kReset: return "reset";
    case FleetGap::kHole: return "hole";
    case FleetGap::kRunIdChanged: return "run_id_changed";
    case FleetGap::kOverrun: return "overrun";
    case FleetGap::kUnverifiable: return "unverifiable";
  }
  return "";
}

ConnectionJudgement judge_connection(const ports::StreamFacts& facts, const std::optional<StreamId>& read,
                                     std::string_view run_id, Duration memory, WallTime now) {
  if (!read) return {.read_after = first_start(facts, memory, now), .gap = std::nullopt, .server_changed = false};
  const bool changed = facts.run_id != run_id;
  const std::optional<StreamId> last = StreamId::read(facts.last_id);
  // A log that is not there holds nothing that was written before: gone, unless nothing was ever read of it.
  if (last.value_or(StreamId{}) < *read || is_another_log(facts, *read)) {
    return {.read_after = {}, .gap = FleetGap::kReset, .server_changed = changed};
  }
  if (is_trimmed(facts, *read)) return {.read_after = *read, .gap = FleetGap::kTrimmed, .server_changed = changed};
  return {.read_after = *read, .gap = std::nullopt, .server_changed = changed};
}

}  // namespace introspectd::service
