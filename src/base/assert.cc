#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace introspectd {

void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "fault: %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace introspectd
