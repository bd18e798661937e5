// ZeroingStack: the allocator of RapidJSON's working stack, where every string of a text is decoded: a block is
// overwritten before it is given back, as it may have held a token (I44).
// Threads: any.  Owns: nothing.  Errors: a null pointer where there is no memory, as RapidJSON's own.
// Cost: one pass over each block at its end.
#pragma once

#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/secret.h"

namespace introspectd::codec {

// NOLINTBEGIN(readability-identifier-naming): RapidJSON's names.
struct ZeroingStack {
  static constexpr bool kNeedFree = true;

  void* Malloc(std::size_t size) { return size == 0 ? nullptr : std::malloc(size); }
  // realloc would leave the old bytes behind where the block moves.
  void* Realloc(void* block, std::size_t before, std::size_t size) {
    void* const moved = Malloc(size);
    if (moved != nullptr && block != nullptr) std::memcpy(moved, block, std::min(before, size));
    Free(block);
    return moved;
  }
  static void Free(void* block) {
    if (block == nullptr) return;
    zeroize(static_cast<char*>(block), ::malloc_usable_size(block));
    std::free(block);
  }
};
// NOLINTEND(readability-identifier-naming)

}  // namespace introspectd::codec
