#include "service/server_link.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"

namespace introspectd::service {
namespace {

oauth::ClientCredential copy_of(const oauth::ClientCredential& credential) {
  return {credential.method, credential.client_id, credential.client_secret.copy(), credential.raw_basic};
}

constexpr Duration kReloadPause = std::chrono::seconds{10};

// Does the reply show a server in order? Its refusal of our credential (401, 403), of our rate (429) and 5xx do not.
bool in_order(const ports::UpstreamReply& reply) {
  if (reply.outcome != ports::TransportOutcome::kOk) return false;
  return reply.status < 500 && reply.status != 401 && reply.status != 403 && reply.status != 429;
}

}  // namespace

ServerLink::ServerLink(const AuthorizationServerSettings& settings, std::uint64_t seed, ReloadSecret reload)
    : settings_(&settings), credential_(copy_of(settings.credential)), reload_(std::move(reload)), breaker_(seed) {}

void ServerLink::started() {
  ++in_flight_;
  add(CallCounter::kStarted);
}

void ServerLink::ended(const ports::UpstreamReply& reply, Duration took, Now now) {
  CHECK_INVARIANT(in_flight_ > 0);
  --in_flight_;
  const double seconds = std::chrono::duration<double>(took).count();
  const auto* const bound = std::lower_bound(kDurationBounds.begin(), kDurationBounds.end(), seconds);
  durations_.add(static_cast<std::size_t>(bound - kDurationBounds.begin()));
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  duration_sum_us_.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(us, 0)), std::memory_order_relaxed);
  judge_reply(reply, now);
}

void ServerLink::judge_reply(const ports::UpstreamReply& reply, Now now) {
  if (reply.outcome == ports::TransportOutcome::kTimedOut) {
    add(CallCounter::kTimeout);
  } else {
    add(reply.outcome == ports::TransportOutcome::kOk && reply.status == 200 ? CallCounter::kOk : CallCounter::kError);
  }
  if (in_order(reply)) {
    breaker_.succeeded(now.mono);
    return;
  }
  // A pooled connection that died idle says nothing about the server: its retry will.
  if (reply.outcome != ports::TransportOutcome::kIdleConnectionDied) breaker_.failed(now.mono);
  if (reply.outcome != ports::TransportOutcome::kOk || (reply.status != 429 && reply.status != 503)) return;
  const std::int64_t wall_seconds = now.wall.ms() / 1000;
  if (const auto asked = oauth::read_retry_after_seconds(reply.retry_after, wall_seconds)) {
    breaker_.hold_off(std::chrono::seconds{std::clamp<std::int64_t>(*asked, 1, 60)}, now.mono);
  }
}

void ServerLink::cancelled() {
  CHECK_INVARIANT(in_flight_ > 0);
  --in_flight_;
  add(CallCounter::kCancelled);
}

bool ServerLink::reload_secret(MonoTime now) {
  if (!reload_ || (reloaded_before_ && now - last_reload_ < kReloadPause)) return false;
  reloaded_before_ = true;
  last_reload_ = now;
  Secret secret = reload_();
  if (secret.empty() || equal_in_constant_time(secret.reveal(), credential_.client_secret.reveal())) return false;
  credential_.client_secret = std::move(secret);
  ++renewals_;
  return true;
}

Outcome outcome_of(ports::TransportOutcome outcome) {
  using enum ports::TransportOutcome;
  switch (outcome) {
    case kTimedOut: return Outcome::kUpstreamTimeout;
    case kBadReply:
    case kTooLarge: return Outcome::kBadUpstream;
    case kOk:
    case kNotResolved:
    case kRefused:
    case kTls:
    case kIdleConnectionDied: return Outcome::kUpstreamUnreachable;
  }
  return Outcome::kUpstreamUnreachable;
}

Outcome outcome_of(oauth::AnswerDefect defect) {
  using enum oauth::AnswerDefect;
  switch (defect) {
    case kCredentialRefused: return MUTANT(refused_credential_is_inactive) ? Outcome::kInactive
                                                                            : Outcome::kUpstreamCredential;
    case kBadRequest:
    case kNotAnEndpoint: return Outcome::kUpstreamRefusedUs;
    case kRateLimited: return Outcome::kUpstreamRateLimited;
    case kServerError: return MUTANT(server_error_is_inactive) ? Outcome::kInactive : Outcome::kUpstreamError;
    case kUnexpectedStatus:
    case kMediaType:
    case kMalformed:
    case kDuplicateMember:
    case kActiveMissing:
    case kBadTime:
    case kTooLarge: return Outcome::kBadUpstream;
  }
  return Outcome::kBadUpstream;
}

}  // namespace introspectd::service
