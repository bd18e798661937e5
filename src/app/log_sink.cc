#include "app/log_sink.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/periodic_worker.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <time.h>

#include <atomic>
#include <mutex>
#include <string>

#include "app/line_writer.h"
#include "app/log_rate.h"
#include "base/time.h"

namespace introspectd::app {
namespace {

MonoTime boot_time() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return MonoTime::from_ns(now.tv_sec * 1'000'000'000 + now.tv_nsec);
}

spdlog::level::level_enum spdlog_level(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// sd-daemon(3): syslog's priorities.
std::string_view journal_prefix(spdlog::level::level_enum level) noexcept {
  if (level >= spdlog::level::err) return "<3>";
  if (level == spdlog::level::warn) return "<4>";
  return level == spdlog::level::info ? "<6>" : "<7>";
}

// One line whatever the text is: a line end inside would begin a line of its own in the journal.
std::string one_line(std::string_view text) {
  std::string line(text.substr(0, kLogLineMost));
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return line;
}

class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  LineSink(int fd, bool for_journal)
      : spdlog::sinks::base_sink<std::mutex>(std::make_unique<spdlog::pattern_formatter>(
            "%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc, "\n")),
        writer_(fd),
        for_journal_(for_journal) {}

  void close() { writer_.close(); }
  std::uint64_t written() const { return written_.load(std::memory_order_relaxed); }
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    bool whole = false;
    if (for_journal_) {
      std::string line(journal_prefix(message.level));
      line.append(message.payload.data(), message.payload.size());
      line += '\n';
      whole = writer_.write(line);
    } else {
      spdlog::memory_buf_t line;
      formatter_->format(message, line);
      whole = writer_.write({line.data(), line.size()});
    }
    (whole ? written_ : lost_).fetch_add(1, std::memory_order_relaxed);
  }
  void flush_() override {}

 private:
  LineWriter writer_;
  bool for_journal_;
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace

class AsyncLogSink::Impl {
 public:
  explicit Impl(const LogSinkOptions& options)
      : level_(options.level),
        lines_(std::make_shared<LineSink>(options.fd, options.for_journal)),
        pool_(std::make_shared<spdlog::details::thread_pool>(options.queue_lines, 1)),
        logger_(std::make_shared<spdlog::async_logger>("", lines_, pool_,
                                                       spdlog::async_overflow_policy::overrun_oldest)),
        // One line of each second is kept for the report of the others.
        rate_(options.lines_per_second - 1),
        reporter_(std::make_unique<spdlog::details::periodic_worker>([this] { report_suppressed(); },
                                                                     std::chrono::seconds{1})) {
    logger_->set_level(spdlog::level::trace);
    // spdlog's own complaint would go to standard error without our rate.
    logger_->set_error_handler(
        [this](const std::string&) { failed_.fetch_add(1, std::memory_order_relaxed); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    reporter_.reset();
    report_suppressed();
    lines_->close();
    // Queued lines hold the logger: while it is held here too, the pool's thread never releases the last of it.
    pool_.reset();  // joins
    logger_.reset();
  }

  bool wants(LogLevel level) const { return level >= level_; }

  void write(LogLevel level, std::string_view line) {
    if (admit()) {
      post(level, line);
    } else {
      suppressed_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  void count_failure() noexcept { failed_.fetch_add(1, std::memory_order_relaxed); }

  LogCounts counts() const {
    return {lines_->written(), suppressed_.load(std::memory_order_relaxed),
            lines_->lost() + pool_->overrun_counter() + failed_.load(std::memory_order_relaxed)};
  }

 private:
  bool admit() {
    const MonoTime now = boot_time();
    const std::lock_guard lock(rate_mutex_);
    return rate_.admit(now);
  }

  void post(LogLevel level, std::string_view line) {
    const std::string text = one_line(line);
    logger_->log(spdlog_level(level), spdlog::string_view_t(text.data(), text.size()));
  }

  // Once a second, by the reporter's thread; the last time by the destructor, after that thread has ended.
  void report_suppressed() {
    const std::uint64_t total = suppressed_.load(std::memory_order_relaxed);
    if (total == reported_) return;
    post(LogLevel::kWarning, format_log_line("log lines suppressed", {{"count", total - reported_}}));
    reported_ = total;
  }

  LogLevel level_;
  std::shared_ptr<LineSink> lines_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> logger_;
  std::mutex rate_mutex_;
  LogRate rate_;
  std::atomic<std::uint64_t> suppressed_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::uint64_t reported_ = 0;
  std::unique_ptr<spdlog::details::periodic_worker> reporter_;
};

AsyncLogSink::AsyncLogSink(const LogSinkOptions& options) : impl_(std::make_unique<Impl>(options)) {}
AsyncLogSink::~AsyncLogSink() = default;

bool AsyncLogSink::wants(LogLevel level) const noexcept {
  return impl_->wants(level);
}

void AsyncLogSink::write(LogLevel level, std::string_view line) noexcept {
  try {
    impl_->write(level, line);
  } catch (...) {  // no memory for the copy
    impl_->count_failure();
  }
}

LogCounts AsyncLogSink::counts() const {
  return impl_->counts();
}

}  // namespace introspectd::app
