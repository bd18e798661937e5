// ServerLink: what is known of one authorization server while we talk to it: its credential, how many calls are in
// flight, its breaker and retry budget, and what became of the calls. Fetcher and Revoker share it.
// Threads: the back loop; counters may be read by any.  Owns: the credential in use.  Errors: none.  Cost: O(1).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/log.h"
#include "base/unique_function.h"
#include "oauth/introspection_answer.h"
#include "ports/upstream.h"
#include "service/breaker.h"
#include "service/outcomes.h"
#include "service/retry_budget.h"
#include "service/settings.h"

namespace introspectd::service {

// Upstream starts = ok + error + timeout + cancelled + in flight (I53).
enum class CallCounter : std::uint8_t { kStarted, kOk, kError, kTimeout, kCancelled, kRetries };
inline constexpr std::size_t kCallCounters = static_cast<std::size_t>(CallCounter::kRetries) + 1;

// Call durations, seconds, upper bounds of the buckets; the last is +Inf.
inline constexpr std::array<double, 12> kDurationBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                        0.1,   0.25,   0.5,   1.0,  2.5,   5.0};

class ServerLink {
 public:
  // Reads the secret again; empty when it cannot be read or has not changed.
  using ReloadSecret = UniqueFunction<Secret()>;

  ServerLink(const AuthorizationServerSettings& settings, std::uint64_t seed, ReloadSecret reload);

  const AuthorizationServerSettings& settings() const { return *settings_; }
  const oauth::ClientCredential& credential() const { return credential_; }
  Breaker& breaker() { return breaker_; }
  const Breaker& breaker() const { return breaker_; }
  RetryBudget& retries() { return retries_; }

  bool has_room() const { return in_flight_ < settings_->max_in_flight; }
  std::size_t in_flight() const { return in_flight_; }
  void started();
  // A call has ended, after `took`; tells the breaker and counts.
  void ended(const ports::UpstreamReply& reply, Duration took, Now now);
  void cancelled();
  // The AS refused our credential: reads the secret again, at most once in 10 s. True when it has changed (F63).
  bool reload_secret(MonoTime now);
  // How often it has: a call that was refused may have been sent before the last time.
  unsigned renewals() const { return renewals_; }

  std::uint64_t count(CallCounter counter) const { return calls_.get(static_cast<std::size_t>(counter)); }
  void add(CallCounter counter) { calls_.add(static_cast<std::size_t>(counter)); }
  std::uint64_t duration_bucket(std::size_t i) const { return durations_.get(i); }
  std::uint64_t duration_sum_us() const { return duration_sum_us_.load(std::memory_order_relaxed); }

 private:
  void judge_reply(const ports::UpstreamReply& reply, Now now);

  const AuthorizationServerSettings* settings_;
  oauth::ClientCredential credential_;
  ReloadSecret reload_;
  MonoTime last_reload_;
  bool reloaded_before_ = false;
  unsigned renewals_ = 0;
  Breaker breaker_;
  RetryBudget retries_;
  std::size_t in_flight_ = 0;
  CounterBlock<kCallCounters> calls_;
  CounterBlock<kDurationBounds.size() + 1> durations_;
  std::atomic<std::uint64_t> duration_sum_us_{0};
};

// How a call that brought no determination ends for those who wait (the F46–F91 rows).
Outcome outcome_of(ports::TransportOutcome outcome);
Outcome outcome_of(oauth::AnswerDefect defect);

}  // namespace introspectd::service
