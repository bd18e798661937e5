// What the io tests share: running a loop until a condition holds, and counting the process's fds and threads.
// Threads: the test's.  Errors: a condition that never holds ends the wait after five seconds; the test then fails.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <iterator>

#include "io/uv_loop.h"

namespace introspectd::io {

using namespace std::chrono_literals;

// Runs the loop until `done` or `limit`; true when it is done.
inline bool run_until(UvLoop& loop, const std::function<bool()>& done, Duration limit = 5s) {
  bool expired = false;
  const ports::PendingToken end = loop.after(limit, [&] {
    expired = true;
    loop.stop();
  });
  std::function<void()> look;
  ports::PendingToken next;
  look = [&] {
    if (done()) return loop.stop();
    next = loop.after(1ms, [&] { look(); });
  };
  look();
  loop.run();
  return !expired;
}

inline std::size_t entries_of(const char* directory) {
  const std::filesystem::directory_iterator begin(directory);
  return static_cast<std::size_t>(std::distance(begin, std::filesystem::directory_iterator{}));
}
inline std::size_t open_fds() { return entries_of("/proc/self/fd"); }
inline std::size_t live_threads() { return entries_of("/proc/self/task"); }

}  // namespace introspectd::io
