// CHECK: stops the process when an invariant of ours is broken. A fault (a bug, an impossible answer of the OS)
// is never an outcome: it aborts, the service manager restarts, the cache starts cold and correct (DESIGN §6).
// Threads: any.  Errors: none, it does not return.  Cost: one predictable branch. Stays on in release builds.
#pragma once

namespace introspectd {

[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace introspectd

#define CHECK_INVARIANT(condition)                                       \
  do {                                                                   \
    if (!(condition)) [[unlikely]] {                                     \
      ::introspectd::check_failed(#condition, __FILE__, __LINE__);       \
    }                                                                    \
  } while (false)
