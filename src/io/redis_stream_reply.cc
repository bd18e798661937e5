#include "io/redis_stream_reply.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace introspectd::io {
namespace {

constexpr std::uint64_t kNumberMost = std::numeric_limits<std::uint64_t>::max();

std::optional<std::uint64_t> parse_number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

StreamId id_before(StreamId id) {
  if (id.number != 0) return {id.milliseconds, id.number - 1};
  if (id.milliseconds != 0) return {id.milliseconds - 1, kNumberMost};
  return {};
}

// The value behind `name` in an array of names and values.
const RedisReply* member_of(const RedisReply& map, std::string_view name) {
  for (std::size_t i = 0; i + 1 < map.elements.size(); i += 2) {
    if (map.elements[i].is_text() && map.elements[i].text == name) return &map.elements[i + 1];
  }
  return nullptr;
}

std::optional<StreamId> id_member(const RedisReply& map, std::string_view name) {
  const RedisReply* const value = member_of(map, name);
  return value != nullptr && value->is_text() ? parse_stream_id(value->text) : std::nullopt;
}

std::optional<std::uint64_t> count_member(const RedisReply& map, std::string_view name) {
  const RedisReply* const value = member_of(map, name);
  if (value == nullptr || value->kind != RedisReply::Kind::kInteger || value->integer < 0) return std::nullopt;
  return static_cast<std::uint64_t>(value->integer);
}

// The id of an entry [id, [field, value, …]].
std::optional<StreamId> entry_id(const RedisReply& entry) {
  if (entry.kind != RedisReply::Kind::kArray || entry.elements.size() != 2) return std::nullopt;
  return entry.elements[0].is_text() ? parse_stream_id(entry.elements[0].text) : std::nullopt;
}

bool is_within_limits(const RedisReply& fields) {
  if (fields.elements.size() > 2 * kEntryFieldsMost) return false;
  std::size_t bytes = 0;
  for (const RedisReply& one : fields.elements) bytes += one.text.size();
  return bytes <= kEntryBytesMost;
}

std::optional<ports::StreamEntry> read_entry(RedisReply& reply) {
  RedisReply& fields = reply.elements[1];
  if (fields.kind != RedisReply::Kind::kArray || fields.elements.size() % 2 != 0) return std::nullopt;
  if (!std::all_of(fields.elements.begin(), fields.elements.end(), [](const RedisReply& r) { return r.is_text(); })) {
    return std::nullopt;
  }
  ports::StreamEntry entry;
  entry.id = std::move(reply.elements[0].text);
  if (!is_within_limits(fields)) return entry;
  entry.fields.reserve(fields.elements.size() / 2);
  for (std::size_t i = 0; i < fields.elements.size(); i += 2) {
    entry.fields.emplace_back(std::move(fields.elements[i].text), std::move(fields.elements[i + 1].text));
  }
  return entry;
}

// The list of entries in [[key, [entry, …]]].
RedisReply* entries_of(RedisReply& reply, std::string_view key) {
  if (reply.kind != RedisReply::Kind::kArray || reply.elements.size() != 1) return nullptr;
  RedisReply& stream = reply.elements.front();
  if (stream.kind != RedisReply::Kind::kArray || stream.elements.size() != 2) return nullptr;
  if (!stream.elements[0].is_text() || stream.elements[0].text != key) return nullptr;
  return stream.elements[1].kind == RedisReply::Kind::kArray ? &stream.elements[1] : nullptr;
}

}  // namespace

std::optional<StreamId> parse_stream_id(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto milliseconds = parse_number(text.substr(0, dash));
  const auto number = parse_number(text.substr(dash + 1));
  if (!milliseconds || !number) return std::nullopt;
  return StreamId{*milliseconds, *number};
}

std::string format_stream_id(StreamId id) {
  return std::to_string(id.milliseconds) + "-" + std::to_string(id.number);
}

std::optional<std::string> read_run_id(const RedisReply& reply) {
  constexpr std::string_view kName = "\nrun_id:";
  if (reply.kind != RedisReply::Kind::kString) return std::nullopt;
  const std::size_t at = reply.text.find(kName);
  if (at == std::string::npos) return std::nullopt;
  const std::size_t begin = at + kName.size();
  const std::size_t end = reply.text.find_first_of("\r\n", begin);
  if (end == std::string::npos || end == begin || end - begin > 64) return std::nullopt;
  return reply.text.substr(begin, end - begin);
}

std::optional<ports::StreamFacts> read_stream_facts(const RedisReply& reply) {
  if (reply.kind != RedisReply::Kind::kArray) return std::nullopt;
  const auto last = id_member(reply, "last-generated-id");
  const auto length = count_member(reply, "length");
  const RedisReply* const first_entry = member_of(reply, "first-entry");
  if (!last || !length || first_entry == nullptr) return std::nullopt;
  const std::optional<StreamId> first = entry_id(*first_entry);
  if (!first && *length != 0) return std::nullopt;

  ports::StreamFacts facts;
  facts.last_id = format_stream_id(*last);
  if (first) facts.first_id = format_stream_id(*first);
  const auto added = count_member(reply, "entries-added");
  facts.entries_added = added.value_or(0);
  StreamId removed = id_member(reply, "max-deleted-entry-id").value_or(StreamId{});
  const bool has_lost_some = added ? *added > *length : *last != StreamId{};
  if (has_lost_some) removed = std::max(removed, first ? id_before(*first) : *last);
  facts.max_deleted_id = format_stream_id(removed);
  return facts;
}

std::optional<std::vector<ports::StreamEntry>> read_entries(RedisReply&& reply, std::string_view key, StreamId after) {
  std::vector<ports::StreamEntry> entries;
  if (reply.kind == RedisReply::Kind::kNil) return entries;
  RedisReply* const list = entries_of(reply, key);
  if (list == nullptr || list->elements.empty()) return std::nullopt;
  entries.reserve(list->elements.size());
  for (RedisReply& one : list->elements) {
    const std::optional<StreamId> id = entry_id(one);
    if (!id || *id <= after) return std::nullopt;
    after = *id;
    std::optional<ports::StreamEntry> entry = read_entry(one);
    if (!entry) return std::nullopt;
    entries.push_back(std::move(*entry));
  }
  return entries;
}

}  // namespace introspectd::io
