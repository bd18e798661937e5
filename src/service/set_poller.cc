#include "service/set_poller.h"

#include <algorithm>
#include <utility>

#include "base/mutant.h"
#include "oauth/authorization.h"
#include "oauth/introspection_answer.h"

namespace introspectd::service {
namespace {

constexpr Duration kBackoffFirst = std::chrono::seconds{1};
constexpr std::int64_t kRetryAfterMost = 60;   // seconds (F66)
constexpr std::size_t kPolledWithHeldMost = oauth::kPolledSetsMost / 2;

}  // namespace

SetPoller::SetPoller(const SetPollerParts& parts)
    : parts_(parts),
      settings_(&*parts.settings.events.poll),
      random_(parts.seed),
      backoff_(kBackoffFirst, kBackoffMost) {}

void SetPoller::start() {
  if (!stopped_ && !call_ && !timer_) poll();
}

void SetPoller::poll() {
  oauth::PollRequest request;
  asked_for_ = events_to_ask_for();
  request.events_most = asked_for_;
  request.return_immediately = return_at_once_;
  request.acknowledged = acknowledged_;
  request.refused = refused_;
  const Duration held = return_at_once_ ? Duration{} : settings_->long_poll;
  sent_at_ = parts_.loop.now().mono;
  call_ = parts_.upstream.post(call_with(request, held + parts_.settings.timeout),
                               [this](const ports::UpstreamReply& reply) { on_reply(reply); });
}

// An AS may send the oldest first, and those that are held stay the oldest. A reply has an end too (kPollBytesMost): if
// the last one failed, the next is as small as ever.
std::size_t SetPoller::events_to_ask_for() const {
  const std::size_t least = settings_->events_most;
  if (failing_ || MUTANT(held_events_crowd_out_others)) return least;
  return std::max(least, std::min(least + held_.size(), kPolledWithHeldMost));
}

ports::UpstreamCall SetPoller::call_with(const oauth::PollRequest& request, Duration timeout) const {
  ports::UpstreamCall call;
  call.authorization_server = parts_.server;
  call.endpoint = ports::UpstreamEndpoint::kPoll;
  call.body = Secret(oauth::write_poll_request(request));
  call.timeout = timeout;
  if (!settings_->bearer_token.empty()) {
    call.authorization = Secret("Bearer ");
    call.authorization.append(settings_->bearer_token.reveal());
  } else if (const oauth::ClientCredential& client = parts_.settings.credential; !client.client_id.empty()) {
    call.authorization = oauth::basic_authorization(client.client_id, client.client_secret.reveal(), client.raw_basic);
  }
  return call;
}

void SetPoller::on_reply(const ports::UpstreamReply& reply) {
  const ports::PendingToken ended = std::move(call_);
  if (reply.outcome == ports::TransportOutcome::kTimedOut && !return_at_once_) {
    // The AS holds polls longer than we wait: asked again for an answer at once, which proves that it is there.
    return_at_once_ = true;
    poll();
    return;
  }
  return_at_once_ = false;
  if (reply.outcome != ports::TransportOutcome::kOk) {
    on_failure("unreachable", reply);
    return;
  }
  auto answer = oauth::read_poll_reply(reply.status, reply.content_type, reply.body);
  if (!answer) {
    on_failure(oauth::describe(answer.error()), reply);
    return;
  }
  ++counts_.answered;
  counts_.events += answer->sets.size();
  failing_ = false;
  backoff_.reset();
  // The AS has read our request, so it knows what we acknowledged.
  acknowledged_.clear();
  refused_.clear();
  any_refused_ = false;
  any_held_ = false;
  any_unheld_ = false;
  received_ = answer->sets.size();
  more_ = answer->more_available || received_ >= asked_for_;
  deliver(std::move(answer->sets));
}

void SetPoller::on_failure(std::string_view why, const ports::UpstreamReply& reply) {
  ++counts_.failed;
  const LogLevel level = failing_ ? LogLevel::kDebug : LogLevel::kWarning;   // once for each stretch of failures
  failing_ = true;
  parts_.log.write(level, "poll failed", {{"as", parts_.settings.name}, {"why", why}, {"status", reply.status}});
  Duration delay = backoff_.next(random_);
  const std::int64_t now = parts_.loop.now().wall.ms() / 1000;
  if (const auto asked = oauth::read_retry_after_seconds(reply.retry_after, now); asked) {
    delay = std::max<Duration>(delay, std::chrono::seconds{std::clamp<std::int64_t>(*asked, 0, kRetryAfterMost)});
  }
  wait(delay, &SetPoller::poll);
}

// One more than the sets are awaited, so that what is settled within this call does not end it early.
void SetPoller::deliver(std::vector<oauth::PolledSet> sets) {
  at_the_inbox_ = sets.size() + 1;
  for (oauth::PolledSet& set : sets) {
    if (held_.rests(set.jti, parts_.loop.now().mono)) {
      any_held_ = true;
      --at_the_inbox_;
      continue;
    }
    SignedEvent event;
    event.kind = oauth::SignedEventKind::kSecurityEvent;
    event.server = parts_.server;
    event.origin = EventOrigin::kSetPoll;
    event.jws = set.jws;
    if (MUTANT(poll_acknowledges_before_acceptance)) acknowledged_.push_back(set.jti);
    parts_.inbox.receive(std::move(event), [this, set = std::move(set)](const EventResult& result) {
      on_result(set, result.verdict);
    });
  }
  if (--at_the_inbox_ == 0) settle();
}

void SetPoller::on_result(const oauth::PolledSet& set, EventVerdict verdict) {
  if (verdict == EventVerdict::kAccepted || (comes_again(verdict) && MUTANT(poll_acknowledges_what_waits))) {
    acknowledged_.push_back(set.jti);
    held_.settled(set.jti);
  } else if (is_held(set, verdict)) {
    any_held_ = true;
  } else if (comes_again(verdict)) {
    unsettled_.push_back(set);
  } else {
    any_refused_ = true;
    refused_.push_back({set.jti, set_error_of(verdict), std::string(describe(verdict))});
    held_.settled(set.jti);
  }
  if (--at_the_inbox_ == 0) settle();
}

// Left to come again, even where there is no room to remember it: a report would be for good.
bool SetPoller::is_held(const oauth::PolledSet& set, EventVerdict verdict) {
  const bool no_keys = verdict == EventVerdict::kKeysUnavailable && !MUTANT(unavailable_keys_stop_the_poll);
  if (!no_keys && !hangs_on_keys(verdict)) return false;
  const MonoTime now = parts_.loop.now().mono;
  const HoldAnswer answer = no_keys ? held_.await_keys(set.jti, now) : held_.hold(set.jti, now);
  const bool unheld = answer == HoldAnswer::kNoRoom && !MUTANT(unheld_events_refused);
  any_unheld_ = any_unheld_ || unheld;
  return answer == HoldAnswer::kHeld || unheld;
}

void SetPoller::once_settled(UniqueFunction<void()> then) {
  if (at_the_inbox_ == 0 || MUTANT(verification_overtakes_its_answer)) return then();
  once_settled_.push_back(std::move(then));
}

// Everything of the last answer has been at the inbox.
void SetPoller::settle() {
  if (stopped_) return;
  for (UniqueFunction<void()>& then : std::exchange(once_settled_, {})) then();
  if (!unsettled_.empty()) {
    wait(backoff_.next(random_), &SetPoller::next);
    return;
  }
  backoff_.reset();
  tell_channel();
  next();
}

void SetPoller::tell_channel() {
  const MonoTime now = parts_.loop.now().mono;
  // One that has not come again may be lost, or another node has it.
  const bool any_gone = held_.forget_old(now);
  if (any_refused_ || any_gone || any_unheld_) {
    parts_.channels.lost(parts_.server, any_refused_ ? "event_refused" : "event_missing");
    return;
  }
  const bool applied = all_applied() || MUTANT(poll_proves_though_one_is_held);
  if (!applied || (more_ && !MUTANT(poll_proves_though_more_is_there))) return;
  parts_.channels.proven_here(parts_.server, MUTANT(proof_dated_at_the_answer) ? now : sent_at_);
}

void SetPoller::next() {
  if (!unsettled_.empty()) {
    deliver(std::exchange(unsettled_, {}));
    return;
  }
  // At once where there is something to acknowledge or to fetch; else no faster than the pace. What is held comes again
  // in front of what is to be fetched.
  const Duration took = parts_.loop.now().mono - sent_at_;
  const bool at_once = (more_ && !any_held_) || !acknowledged_.empty() || !refused_.empty() || took >= kPaceLeast;
  wait(at_once ? Duration{} : kPaceLeast - took, &SetPoller::poll);
}

// Through the loop even without a delay: a chatty AS must not keep it from everything else.
void SetPoller::wait(Duration delay, void (SetPoller::*then)()) {
  if (stopped_) return;
  timer_ = parts_.loop.after(delay, [this, then] {
    const ports::PendingToken ended = std::move(timer_);
    (this->*then)();
  });
}

void SetPoller::stop() {
  if (stopped_) return;
  stopped_ = true;
  timer_.reset();
  call_.reset();
  once_settled_.clear();
  if (acknowledged_.empty() && refused_.empty()) return;
  const auto last = oauth::PollRequest::only_acknowledging(acknowledged_, refused_);
  call_ = parts_.upstream.post(call_with(last, parts_.settings.timeout), [this](const ports::UpstreamReply&) {
    const ports::PendingToken ended = std::move(call_);
  });
}

void SetPoller::shut_down() {
  stopped_ = true;
  once_settled_.clear();
  timer_.reset();
  call_.reset();
}

}  // namespace introspectd::service
