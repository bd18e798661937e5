// RedisStream: ports::EventStream over a Redis Stream (Redis 6 or 7): one connection reads (RedisTail), one appends
// (RedisAppender); each comes back by itself, 50 ms to 5 s after a loss, with jitter.
// Threads: the loop's.  Owns: both connections, the password.  Errors: on_lost for every loss and every failed attempt
// of the reading connection; an append that is not confirmed fails. A password is in no reason.
// Cost: one round trip a batch or a second; one command an append.
// An ACL needs: +auth +select +client|setname +info +xinfo|stream +xread +xadd, and the key.
#pragma once

#include <cstdint>
#include <string>

#include "io/redis_appender.h"
#include "io/redis_tail.h"
#include "ports/event_stream.h"

namespace introspectd::io {

struct RedisStreamOptions {
  RedisAddress address;
  std::string key;                         // of the stream
  std::uint64_t entries_most = 100'000;    // about so many are kept (MAXLEN ~)
  std::uint64_t jitter_seed = 0;
  RedisAppender::OnTrouble on_append_trouble;  // why appends fail, for the log
  RedisTimes times;
};

class RedisStream final : public ports::EventStream {
 public:
  RedisStream(UvLoop& loop, Resolver& resolver, RedisStreamOptions options);

  void start(ports::EventStreamEvents& events) override;
  void append(std::vector<std::pair<std::string, std::string>> fields, UniqueFunction<void(bool ok)> done) override;
  void stop() override;

 private:
  RedisAddress address_;
  RedisTail tail_;
  RedisAppender appender_;
};

}  // namespace introspectd::io
