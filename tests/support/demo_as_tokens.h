// DemoAsTokens: the tokens of the demo authorization server and what it says about them (RFC 7662 §2.2, RFC
// 7009 §2.2). Threads: one at a time (DemoAs holds a lock).  Owns: the tokens, in memory.  Errors: an unknown
// token is inactive. Cost: one hash lookup.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "support/net.h"

namespace introspectd::support {

struct TokenGrant {
  std::string client_id = "app";
  std::string sub;  // absent when empty
  std::string scope = "read";
  std::string audience;  // absent when empty
  std::chrono::seconds lifetime{600};
};

class DemoAsTokens {
 public:
  explicit DemoAsTokens(std::string issuer) : issuer_(std::move(issuer)) {}

  std::string mint(const TokenGrant& grant);
  // A token for which introspection gives exactly this text.
  void put(const std::string& token, std::string introspection_body);
  std::string introspect(const std::string& token, SteadyTime now,
                         std::chrono::milliseconds replica_lag) const;
  void revoke(const std::string& token, SteadyTime now);
  std::size_t size() const { return tokens_.size(); }

 private:
  struct Token {
    TokenGrant grant;
    std::int64_t issued_at = 0;  // seconds since the epoch
    std::string jti;
    std::string fixed_body;
    std::optional<SteadyTime> revoked_at;
  };

  std::string issuer_;
  std::unordered_map<std::string, Token> tokens_;
};

// 32 random bytes in base64url: what real servers hand out as opaque tokens.
std::string random_token();
// `text` as the inside of a JSON string.
std::string json_escaped(std::string_view text);

}  // namespace introspectd::support
