#include "counting.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>

#include "sanitizers.h"

// Sanitizers watch allocations and locks by standing where this file would stand: theirs is the better use there.
#if INTROSPECTD_ASAN || INTROSPECTD_TSAN
#define INTROSPECTD_COUNTS 0
#else
#define INTROSPECTD_COUNTS 1
#endif

namespace {

std::atomic<std::uint64_t> allocation_count{0};
std::atomic<std::uint64_t> lock_count{0};

#if INTROSPECTD_COUNTS
using LockFunction = int (*)(pthread_mutex_t*);
#endif

}  // namespace

#if INTROSPECTD_COUNTS
// Under operator new, and under every library's own allocations. The work is libc's.
extern "C" {
void* __libc_malloc(std::size_t size);                        // NOLINT: glibc's own names
void* __libc_calloc(std::size_t count, std::size_t size);     // NOLINT
void* __libc_realloc(void* block, std::size_t size);          // NOLINT

void* malloc(std::size_t size) noexcept {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, size);
}
void* realloc(void* block, std::size_t size) noexcept {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(block, size);
}
}

// Stands before libc's own, which does the work.
extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  static const auto kReal = reinterpret_cast<LockFunction>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  lock_count.fetch_add(1, std::memory_order_relaxed);
  return kReal(mutex);
}
#endif

namespace introspectd::testing {

bool counts() { return INTROSPECTD_COUNTS != 0; }

std::uint64_t allocations() { return allocation_count.load(std::memory_order_relaxed); }
std::uint64_t mutex_locks() { return lock_count.load(std::memory_order_relaxed); }

}  // namespace introspectd::testing
