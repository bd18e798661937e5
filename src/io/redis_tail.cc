#include "io/redis_tail.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace introspectd::io {
namespace {

std::size_t bytes_of(const ports::StreamEntry& entry) {
  std::size_t bytes = entry.id.size();
  for (const auto& [name, value] : entry.fields) bytes += name.size() + value.size();
  return bytes;
}

// How many of them are a turn's worth.
std::size_t turns_worth(std::span<const ports::StreamEntry> entries) {
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (const ports::StreamEntry& entry : entries) {
    bytes += bytes_of(entry);
    if (count == RedisTail::kEntriesATurn || (count > 0 && bytes > RedisTail::kBytesATurn)) break;
    ++count;
  }
  return count;
}

}  // namespace

RedisTail::RedisTail(UvLoop& loop, Resolver& resolver, const RedisAddress& address, const RedisTimes& times,
                     std::string key, std::uint64_t jitter_seed)
    : loop_(loop), times_(times), key_(std::move(key)), link_(loop, resolver, address, times, jitter_seed, *this) {}

void RedisTail::start(ports::EventStreamEvents& events) {
  events_ = &events;
  link_.start();
}

void RedisTail::stop() {
  forget_batch();
  link_.stop();
}

void RedisTail::on_up(RedisConnection& connection) {
  connection.send({"INFO", "server"}, times_.reply_within, [this](const RedisReply& reply) { on_server(reply); });
}

void RedisTail::on_server(const RedisReply& reply) {
  std::optional<std::string> run_id = read_run_id(reply);
  if (!run_id) return refuse("INFO", reply);
  run_id_ = std::move(*run_id);
  link_.connection()->send({"XINFO", "STREAM", key_}, times_.reply_within,
                           [this](const RedisReply& facts) { on_facts(facts); });
}

void RedisTail::on_facts(const RedisReply& reply) {
  std::optional<ports::StreamFacts> facts = read_stream_facts(reply);
  // A stream begins to exist with its first entry.
  const bool is_missing = reply.is_error() && reply.text == "ERR no such key";
  if (!facts && !is_missing) return refuse("XINFO", reply);
  if (is_missing) facts.emplace();
  facts->run_id = run_id_;
  const std::optional<StreamId> cursor = parse_stream_id(events_->on_connected(*facts));
  if (link_.connection() == nullptr) return;  // stopped inside
  if (!cursor) return link_.fail({"the cursor is no id of a stream"});
  cursor_ = *cursor;
  read();
}

void RedisTail::read() {
  const std::string block = std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(times_.block).count());
  const std::string count = std::to_string(batch_);
  const std::string cursor = format_stream_id(cursor_);
  link_.connection()->send({"XREAD", "BLOCK", block, "COUNT", count, "STREAMS", key_, cursor},
                           times_.block + times_.reply_within,
                           [this](RedisReply reply) { on_batch(std::move(reply)); });
}

void RedisTail::on_batch(RedisReply reply) {
  if (reply.is_error()) return refuse("XREAD", reply);
  auto entries = read_entries(std::move(reply), key_, cursor_);
  if (!entries) return link_.fail({"XREAD: unexpected reply"});
  link_.prove();
  if (entries->empty()) return read();
  batch_ = std::min(batch_ * 2, kBatchMost);
  read_ = std::move(*entries);
  told_ = 0;
  tell();
}

// Whoever is told may destroy this: everything else comes before.
void RedisTail::tell() {
  const auto first = read_.begin() + static_cast<std::ptrdiff_t>(told_);
  const std::size_t count = turns_worth({first, read_.end()});
  const std::vector<ports::StreamEntry> entries(std::make_move_iterator(first),
                                                std::make_move_iterator(first + static_cast<std::ptrdiff_t>(count)));
  told_ += count;
  cursor_ = *parse_stream_id(entries.back().id);
  if (told_ == read_.size()) {
    forget_batch();
    read();
  } else {
    turn_ = loop_.after(Duration::zero(), [this] {
      const ports::PendingToken ended = std::move(turn_);
      tell();
    });
  }
  events_->on_entries(entries);
}

// What was not told is read again, by the cursor of the next connection.
void RedisTail::forget_batch() {
  turn_.reset();
  read_.clear();
  told_ = 0;
}

void RedisTail::refuse(const char* command, const RedisReply& reply) {
  const std::string_view why = reply.is_error() ? redis_error_code(reply) : "unexpected reply";
  link_.fail({std::string(command) + ": " + std::string(why)});
}

void RedisTail::on_down(RedisLoss loss) {
  forget_batch();
  // The same question would get the same reply: ask for fewer entries.
  if (loss.reply_too_large) batch_ = std::max<std::size_t>(1, batch_ / 8);
  events_->on_lost(loss.why);
}

}  // namespace introspectd::io
