#include "io/redis_stream.h"

#include <utility>

namespace introspectd::io {

RedisStream::RedisStream(UvLoop& loop, Resolver& resolver, RedisStreamOptions options)
    : address_(std::move(options.address)),
      tail_(loop, resolver, address_, options.times, options.key, options.jitter_seed),
      // Another sequence: both are lost at once when the server is, and shall not come back in step.
      appender_(loop, resolver, address_, options.times, options.key, options.entries_most, ~options.jitter_seed,
                std::move(options.on_append_trouble)) {}

void RedisStream::start(ports::EventStreamEvents& events) {
  tail_.start(events);
  appender_.start();
}

void RedisStream::append(std::vector<std::pair<std::string, std::string>> fields, UniqueFunction<void(bool ok)> done) {
  appender_.append(fields, std::move(done));
}

void RedisStream::stop() {
  tail_.stop();
  appender_.stop();
}

}  // namespace introspectd::io
