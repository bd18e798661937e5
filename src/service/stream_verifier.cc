#include "service/stream_verifier.h"

#include <algorithm>
#include <utility>

#include "base/mutant.h"
#include "codec/base64.h"
#include "oauth/authorization.h"
#include "oauth/introspection_answer.h"
#include "oauth/set_poll.h"

namespace introspectd::service {
namespace {

constexpr std::int64_t kRetryAfterMost = 300;   // seconds

bool was_taken(const ports::UpstreamReply& reply) {
  return reply.outcome == ports::TransportOutcome::kOk && (reply.status == 204 || reply.status == 200 ||
                                                           reply.status == 202);
}

}  // namespace

StreamVerifier::StreamVerifier(const StreamVerifierParts& parts) : parts_(parts), random_(parts.seed) {}

void StreamVerifier::start() {
  if (!timer_) on_timer();
}

void StreamVerifier::on_timer() {
  const ports::PendingToken ended = std::move(timer_);
  const MonoTime now = parts_.loop.now().mono;
  const Duration third = parts_.channel_timeout / 3;
  // Up to a tenth early, so that a fleet does not ask in step.
  const auto jitter = static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(third.count() / 10 + 1)));
  timer_ = parts_.loop.after(third - Duration{jitter}, [this] { on_timer(); });
  give_up_old(now);
  const ChannelHealth::Stretch stretch = parts_.channels.health(parts_.server).stretch();
  const bool proven_otherwise = stretch.contiguous && now - stretch.proof < third / 2;
  if (!call_ && now >= not_before_ && !proven_otherwise) request();
}

// 128 bits, so that an event of another time or node does not carry it by chance; who could make it up needs the AS's
// key as well.
std::string StreamVerifier::next_state() {
  std::string bytes;
  for (int half = 0; half < 2; ++half) {
    std::uint64_t word = random_.next();
    for (int i = 0; i < 8; ++i, word >>= 8U) bytes.push_back(static_cast<char>(word & 0xffU));
  }
  return codec::encode_hex(bytes);
}

void StreamVerifier::request() {
  if (outstanding_.size() >= kOutstandingMost) outstanding_.pop_front();
  const EventSettings& events = parts_.settings.events;
  const std::string state = next_state();
  ports::UpstreamCall call;
  call.authorization_server = parts_.server;
  call.endpoint = ports::UpstreamEndpoint::kVerification;
  call.body = Secret(oauth::write_verification_request(events.stream_id, state));
  call.timeout = parts_.settings.timeout;
  if (!events.verification_bearer.empty()) {
    call.authorization = Secret("Bearer ");
    call.authorization.append(events.verification_bearer.reveal());
  } else if (const oauth::ClientCredential& client = parts_.settings.credential; !client.client_id.empty()) {
    call.authorization = oauth::basic_authorization(client.client_id, client.client_secret.reveal(), client.raw_basic);
  }
  // Before the answer: the event may overtake it.
  outstanding_.push_back({state, parts_.loop.now().mono});
  ++counts_.requested;
  call_ = parts_.upstream.post(std::move(call),
                               [this, state](const ports::UpstreamReply& reply) { on_reply(state, reply); });
}

void StreamVerifier::on_reply(const std::string& state, const ports::UpstreamReply& reply) {
  const ports::PendingToken ended = std::move(call_);
  if (was_taken(reply)) {
    failing_ = false;
    return;
  }
  // No event will come of it, and none is missed.
  std::erase_if(outstanding_, [&](const Outstanding& each) { return each.state == state; });
  ++counts_.failed;
  const MonoTime now = parts_.loop.now().mono;
  const std::int64_t wall = parts_.loop.now().wall.ms() / 1000;
  if (const auto asked = oauth::read_retry_after_seconds(reply.retry_after, wall); asked) {
    not_before_ = now + std::chrono::seconds{std::clamp<std::int64_t>(*asked, 0, kRetryAfterMost)};
  }
  const LogLevel level = failing_ ? LogLevel::kDebug : LogLevel::kWarning;
  failing_ = true;
  parts_.log.write(level, "verification request failed", {{"as", parts_.settings.name}, {"status", reply.status}});
}

void StreamVerifier::arrived(std::string_view state, bool complete) {
  const auto asked = std::find_if(outstanding_.begin(), outstanding_.end(),
                                  [state](const Outstanding& each) { return each.state == state; });
  const MonoTime now = parts_.loop.now().mono;
  if (asked == outstanding_.end()) {
    // Another node's, or one that the transmitter sends by itself: it says nothing of when.
    if (MUTANT(foreign_verification_proves)) parts_.channels.proven(parts_.server, now);
    return;
  }
  const MonoTime dated = MUTANT(verification_dated_at_arrival) ? now : asked->sent_at;
  // Older ones will not come any more, or come for nothing.
  outstanding_.erase(outstanding_.begin(), asked + 1);
  ++counts_.returned;
  if (complete && now - dated <= parts_.channel_timeout) parts_.channels.verified_here(parts_.server, dated);
}

void StreamVerifier::give_up_old(MonoTime now) {
  bool missed = false;
  while (!outstanding_.empty() && now - outstanding_.front().sent_at >= parts_.channel_timeout) {
    outstanding_.pop_front();
    ++counts_.missed;
    missed = true;
  }
  if (missed && !MUTANT(missed_verification_forgiven)) parts_.channels.lost(parts_.server, "verification_missed");
}

void StreamVerifier::shut_down() {
  call_.reset();
  timer_.reset();
}

}  // namespace introspectd::service
