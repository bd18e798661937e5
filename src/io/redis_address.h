// RedisAddress: where a Redis server listens and who we are there, parsed from one URL.
//   redis://[user[:password]@]host[:port][/db]        port 6379, db 0; user and password percent-encoded
//   unix:/path[?db=N]
// Threads: a value.  Owns: strings, the password as a Secret.  Errors: a sentence that never repeats the URL, which may
// hold a password.  Cost: one parse, at configuration.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/secret.h"

namespace introspectd::io {

struct RedisAddress {
  std::string host;          // lower case, IPv6 without brackets; empty: unix_path
  std::uint16_t port = 0;
  bool is_numeric = false;   // the host is an IP address: nothing to resolve
  bool is_loopback = false;  // a Unix socket too: what is sent there stays on this machine
  std::string unix_path;
  std::string user;          // ACL user (Redis 6); empty: the default one
  Secret password;           // empty: no AUTH
  std::uint32_t database = 0;
};

// Refuses other schemes, rediss:// with a sentence of its own, and what has a user but no password.
tl::expected<RedisAddress, std::string> parse_redis_url(std::string_view url);

}  // namespace introspectd::io
