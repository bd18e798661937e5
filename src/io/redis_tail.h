// RedisTail: follows one Redis Stream from a cursor on: who the server is (INFO), what the stream holds (XINFO), then
// XREAD BLOCK in a loop.
// Threads: the loop's.  Owns: its link.  Errors: on_lost with a reason, for every loss and every failed attempt; a
// server that is silent for BLOCK and two seconds is lost (F93).  Cost: one round trip a batch; what it brings is told
// over turns, kEntriesATurn and kBytesATurn in each (I35; one entry always fits), and only then more is asked for.
// Contract: as ports::EventStream. on_connected may not destroy the tail; on_entries and on_lost may.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/redis_link.h"
#include "io/redis_stream_reply.h"
#include "ports/event_loop.h"
#include "ports/event_stream.h"

namespace introspectd::io {

class RedisTail final : private RedisLinkEvents {
 public:
  static constexpr std::size_t kBatchMost = 512;
  static constexpr std::size_t kEntriesATurn = 128;
  static constexpr std::size_t kBytesATurn = 128U << 10U;

  RedisTail(UvLoop& loop, Resolver& resolver, const RedisAddress& address, const RedisTimes& times, std::string key,
            std::uint64_t jitter_seed);

  void start(ports::EventStreamEvents& events);
  void stop();

 private:
  void on_up(RedisConnection& connection) override;
  void on_down(RedisLoss loss) override;

  void on_server(const RedisReply& reply);
  void on_facts(const RedisReply& reply);
  void read();
  void on_batch(RedisReply reply);
  void tell();
  void forget_batch();
  void refuse(const char* command, const RedisReply& reply);

  UvLoop& loop_;
  RedisTimes times_;
  std::string key_;
  RedisLink link_;
  ports::EventStreamEvents* events_ = nullptr;
  std::string run_id_;
  StreamId cursor_;                 // of what was told
  std::vector<ports::StreamEntry> read_;
  std::size_t told_ = 0;            // … of these
  ports::PendingToken turn_;
  std::size_t batch_ = kBatchMost;  // less after a reply that was too large
};

}  // namespace introspectd::io
