#include "support/answer.h"

#include <cstdio>
#include <cstring>

#include "base/assert.h"

namespace introspectd::bench {

std::string_view active_answer(std::uint64_t index, AnswerBuffer& buffer) {
  // Fixed widths throughout; `exp` is in 2096, so that nothing runs out during a bench.
  const int written = std::snprintf(
      buffer.data(), buffer.size(),
      "{\"active\":true,\"tenant\":\"t1\",\"client_id\":\"app-%06llu\",\"exp\":4000000000,\"iat\":1700000000,"
      "\"nbf\":1700000000,\"iss\":\"http://127.0.0.1:4000\",\"aud\":[\"urn:api:orders\",\"urn:api:payments\"],"
      "\"scope\":\"openid profile orders:read orders:write payments:read\",\"token_type\":\"Bearer\","
      "\"sub\":\"user-%012llu\",\"sid\":\"session-%012llu\",\"jti\":\"token-%014llu\",\"username\":\"",
      static_cast<unsigned long long>(index % 1000), static_cast<unsigned long long>(index / 4),
      static_cast<unsigned long long>(index / 2), static_cast<unsigned long long>(index));
  CHECK_INVARIANT(written > 0 && static_cast<std::size_t>(written) < kAnswerBytes - 2);
  const auto begun = static_cast<std::size_t>(written);
  std::memset(buffer.data() + begun, 'u', kAnswerBytes - begun);
  std::memcpy(buffer.data() + kAnswerBytes - 2, "\"}", 3);
  return {buffer.data(), kAnswerBytes};
}

}  // namespace introspectd::bench
