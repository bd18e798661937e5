// AsyncLogSink: log lines to standard error by a thread of spdlog's: a full queue loses its oldest line, a
// reader that does not read loses lines, a flood is cut to its rate; each loss is counted, none of them
// blocks (I43, F115). Threads: write from any.  Owns: two threads, the queue.  Errors: none: losses are
// counts. Cost: a mutex and a copy of the line. Destroying it writes what is queued, as far as the reader
// takes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/log.h"

namespace introspectd::app {

struct LogSinkOptions {
  LogLevel level = LogLevel::kInfo;
  std::size_t lines_per_second = 100;
  std::size_t queue_lines = 1024;
  bool for_journal = false;  // `<6>` in place of time and level (STD 9.14)
  int fd = 2;
};

struct LogCounts {
  std::uint64_t written = 0;
  std::uint64_t suppressed = 0;  // over the rate
  std::uint64_t dropped = 0;     // queue full, or the reader did not read
};

class AsyncLogSink final : public LogSink {
 public:
  explicit AsyncLogSink(const LogSinkOptions& options);
  AsyncLogSink(const AsyncLogSink&) = delete;
  AsyncLogSink& operator=(const AsyncLogSink&) = delete;
  ~AsyncLogSink() override;

  bool wants(LogLevel level) const noexcept override;
  void write(LogLevel level, std::string_view line) noexcept override;

  LogCounts counts() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace introspectd::app
