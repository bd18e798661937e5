#include "io/redis_connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include "io/redis_command.h"

namespace introspectd::io {
namespace {

constexpr std::size_t kReadMost = 65'536;

}  // namespace

RedisConnection::RedisConnection(UvLoop& loop, std::unique_ptr<ports::ByteStream> stream, OnLost on_lost)
    : loop_(loop), stream_(std::move(stream)), on_lost_(std::move(on_lost)) {
  stream_->watch(*this, true, false);
}

RedisConnection::~RedisConnection() {
  if (destroyed_ != nullptr) *destroyed_ = true;
}

void RedisConnection::send(std::span<const std::string_view> words, Duration within, OnReply on_reply) {
  if (stream_ == nullptr || loss_ != nullptr) return;  // whoever waits hears of the loss
  append_redis_command(out_, words);
  waiting_.push_back({std::string(words.front()), loop_.now().mono + within, std::move(on_reply)});
  arm_deadline();
  flush();
}

void RedisConnection::flush() {
  while (!out_.empty()) {
    const ports::IoResult result = stream_->write(out_.view());
    if (result.status == ports::IoStatus::kWouldBlock) break;
    if (result.status != ports::IoStatus::kOk) return lose_soon("the connection broke while writing");
    out_.consume(result.bytes);
  }
  stream_->watch(*this, true, !out_.empty());
}

void RedisConnection::on_writable() { flush(); }

void RedisConnection::on_readable() {
  std::array<char, kReadMost> bytes{};
  const ports::IoResult result = stream_->read(bytes);
  switch (result.status) {
    case ports::IoStatus::kOk:
      replies_.feed({bytes.data(), result.bytes});
      return take_replies();
    case ports::IoStatus::kWouldBlock: return;
    case ports::IoStatus::kEnd: return lose("the server closed the connection");
    case ports::IoStatus::kError: return lose("the connection broke while reading");
  }
}

void RedisConnection::take_replies() {
  bool destroyed = false;
  while (stream_ != nullptr && loss_ == nullptr) {
    RedisReply reply;
    switch (replies_.next(reply)) {
      case RedisReplyReader::Status::kNeedMore: return;
      case RedisReplyReader::Status::kMalformed: return lose("malformed reply");
      case RedisReplyReader::Status::kTooLarge: return lose("reply too large", true);
      case RedisReplyReader::Status::kReply: break;
    }
    if (waiting_.empty()) return lose("a reply that nobody asked for");
    OnReply on_reply = std::move(waiting_.front().on_reply);
    waiting_.pop_front();
    destroyed_ = &destroyed;
    on_reply(std::move(reply));
    if (destroyed) return;
    destroyed_ = nullptr;
  }
}

// One timer, for the oldest command: the others are owed later. It is early when that one has been answered meanwhile.
void RedisConnection::arm_deadline() {
  if (deadline_ != nullptr || waiting_.empty()) return;
  const Duration left = waiting_.front().deadline - loop_.now().mono;
  deadline_ = loop_.after(std::max(left, Duration::zero()), [this] { check_deadline(); });
}

void RedisConnection::check_deadline() {
  deadline_.reset();
  if (waiting_.empty()) return;
  if (waiting_.front().deadline <= loop_.now().mono) return lose("no reply in time");
  arm_deadline();
}

// A write fails inside send: its caller hears of it in a later turn.
void RedisConnection::lose_soon(const char* why) {
  if (loss_ == nullptr) loss_ = loop_.after(Duration::zero(), [this, why] { lose(why); });
}

void RedisConnection::lose(const char* why, bool reply_too_large) {
  RedisLoss loss{why, reply_too_large};
  if (!waiting_.empty()) loss.why = waiting_.front().command + ": " + why;
  stream_.reset();
  deadline_.reset();
  loss_.reset();
  waiting_.clear();
  out_.release();
  // On the stack: on_lost may destroy this connection.
  OnLost on_lost = std::move(on_lost_);
  on_lost(std::move(loss));
}

}  // namespace introspectd::io
