#include "service/revoker.h"

#include <algorithm>
#include <utility>

#include "base/mutant.h"
#include "oauth/introspection_answer.h"
#include "oauth/upstream_request.h"

namespace introspectd::service {
namespace {

constexpr unsigned kTriesMost = 2;
constexpr std::string_view kRefreshToken = "refresh_token";

// The access tokens of the refresh token's session; else those that its client has for its user.
oauth::Signals holds_of(const oauth::IntrospectionAnswer& answer, WallTime now) {
  const bool named = !answer.sid.empty() || (!answer.sub.empty() && !answer.client_id.empty());
  if (!answer.active || !named || MUTANT(refresh_token_holds_nothing)) return {};
  oauth::Signal hold;
  hold.kind = oauth::SignalKind::kHold;
  hold.match = {answer.sub, answer.sid, answer.sid.empty() ? answer.client_id : std::string(), {}};
  hold.event_time = now.ms() / 1000;
  return {hold};
}

}  // namespace

bool UnknownQuota::take(MonoTime now) {
  if (!started_) {
    started_ = true;
    filled_ = now;
  }
  const auto per_token = std::chrono::duration_cast<Duration>(std::chrono::seconds{1}) / kPerSecond;
  const auto grown = static_cast<std::uint64_t>((now - filled_) / per_token);
  tokens_ = std::min(kBurst, tokens_ + grown);
  filled_ = filled_ + per_token * static_cast<std::int64_t>(grown);
  if (tokens_ == 0) return false;
  --tokens_;
  return true;
}

Revoker::Revoker(const RevokerParts& parts)
    : parts_(parts), quotas_(std::max<std::size_t>(parts.settings.callers.size() + 1, 1)) {}

void Revoker::revoke(RevokeRequest request) {
  parts_.counters.add(Counter::kRevocations);
  if (shutting_down_) {
    parts_.replies.deliver(request.waiter, plain(Outcome::kShuttingDown));
    return;
  }
  const bool known = parts_.purger.knows(request.hash, request.server);
  if (!known && !quotas_[request.caller].take(parts_.loop.now().mono)) {
    const OutcomeRow& row = describe(Outcome::kRevocationQuota);
    parts_.log.write(row.level, "revocation refused", {{"outcome", row.label}, {"caller", int{request.caller}}});
    parts_.replies.deliver(request.waiter, plain(Outcome::kRevocationQuota));
    return;
  }
  if (MUTANT(dead_only_after_the_answer) && parts_.servers[request.server]->settings().has_revocation_endpoint) {
    forward(std::move(request), {}, false);
    return;
  }
  const bool may_be_refresh_token =
      request.hint == kRefreshToken || !parts_.purger.is_presented(request.hash, request.server);
  // Dead here first: whatever the AS says or does not say, nobody gets a true from now on.
  const cache::TokenCache::Purged purged = parts_.purger.purge_token(request.hash, request.server, false);
  forward(std::move(request), purged, may_be_refresh_token);
}

// Revocations of one token at the same time share one forwarded call.
Revoker::Forward* Revoker::join(const RevokeRequest& request, const cache::TokenCache::Purged& purged) {
  const auto same = std::find_if(forwards_.begin(), forwards_.end(), [&](const Forward& f) {
    return f.server == request.server && f.hash == request.hash;
  });
  if (same == forwards_.end()) return nullptr;
  // A purge of another source between ours is not ours to lift (I24).
  if (purged.dead_since != same->purge && !MUTANT(refusal_lifts_anothers_purge)) same->newly_dead = false;
  same->purge = purged.seq;
  same->waiters.push_back(request.waiter);
  return &*same;
}

Revoker::Forward& Revoker::add(RevokeRequest request, const cache::TokenCache::Purged& purged) {
  Forward& started = forwards_.emplace_back();
  started.number = ++forwards_begun_;
  started.hash = request.hash;
  started.server = request.server;
  started.token = std::move(request.token);
  started.hint = std::move(request.hint);
  started.purge = purged.seq;
  started.newly_dead = purged.newly_dead;
  started.waiters.push_back(request.waiter);
  return started;
}

void Revoker::forward(RevokeRequest request, const cache::TokenCache::Purged& purged, bool may_be_refresh_token) {
  if (join(request, purged) != nullptr) return;
  ServerLink& link = *parts_.servers[request.server];
  if (!link.settings().has_revocation_endpoint) {
    relay(add(std::move(request), purged));
    return;
  }
  if (!link.has_room()) {
    parts_.replies.deliver(request.waiter, plain(Outcome::kRevocationUnknown));
    return;
  }
  Forward& started = add(std::move(request), purged);
  link.retries().first_try(parts_.loop.now().mono);
  if (!may_be_refresh_token || !learn(started)) call(started, false);
}

// What the AS knows of the token, asked before it is revoked: afterwards the AS says nothing any more. A failure costs
// the holds, never the revocation.
bool Revoker::learn(Forward& forward) {
  ServerLink& link = *parts_.servers[forward.server];
  if (link.settings().introspection_endpoint.empty() || link.breaker().state() != Breaker::State::kClosed) {
    not_learned(forward, "not asked");
    return false;
  }
  look_up(forward, false);
  return true;
}

void Revoker::look_up(Forward& forward, bool fresh_connection) {
  ServerLink& link = *parts_.servers[forward.server];
  ++forward.tries;
  forward.credential = link.renewals();
  forward.started = parts_.loop.now().mono;
  link.started();
  oauth::FormPost post = oauth::introspection_post(forward.token.reveal(), kRefreshToken, link.credential());
  ports::UpstreamCall call;
  call.authorization_server = forward.server;
  call.endpoint = ports::UpstreamEndpoint::kIntrospection;
  call.authorization = std::move(post.authorization);
  call.body = std::move(post.body);
  call.fresh_connection = fresh_connection;
  call.timeout = link.settings().timeout;
  forward.call = parts_.upstream.post(std::move(call), [this, &forward](const ports::UpstreamReply& reply) {
    on_learned(forward, reply);
  });
}

void Revoker::not_learned(const Forward& forward, std::string_view why) {
  parts_.counters.add(Counter::kRefreshFailed);
  parts_.log.warning("refresh token not looked up",
                     {{"as", parts_.servers[forward.server]->settings().name}, {"why", why}});
}

void Revoker::read_learned(Forward& forward, const ports::UpstreamReply& reply, WallTime now) {
  if (reply.outcome != ports::TransportOutcome::kOk) {
    not_learned(forward, describe(outcome_of(reply.outcome)).label);
    return;
  }
  const auto answer = oauth::read_introspection_answer(reply.status, reply.content_type, reply.body,
                                                       parts_.settings.audiences);
  if (!answer) {
    not_learned(forward, describe(outcome_of(answer.error())).label);
    return;
  }
  forward.holds = holds_of(*answer, now);
  parts_.counters.add(forward.holds.empty() ? Counter::kRefreshNothing : Counter::kRefreshHeld);
}

void Revoker::on_learned(Forward& forward, const ports::UpstreamReply& reply) {
  const ports::PendingToken ended = std::move(forward.call);
  ServerLink& link = *parts_.servers[forward.server];
  const Now now = parts_.loop.now();
  link.ended(reply, now.mono - forward.started, now);
  const bool refused = reply.status == 401 || reply.status == 403;   // of an introspection either is about us
  if (!MUTANT(refresh_token_looked_up_once) && worth_a_retry(forward, reply, refused)) return look_up(forward, true);
  read_learned(forward, reply, now.wall);
  forward.tries = 0;
  // Before the AS's answer as well: it may have revoked long before it says so.
  parts_.purger.apply(forward.server, forward.holds, false);
  if (link.has_room()) {
    call(forward, false);
  } else {
    finish(forward, plain(Outcome::kRevocationUnknown));
  }
}

void Revoker::call(Forward& forward, bool fresh_connection) {
  ServerLink& link = *parts_.servers[forward.server];
  ++forward.tries;
  forward.credential = link.renewals();
  forward.started = parts_.loop.now().mono;
  link.started();
  oauth::FormPost post = oauth::revocation_post(forward.token.reveal(), forward.hint, link.credential());
  ports::UpstreamCall call;
  call.authorization_server = forward.server;
  call.endpoint = ports::UpstreamEndpoint::kRevocation;
  call.authorization = std::move(post.authorization);
  call.body = std::move(post.body);
  call.fresh_connection = fresh_connection;
  call.timeout = link.settings().timeout;
  forward.call = parts_.upstream.post(std::move(call), [this, &forward](const ports::UpstreamReply& reply) {
    on_reply(forward, reply);
  });
}

void Revoker::on_reply(Forward& forward, const ports::UpstreamReply& reply) {
  const ports::PendingToken ended = std::move(forward.call);
  ServerLink& link = *parts_.servers[forward.server];
  const Now now = parts_.loop.now();
  link.ended(reply, now.mono - forward.started, now);
  if (worth_a_retry(forward, reply, reply.status == 401)) return call(forward, true);
  oauth::RevocationReply answer;
  if (reply.outcome == ports::TransportOutcome::kOk) {
    answer = oauth::read_revocation_answer(reply.status, reply.content_type, reply.body);
  }
  switch (answer.answer) {
    case oauth::RevocationAnswer::kRevoked:
      confirmed(forward);
      return;
    case oauth::RevocationAnswer::kRefused: {
      if (forward.newly_dead && !MUTANT(refusal_leaves_it_dead)) {
        parts_.purger.lift_dead(forward.hash, forward.server, forward.purge);
      }
      Reply refused = plain(Outcome::kRevocationRefused);
      refused.error = answer.error;
      finish(forward, refused);
      return;
    }
    case oauth::RevocationAnswer::kUnavailable: {
      parts_.log.warning("revocation not confirmed", {{"as", link.settings().name}, {"status", reply.status}});
      if (MUTANT(unconfirmed_revocation_lifted)) {
        parts_.purger.lift_dead(forward.hash, forward.server, forward.purge);
      }
      finish(forward, plain(Outcome::kRevocationUnknown));
      return;
    }
  }
}

// Again, now that the AS has done it: what was fetched while it had not is older than these purges (SPEC §6).
void Revoker::confirmed(Forward& forward) {
  parts_.purger.purge_token(forward.hash, forward.server, false);
  if (!MUTANT(hold_only_before_the_answer)) parts_.purger.apply(forward.server, forward.holds, false);
  relay(forward);
}

// The caller's 200 says that no node of the fleet can miss it.
void Revoker::relay(Forward& forward) {
  const std::uint64_t number = forward.number;
  if (parts_.relay == nullptr) {
    relayed(number, true);
    return;
  }
  oauth::Signals signals = forward.holds;
  oauth::Signal dead;
  dead.kind = oauth::SignalKind::kDead;
  dead.token = forward.hash.bytes;
  dead.event_time = parts_.loop.now().wall.ms() / 1000;
  signals.push_back(dead);
  parts_.relay->relay_unsigned(forward.server, EventOrigin::kRevocationEndpoint, signals,
                               [this, number](bool durable) { relayed(number, durable); });
}

void Revoker::relayed(std::uint64_t number, bool durable) {
  const auto forward =
      std::find_if(forwards_.begin(), forwards_.end(), [number](const Forward& f) { return f.number == number; });
  if (forward == forwards_.end()) return;   // shut down meanwhile
  finish(*forward, plain(durable ? Outcome::kRevoked : Outcome::kRevocationUnknown));
}

// Asking and revoking twice are harmless, so a connection that died idle and a changed credential are worth another try.
// Whoever was refused first has read the new credential, and those refused with it need not.
bool Revoker::worth_a_retry(const Forward& forward, const ports::UpstreamReply& reply, bool refused) {
  ServerLink& link = *parts_.servers[forward.server];
  const bool died = reply.outcome == ports::TransportOutcome::kIdleConnectionDied;
  const bool answered = reply.outcome == ports::TransportOutcome::kOk;
  const bool renewed = answered && refused &&
                       (link.renewals() != forward.credential || parts_.purger.renew_credential(forward.server));
  if (forward.tries >= kTriesMost || !link.has_room() || !(died || renewed)) return false;
  if (!link.retries().take_retry(parts_.loop.now().mono)) return false;
  link.add(CallCounter::kRetries);
  return true;
}

void Revoker::finish(Forward& forward, const Reply& reply) {
  const std::vector<WaiterId> waiters = std::move(forward.waiters);
  forwards_.remove_if([&](const Forward& f) { return &f == &forward; });
  for (const WaiterId& waiter : waiters) parts_.replies.deliver(waiter, reply);
}

void Revoker::shut_down() {
  shutting_down_ = true;
  for (Forward& forward : forwards_) {
    if (forward.call != nullptr) parts_.servers[forward.server]->cancelled();
    forward.call.reset();
    for (const WaiterId& waiter : forward.waiters) parts_.replies.deliver(waiter, plain(Outcome::kRevocationUnknown));
  }
  forwards_.clear();
}

}  // namespace introspectd::service
