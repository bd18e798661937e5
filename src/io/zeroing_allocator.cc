#include "io/zeroing_allocator.h"

#include <curl/curl.h>
#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/secret.h"

namespace introspectd::io {
namespace {

void free_zeroed(void* block) {
  if (block == nullptr) return;
  zeroize(static_cast<char*>(block), ::malloc_usable_size(block));
  std::free(block);
}

// realloc may leave the old bytes behind where the block moves.
void* realloc_zeroed(void* block, std::size_t size) {
  if (block == nullptr) return std::malloc(size);
  const std::size_t before = ::malloc_usable_size(block);
  if (size != 0 && size <= before && size >= before / 2) return block;
  void* const moved = std::malloc(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(before, size));
  free_zeroed(block);
  return moved;
}

char* copy_text(const char* text) { return ::strdup(text); }

}  // namespace

bool start_curl_zeroing() {
  return curl_global_init_mem(CURL_GLOBAL_DEFAULT, &std::malloc, &free_zeroed, &realloc_zeroed, &copy_text,
                              &std::calloc) == CURLE_OK;
}

}  // namespace introspectd::io
