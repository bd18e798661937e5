#include "counting.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> allocation_count{0};
std::atomic<std::uint64_t> lock_count{0};

void* counted(std::size_t size) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  void* const block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) std::abort();
  return block;
}

using LockFunction = int (*)(pthread_mutex_t*);

}  // namespace

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

namespace introspectd::testing {

std::uint64_t allocations() { return allocation_count.load(std::memory_order_relaxed); }
std::uint64_t mutex_locks() { return lock_count.load(std::memory_order_relaxed); }

}  // namespace introspectd::testing
