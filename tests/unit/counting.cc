#include "counting.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <new>

// Sanitizers watch allocations and locks by standing where this file would stand: theirs is the better use there.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INTROSPECTD_COUNTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INTROSPECTD_COUNTS 0
#endif
#endif
#ifndef INTROSPECTD_COUNTS
#define INTROSPECTD_COUNTS 1
#endif

namespace {

std::atomic<std::uint64_t> allocation_count{0};
std::atomic<std::uint64_t> lock_count{0};

#if INTROSPECTD_COUNTS
void* counted(std::size_t size) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  void* const block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) std::abort();
  return block;
}

using LockFunction = int (*)(pthread_mutex_t*);
#endif

}  // namespace

#if INTROSPECTD_COUNTS
void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }

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
