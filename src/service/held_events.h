// HeldEvents: polled events that this node's keys have refused, or that came while it could not have the keys. The AS may
// have published a key that its JWKS does not bring us yet, so they are neither acknowledged nor reported, and come again
// (RFC 8936 §2): what is refused for kHeldFor, what nobody could judge for as long as it takes. A report would be for
// good, and the event a revocation that never happens here.
// Pure: values and `now`.  Threads: one owner.  Owns: a digest an event, at most kHeldMost.
// Errors: HoldAnswer.  Cost: a SHA-256 of the jti; `forget_old` looks at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"

namespace introspectd::service {

enum class HoldAnswer : std::uint8_t { kHeld, kTooLong, kNoRoom };

class HeldEvents {
 public:
  static constexpr std::size_t kHeldMost = 1024;
  static constexpr Duration kHeldFor = std::chrono::minutes{2};
  static constexpr Duration kRest = std::chrono::seconds{10};   // between two judgements of one event
  static constexpr Duration kForgottenAfter = kHeldFor;         // since it came last

  // It was judged a moment ago, and need not be again.
  bool rests(std::string_view jti, MonoTime now);
  // The keys refuse it. kTooLong: they have for kHeldFor.
  HoldAnswer hold(std::string_view jti, MonoTime now);
  // There are no keys to judge it by: its time begins anew. kHeld, kNoRoom.
  HoldAnswer await_keys(std::string_view jti, MonoTime now);
  void settled(std::string_view jti);
  // Those that do not come any more. True where there was one.
  bool forget_old(MonoTime now);

  bool empty() const { return held_.empty(); }
  std::size_t size() const { return held_.size(); }

 private:
  struct Held {
    MonoTime since;
    MonoTime judged;
    MonoTime came;
  };
  std::unordered_map<std::string, Held> held_;   // by digest: a jti is as long as the AS likes
};

}  // namespace introspectd::service
