#include "cache/freshness.h"

#include <algorithm>

#include "base/mutant.h"

namespace introspectd::cache {
namespace {

std::uint32_t to_record_seconds(std::int64_t seconds) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, kFarExp));
}

// nbf and iat: a moment further ahead than the skew has not come. Seconds are clamped before they become
// milliseconds, so that nothing overflows.
bool lies_ahead(std::int64_t seconds, WallTime now, Duration skew) {
  return WallTime::from_seconds(to_record_seconds(seconds)) > now + skew;
}

}  // namespace

Worth judge_freshness(const oauth::IntrospectionAnswer& answer, const FreshnessPolicy& policy, Now start, Now now) {
  Worth worth;
  if (!answer.active) {
    worth.dies = start.mono + (MUTANT(negative_lives_for_ttl) ? policy.ttl : policy.negative_ttl);
    worth.storable = policy.negative_ttl > Duration::zero() && worth.dies > now.mono;
    return worth;
  }
  if (answer.exp) worth.exp = to_record_seconds(*answer.exp);
  if (answer.iat) worth.iat = std::min(to_record_seconds(*answer.iat), kFarExp);
  const bool expired = MUTANT(exp_ignored_at_fill) ? false : !before_exp(worth.exp, now.wall, policy.exp_skew);
  if (expired || (answer.nbf && !MUTANT(nbf_ignored) && lies_ahead(*answer.nbf, now.wall, policy.exp_skew))) {
    worth.not_current = true;
    return worth;
  }
  worth.active = true;
  worth.clock_skew_suspected = answer.iat && lies_ahead(*answer.iat, now.wall, policy.exp_skew);
  Duration life = policy.ttl > Duration::zero() ? std::max(policy.ttl, policy.ttl_live) : policy.ttl;
  if (worth.exp == kNoExp) {
    life = MUTANT(no_exp_is_for_ever) ? std::chrono::hours{24} : std::min(life, policy.ttl_without_exp);
  } else {
    life = std::min(life, WallTime::from_seconds(worth.exp) - policy.exp_skew - start.wall);
  }
  if (MUTANT(zero_ttl_is_for_ever) && life == Duration::zero()) life = std::chrono::hours{24};
  worth.dies = (MUTANT(life_from_the_end_of_the_call) ? now.mono : start.mono) + life;
  worth.storable = (!worth.clock_skew_suspected || MUTANT(answer_from_the_future_is_stored)) &&
                   life > Duration::zero() && worth.dies > now.mono;
  return worth;
}

}  // namespace introspectd::cache
