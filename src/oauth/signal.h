// Signal: what a revocation source says about tokens of one authorization server, as a value. Every receiver (logout
// tokens, SETs, Keycloak actions, webhooks, operators, the fleet) ends in signals; purger, relay and simulator share
// them (SPEC §6).
// Threads: values.  Owns: its strings.  Errors: none.  Cost: a few strings.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace introspectd::oauth {

enum class SignalKind : std::uint8_t {
  kDead,             // the token itself, by `token`: false for tombstone_ttl, nobody is asked
  kCutOff,           // what matches and has iat ≤ event_time is false, what has no iat is asked within the hold
  kLogout,           // within the hold a cut-off for tokens without offline_access in their scope; those with it are
                     // asked and not stored; after the hold the authorization server is asked
  kHold,             // what matches is asked, and not stored until the hold ends
  kFlush,            // everything of the authorization server that was fetched before now is asked again
  kForgetNegatives,  // inactive answers of the authorization server are asked again (RISC account-enabled)
};

// Which tokens: every member that is not empty narrows. Where `sid` is given, a token whose answer had no sid is
// matched by `sub` instead (STD 5.29). All empty: every token of the authorization server.
struct ClaimMatch {
  std::string sub, sid, client_id, jti;
  bool operator==(const ClaimMatch&) const = default;
  bool empty() const { return sub.empty() && sid.empty() && client_id.empty() && jti.empty(); }
};

struct Signal {
  SignalKind kind = SignalKind::kHold;
  ClaimMatch match;                          // of kCutOff, kLogout, kHold
  std::array<std::uint8_t, 32> token{};      // SHA-256, of kDead
  std::int64_t event_time = 0;               // seconds since 1970 by the authorization server's clock, inclusive
  bool operator==(const Signal&) const = default;
};
using Signals = std::vector<Signal>;

}  // namespace introspectd::oauth
