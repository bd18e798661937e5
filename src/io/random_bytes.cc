#include "io/random_bytes.h"

#include <sys/random.h>

#include <cerrno>

#include "base/assert.h"

namespace introspectd::io {

void fill_random(std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t got = ::getrandom(into.data(), into.size(), 0);
    CHECK_INVARIANT(got >= 0 || errno == EINTR);
    if (got > 0) into = into.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace introspectd::io
