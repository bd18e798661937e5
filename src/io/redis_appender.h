// RedisAppender: adds entries to one Redis Stream, pipelined and in order, and trims it to about its length.
// Threads: the loop's.  Owns: its link, the appends under way (kPendingMost, kUnsentBytesMost).
// Errors: done(false): not connected, too many under way, refused, or not confirmed; any refusal drops the connection,
// so that what follows cannot overtake what failed. `on_trouble` says why, for the log.
// Cost: one command an append, no round trip awaited.
// Contract: `done` runs once, in a later turn than append, unless the appender is destroyed first; it may destroy it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_function.h"
#include "io/redis_link.h"

namespace introspectd::io {

class RedisAppender final : private RedisLinkEvents {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  using Done = UniqueFunction<void(bool ok)>;
  using OnTrouble = UniqueFunction<void(std::string_view why)>;
  static constexpr std::size_t kPendingMost = 1024;
  static constexpr std::size_t kUnsentBytesMost = 8U << 20U;

  RedisAppender(UvLoop& loop, Resolver& resolver, const RedisAddress& address, const RedisTimes& times, std::string key,
                std::uint64_t entries_most, std::uint64_t jitter_seed, OnTrouble on_trouble);
  ~RedisAppender() override;

  void start() { link_.start(); }
  void append(const Fields& fields, Done done);
  // What is under way fails, in a later turn.
  void stop();

 private:
  void on_up(RedisConnection&) override {}
  void on_down(RedisLoss loss) override;

  void on_added(const RedisReply& reply);
  void fail_soon(Done done);
  void fail_pending();
  void tell_failures();

  UvLoop& loop_;
  RedisTimes times_;
  std::string key_;
  std::string entries_most_;
  OnTrouble on_trouble_;
  RedisLink link_;
  std::deque<Done> pending_;
  std::deque<Done> failed_;
  ports::PendingToken failures_;
  bool* destroyed_ = nullptr;  // set while a `done` runs in tell_failures
};

}  // namespace introspectd::io
