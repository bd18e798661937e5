#include "io/memory_mapping.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace introspectd::io {
namespace {

constexpr std::size_t kHugePage = 2U << 20U;

// Gives back what lies outside [begin, begin + size), so that the mapping starts on a huge page.
std::byte* trim(std::byte* mapped, std::size_t mapped_size, std::size_t size) {
  const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(mapped) % kHugePage) % kHugePage;
  if (before != 0) ::munmap(mapped, before);
  const std::size_t behind = mapped_size - before - size;
  if (behind != 0) ::munmap(mapped + before + size, behind);
  return mapped + before;
}

}  // namespace

std::optional<MemoryMapping> MemoryMapping::reserve(std::size_t size, std::size_t dense) {
  constexpr std::size_t kPage = 4096;
  if (size == 0 || size > std::numeric_limits<std::size_t>::max() / 2) return std::nullopt;
  const std::size_t whole_pages = (size + kPage - 1) / kPage * kPage;
  const std::size_t mapped_size = whole_pages + kHugePage;
  void* const mapped =
      ::mmap(nullptr, mapped_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return std::nullopt;
  std::byte* const begin = trim(static_cast<std::byte*>(mapped), mapped_size, whole_pages);
  // Wishes: a kernel without them still gives a correct, if slower or dumpable, mapping.
  const std::size_t huge = std::min(dense, size) / kHugePage * kHugePage;
  if (huge != 0) (void)::madvise(begin, huge, MADV_HUGEPAGE);
  if (huge != whole_pages) (void)::madvise(begin + huge, whole_pages - huge, MADV_NOHUGEPAGE);
  (void)::madvise(begin, whole_pages, MADV_DONTDUMP);
  return MemoryMapping({begin, size});
}

MemoryMapping::~MemoryMapping() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace introspectd::io
