// SeenEvents: which signed events were accepted lately, by (AS, kind, jti), so that a repeated one is counted as such.
// Only counted: its effect is applied again, which changes nothing (STD 5.04, F95), so forgetting one is harmless.
// Threads: one owner.  Owns: hashes, at most 2 × kHeldMost.  Errors: none.  Cost: O(1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/time.h"
#include "cache/identity.h"
#include "oauth/security_event.h"

namespace introspectd::service {

class SeenEvents {
 public:
  static constexpr std::size_t kHeldMost = 32768;                   // of the younger half
  static constexpr Duration kHalfLife = std::chrono::minutes{10};   // remembered for one to two of it

  // True when it was seen before; it is remembered either way. Events without a jti are never the same.
  bool seen(cache::ServerId server, oauth::SignedEventKind kind, std::string_view jti, MonoTime now) {
    if (jti.empty()) return false;
    if (young_.size() >= kHeldMost || now - turned_ >= kHalfLife) {
      old_ = std::exchange(young_, {});
      turned_ = now;
    }
    std::string name = std::to_string(server) + ":" + std::to_string(static_cast<int>(kind)) + ":";
    const std::size_t hash = std::hash<std::string>{}(name.append(jti));
    const bool before = old_.contains(hash) || young_.contains(hash);
    young_.insert(hash);
    return before;
  }
  std::size_t size() const { return young_.size() + old_.size(); }

 private:
  std::unordered_set<std::size_t> young_;
  std::unordered_set<std::size_t> old_;
  MonoTime turned_;
};

}  // namespace introspectd::service
