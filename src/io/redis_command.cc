#include "io/redis_command.h"

#include <hiredis/hiredis.h>

#include <cstddef>
#include <vector>

#include "base/assert.h"
#include "base/secret.h"

namespace introspectd::io {

void append_redis_command(ByteBuffer& out, std::span<const std::string_view> words) {
  std::vector<const char*> starts;
  std::vector<std::size_t> sizes;
  starts.reserve(words.size());
  sizes.reserve(words.size());
  for (const std::string_view word : words) {
    starts.push_back(word.empty() ? "" : word.data());
    sizes.push_back(word.size());
  }
  char* formatted = nullptr;
  const int size = redisFormatCommandArgv(&formatted, static_cast<int>(words.size()), starts.data(), sizes.data());
  CHECK_INVARIANT(size > 0);  // it fails for want of memory only
  const auto bytes = static_cast<std::size_t>(size);
  out.append({formatted, bytes});
  zeroize(formatted, bytes);
  redisFreeCommand(formatted);
}

}  // namespace introspectd::io
