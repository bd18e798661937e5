// Log: structured lines, a constant event and then keys: `upstream failed as=main outcome=timed_out`.
// Never a token, a secret or a claim value: callers pass only configured names, enums and numbers (STD 1.37, 9.15).
// The level says who must act: error = page somebody, warning = look today, info = lifecycle, debug = developers.
// Threads: any; a sink must be safe from any thread and must never block (I43).  Errors: none.
// Cost: the line is formatted only when the sink takes the level; not used on the hit path.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace introspectd {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

struct LogField {
  std::string_view key;
  std::string value;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, std::int64_t v) : key(k), value(std::to_string(v)) {}
  LogField(std::string_view k, std::uint64_t v) : key(k), value(std::to_string(v)) {}
  LogField(std::string_view k, int v) : key(k), value(std::to_string(v)) {}
  LogField(std::string_view k, unsigned v) : key(k), value(std::to_string(v)) {}
};

class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual bool wants(LogLevel level) const noexcept = 0;
  virtual void write(LogLevel level, std::string_view line) noexcept = 0;
};

class Log {
 public:
  explicit Log(LogSink& sink) : sink_(&sink) {}

  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {}) const;
  void debug(std::string_view event, std::initializer_list<LogField> f = {}) const { write(LogLevel::kDebug, event, f); }
  void info(std::string_view event, std::initializer_list<LogField> f = {}) const { write(LogLevel::kInfo, event, f); }
  void warning(std::string_view event, std::initializer_list<LogField> f = {}) const {
    write(LogLevel::kWarning, event, f);
  }
  void error(std::string_view event, std::initializer_list<LogField> f = {}) const { write(LogLevel::kError, event, f); }

 private:
  LogSink* sink_;
};

// One line of log text: values with spaces, quotes, '=' or control bytes are quoted and escaped.
std::string format_log_line(std::string_view event, std::initializer_list<LogField> fields);

}  // namespace introspectd
