// Breaker: leaves an authorization server alone after repeated failures, and lets one probe a jittered interval find
// out whether it is back (I33, F63, F66, F81). Pure.
// Threads: one owner.  Errors: none.  Cost: comparisons.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "base/time.h"

namespace introspectd::service {

class Breaker {
 public:
  static constexpr unsigned kFailuresToOpen = 10;   // in a row
  static constexpr Duration kIntervalFirst = std::chrono::seconds{1};
  static constexpr Duration kIntervalMost = std::chrono::seconds{8};       // recovery within 30 s (I36)
  static constexpr Duration kRetryAfterLeast = std::chrono::seconds{1};    // F66
  static constexpr Duration kRetryAfterMost = std::chrono::seconds{60};

  enum class State : std::uint8_t { kClosed, kOpen, kProbing };
  enum class Admission : std::uint8_t { kPass, kProbe, kRefuse };

  explicit Breaker(std::uint64_t seed) : random_(seed) {}

  Admission admit(MonoTime now);
  // A call admitted before has ended: the AS answered as a server in order does, or not.
  void succeeded(MonoTime now);
  void failed(MonoTime now);
  // A probe was given up without a verdict.
  void probe_abandoned(MonoTime now);
  // The AS asked to be left alone (429 or 503 with Retry-After): at most one probe after that.
  void hold_off(Duration asked, MonoTime now);

  State state() const { return state_; }
  // How long a refused caller should wait; at least a second.
  Duration retry_after(MonoTime now) const;
  std::uint64_t times_opened() const { return times_opened_; }

 private:
  void open_until(MonoTime until);
  Duration jittered(Duration interval);

  Random random_;
  State state_ = State::kClosed;
  unsigned failures_ = 0;
  Duration interval_ = kIntervalFirst;
  MonoTime next_probe_;
  MonoTime last_change_;
  std::uint64_t times_opened_ = 0;
};

}  // namespace introspectd::service
