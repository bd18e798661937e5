// Guarded<T>: a value that can only be reached while its mutex is held, but for what never changes of it.
// Threads: any; `with` blocks on the one mutex. Never call out, never make a system call, never take a second
// Guarded inside `with` (DESIGN §4: one lock at a time).  Cost: one uncontended lock and unlock. It has its cache lines
// for itself, so that threads which lock different ones do not meet.
#pragma once

#include <mutex>
#include <utility>

namespace introspectd {

template <typename T>
class alignas(64) Guarded {
 public:
  template <typename... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  template <typename F>
  decltype(auto) with(F&& f) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::forward<F>(f)(value_);
  }

  // Without the lock: only for what is the same from the end of the constructor on.
  const T& constant() const { return value_; }

 private:
  std::mutex mutex_;
  T value_;
};

}  // namespace introspectd
