#include "service/revoker.h"

#include <algorithm>
#include <utility>

#include "base/mutant.h"
#include "oauth/upstream_request.h"

namespace introspectd::service {
namespace {

constexpr unsigned kTriesMost = 2;

Reply plain(Outcome outcome) {
  Reply reply;
  reply.outcome = outcome;
  return reply;
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
    forward(std::move(request), {});
    return;
  }
  // Dead here first: whatever the AS says or does not say, nobody gets a true from now on.
  const cache::TokenCache::Purged purged = parts_.purger.purge_token(request.hash, request.server, false);
  if (!parts_.servers[request.server]->settings().has_revocation_endpoint) {
    parts_.replies.deliver(request.waiter, plain(Outcome::kRevoked));
    return;
  }
  forward(std::move(request), purged);
}

void Revoker::forward(RevokeRequest request, const cache::TokenCache::Purged& purged) {
  const auto same = std::find_if(forwards_.begin(), forwards_.end(), [&](const Forward& f) {
    return f.server == request.server && f.hash == request.hash;
  });
  if (same != forwards_.end()) {
    // A purge of another source between ours is not ours to lift (I24).
    if (purged.dead_since != same->purge && !MUTANT(refusal_lifts_anothers_purge)) same->newly_dead = false;
    same->purge = purged.seq;
    same->waiters.push_back(request.waiter);
    return;
  }
  ServerLink& link = *parts_.servers[request.server];
  if (!link.has_room()) {
    parts_.replies.deliver(request.waiter, plain(Outcome::kRevocationUnknown));
    return;
  }
  Forward& started = forwards_.emplace_back();
  started.hash = request.hash;
  started.server = request.server;
  started.token = std::move(request.token);
  started.hint = std::move(request.hint);
  started.purge = purged.seq;
  started.newly_dead = purged.newly_dead;
  started.waiters.push_back(request.waiter);
  link.retries().first_try(parts_.loop.now().mono);
  call(started, false);
}

void Revoker::call(Forward& forward, bool fresh_connection) {
  ServerLink& link = *parts_.servers[forward.server];
  ++forward.tries;
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
  if (retry(forward, reply)) return;
  oauth::RevocationReply answer;
  if (reply.outcome == ports::TransportOutcome::kOk) {
    answer = oauth::read_revocation_answer(reply.status, reply.content_type, reply.body);
  }
  switch (answer.answer) {
    case oauth::RevocationAnswer::kRevoked:
      // Again, now that the AS has done it: what was fetched while it had not is older than this purge (SPEC §6).
      parts_.purger.purge_token(forward.hash, forward.server, false);
      finish(forward, plain(Outcome::kRevoked));
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

// Revoking twice is harmless, so a connection that died idle and a changed credential are worth another try.
bool Revoker::retry(Forward& forward, const ports::UpstreamReply& reply) {
  ServerLink& link = *parts_.servers[forward.server];
  const bool died = reply.outcome == ports::TransportOutcome::kIdleConnectionDied;
  const bool refused = reply.outcome == ports::TransportOutcome::kOk && reply.status == 401;
  const bool renewed = refused && parts_.purger.renew_credential(forward.server);
  if (forward.tries >= kTriesMost || !link.has_room() || !(died || renewed)) return false;
  if (!link.retries().take_retry(parts_.loop.now().mono)) return false;
  link.add(CallCounter::kRetries);
  call(forward, true);
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
    forward.call.reset();
    parts_.servers[forward.server]->cancelled();
    for (const WaiterId& waiter : forward.waiters) parts_.replies.deliver(waiter, plain(Outcome::kRevocationUnknown));
  }
  forwards_.clear();
}

}  // namespace introspectd::service
