#include "service/local_host.h"

#include <doctest/doctest.h>

namespace introspectd::service {

TEST_CASE("local_host: loopback names with and without a port (F29)") {
  for (const char* host : {"localhost", "LocalHost", "localhost:7662", "127.0.0.1", "127.0.0.1:80", "127.1.2.3",
                           "[::1]", "[::1]:7662", "localhost:"}) {
    CAPTURE(host);
    CHECK(is_local_host(host));
  }
}

TEST_CASE("local_host: everything else is foreign (F29)") {
  for (const char* host : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1:x",
                           "localhost:80:80", "[::2]", "[::1", "[::1]x", "[::1]:x", "10.0.0.1", "128.0.0.1", "127.",
                           "127.0.0", "127.0.0.1.5", "::1", "xlocalhost"}) {
    CAPTURE(host);
    CHECK_FALSE(is_local_host(host));
  }
}

}  // namespace introspectd::service
