#include "service/breaker.h"
#include "base/mutant.h"

#include <algorithm>

namespace introspectd::service {

Breaker::Admission Breaker::admit(MonoTime now) {
  if (state_ == State::kClosed) return Admission::kPass;
  if (now < next_probe_) return Admission::kRefuse;
  // One probe an interval, also when the last one has not ended.
  state_ = State::kProbing;
  next_probe_ = now + jittered(interval_);
  return Admission::kProbe;
}

void Breaker::succeeded(MonoTime now) {
  failures_ = 0;
  if (state_ == State::kOpen) return;   // a straggler from before it opened proves nothing
  if (state_ == State::kProbing) last_change_ = now;
  state_ = State::kClosed;
  interval_ = kIntervalFirst;
}

void Breaker::failed(MonoTime now) {
  ++failures_;
  if (state_ == State::kProbing) {
    interval_ = std::min(interval_ * 2, kIntervalMost);
    open_until(now + jittered(interval_));
    return;
  }
  // It moves at most once a second (F81).
  const bool just_closed = times_opened_ != 0 && now - last_change_ < std::chrono::seconds{1};
  if (state_ == State::kClosed && failures_ >= kFailuresToOpen && !MUTANT(breaker_never_opens) && !just_closed) {
    ++times_opened_;
    last_change_ = now;
    open_until(now + jittered(interval_));
  }
}

void Breaker::probe_abandoned(MonoTime now) {
  if (state_ == State::kProbing) open_until(now + jittered(interval_));
}

void Breaker::hold_off(Duration asked, MonoTime now) {
  const Duration clamped = std::clamp(asked, kRetryAfterLeast, kRetryAfterMost);
  if (state_ == State::kClosed) ++times_opened_;
  last_change_ = now;
  const MonoTime until = now + clamped + Duration{static_cast<std::int64_t>(random_.below(
                                             static_cast<std::uint64_t>(clamped.count() / 10 + 1)))};
  open_until(std::max(until, next_probe_));
}

void Breaker::open_until(MonoTime until) {
  state_ = State::kOpen;
  next_probe_ = until;
}

// Between 75 % and 125 % of the interval.
Duration Breaker::jittered(Duration interval) {
  const auto quarter = static_cast<std::uint64_t>(interval.count() / 4);
  return interval - Duration{static_cast<std::int64_t>(quarter)} +
         Duration{static_cast<std::int64_t>(random_.below(2 * quarter + 1))};
}

Duration Breaker::retry_after(MonoTime now) const {
  const Duration left = state_ == State::kClosed ? Duration::zero() : next_probe_ - now;
  return std::max<Duration>(left, std::chrono::seconds{1});
}

}  // namespace introspectd::service
