// RedisConnection: commands and their replies over one connected stream, in order, each reply with its deadline.
// Threads: the loop's.  Owns: the stream (plain, or whatever else is a ByteStream), unsent bytes (overwritten when
// sent: AUTH is among them), what waits for replies.
// Errors: on_lost, once: closed, silent past a deadline, malformed, too large. Redis' error replies are replies.
// Cost: one write a command while the socket takes it, one read of 64 KiB at most an event.
// Contract: callbacks run in later turns than send; each of them may destroy the connection. After on_lost, and after
// destruction, nothing is called any more.
#pragma once

#include <cstddef>
#include <deque>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_buffer.h"
#include "base/time.h"
#include "base/unique_function.h"
#include "io/redis_reply.h"
#include "io/uv_loop.h"
#include "ports/byte_stream.h"

namespace introspectd::io {

struct RedisLoss {
  std::string why;
  bool reply_too_large = false;  // asking for less may help
};

class RedisConnection final : public ports::StreamEvents {
 public:
  using OnReply = UniqueFunction<void(RedisReply)>;
  using OnLost = UniqueFunction<void(RedisLoss)>;

  RedisConnection(UvLoop& loop, std::unique_ptr<ports::ByteStream> stream, OnLost on_lost);
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;
  ~RedisConnection() override;

  // The reply is owed `within` so long from now. The first word stands in the reason of a loss.
  void send(std::span<const std::string_view> words, Duration within, OnReply on_reply);
  void send(std::initializer_list<std::string_view> words, Duration within, OnReply on_reply) {
    send(std::span(words.begin(), words.size()), within, std::move(on_reply));
  }
  std::size_t outstanding() const { return waiting_.size(); }
  std::size_t unsent_bytes() const { return out_.size(); }

  void on_readable() override;
  void on_writable() override;

 private:
  struct Waiting {
    std::string command;
    MonoTime deadline;
    OnReply on_reply;
  };

  void flush();
  void take_replies();
  void arm_deadline();
  void check_deadline();
  void lose_soon(const char* why);
  void lose(const char* why, bool reply_too_large = false);

  UvLoop& loop_;
  std::unique_ptr<ports::ByteStream> stream_;  // null: lost
  OnLost on_lost_;
  ByteBuffer out_;
  RedisReplyReader replies_;
  std::deque<Waiting> waiting_;
  ports::PendingToken deadline_;
  ports::PendingToken loss_;
  bool* destroyed_ = nullptr;  // set while an on_reply runs
};

}  // namespace introspectd::io
