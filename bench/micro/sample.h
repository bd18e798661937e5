// sample: the request that the load generator sends, for the micro benches.
#pragma once

#include <cstdint>
#include <string>

#include "support/token_set.h"

namespace introspectd::bench {

inline constexpr const char* kSampleAuthorization = "Basic YmVuY2g6YmVuY2gtc2VjcmV0";

inline std::string sample_token(std::uint64_t index) {
  std::string token(kTokenBytes, '\0');
  TokenSet(1).write(index, token.data());
  return token;
}

inline std::string sample_request(std::uint64_t index) {
  return std::string("POST /introspect HTTP/1.1\r\nHost: localhost\r\nAuthorization: ") + kSampleAuthorization +
         "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 49\r\n\r\ntoken=" + sample_token(index);
}

}  // namespace introspectd::bench
