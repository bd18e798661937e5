// LineWriter: whole lines to a file descriptor whose reader may have stopped reading: it waits a little once,
// then not at all until the reader is back, and says which lines were lost. Threads: one at a time, but for
// close().  Owns: nothing, the fd stays the caller's.  Errors: false: the line is lost. Cost: poll and write.
#pragma once

#include <atomic>
#include <cstddef>
#include <string_view>

namespace introspectd::app {

// A pipe takes up to PIPE_BUF bytes whole: longer lines are cut.
inline constexpr std::size_t kLogLineMost = 4000;

class LineWriter {
 public:
  explicit LineWriter(int fd) : fd_(fd) {}
  // `line` ends with '\n'.
  bool write(std::string_view line);
  // From now on nothing is waited for.
  void close() { patient_.store(false, std::memory_order_relaxed); }

 private:
  bool is_writable();

  int fd_;
  std::atomic<bool> patient_{true};
  bool stuck_ = false;
  bool cut_ = false;  // a line was written in part: the next one begins with a line end
};

}  // namespace introspectd::app
