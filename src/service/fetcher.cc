#include "service/fetcher.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"
#include "oauth/upstream_request.h"

namespace introspectd::service {
namespace {

constexpr unsigned kTriesMost = 2;   // I33
constexpr std::size_t kBodyMost = 65536;

}  // namespace

Fetcher::Fetcher(const FetcherParts& parts)
    : parts_(parts),
      flights_(parts.servers.size()),
      flights_of_caller_(std::max<std::size_t>(parts.settings.callers.size() + 1, 1)),
      room_(kBodyMost) {}

Fetcher::~Fetcher() = default;

void Fetcher::fetch(FetchRequest request) {
  if (shutting_down_) {
    refuse(request, Outcome::kShuttingDown);
    return;
  }
  if (answer_from_cache(request) || join(request)) return;
  const Admission admission = admit(request);
  if (admission.outcome != Outcome::kActive) {
    refuse(request, admission.outcome);
    return;
  }
  parts_.counters.add(Counter::kMisses);
  start(std::move(request), admission.probe);
}

// Between the front's miss and now a flight may have ended, or a purge come: look again, or the token would be asked
// for twice.
bool Fetcher::answer_from_cache(const FetchRequest& request) {
  if (MUTANT(no_second_look)) return false;
  const cache::LookupResult found = parts_.cache.lookup(request.question, parts_.loop.now(), room_);
  Reply reply;
  switch (found.outcome) {
    case cache::LookupOutcome::kHit:
      parts_.counters.add(Counter::kHits);
      reply.outcome = Outcome::kActive;
      reply.body = std::make_shared<const std::string>(room_.data(), found.body_bytes);
      reply.audience = request.question.audience;   // judged under the lock
      break;
    case cache::LookupOutcome::kNegative:
      parts_.counters.add(Counter::kNegatives);
      reply.outcome = Outcome::kInactive;
      break;
    case cache::LookupOutcome::kDead:
      parts_.counters.add(Counter::kDead);
      reply.outcome = Outcome::kInactiveDead;
      break;
    case cache::LookupOutcome::kAudience:
      parts_.counters.add(Counter::kAudience);
      reply.outcome = Outcome::kInactiveAudience;
      break;
    case cache::LookupOutcome::kTooSmall:
    case cache::LookupOutcome::kMiss:
      return false;
  }
  parts_.replies.deliver(request.waiter, std::move(reply));
  return true;
}

bool Fetcher::join(const FetchRequest& request) {
  Flight* const found = flights_.joinable(request.question);
  if (found == nullptr) return false;
  if (waiters_ >= parts_.settings.listen.max_connections) {
    refuse(request, Outcome::kOverloaded);
    return true;
  }
  parts_.counters.add(Counter::kJoins);
  add_waiter(*found, request);
  return true;
}

void Fetcher::add_waiter(Flight& flight, const FetchRequest& request) {
  ++waiters_;
  flight.waiters.push_back(
      {request.waiter, request.caller, request.lookup_seq, request.deadline, request.question.audience});
}

Fetcher::Admission Fetcher::admit(const FetchRequest& request) {
  if (waiters_ >= parts_.settings.listen.max_connections) return {Outcome::kOverloaded};
  const ServerLink& link = *parts_.servers[request.question.server];
  const bool queued = must_queue(request.question);
  if (!queued && !link.has_room() && !MUTANT(server_limit_ignored)) return {Outcome::kOverloaded};
  const bool configured = request.caller < parts_.settings.callers.size();
  const std::size_t most = configured ? parts_.settings.callers[request.caller].max_in_flight
                                      : std::max<std::size_t>(link.settings().max_in_flight / 2, 1);
  if (flights_of_caller_[request.caller] >= most && !MUTANT(caller_limit_ignored)) return {Outcome::kCallerOverloaded};
  return queued ? Admission{} : admit_call(request.question.server);   // a queued one's call is admitted when it starts
}

Fetcher::Admission Fetcher::admit_call(cache::ServerId server) {
  ServerLink& link = *parts_.servers[server];
  if (!link.has_room() && !MUTANT(server_limit_ignored)) return {Outcome::kOverloaded};
  const Breaker::Admission breaker = link.breaker().admit(parts_.loop.now().mono);
  if (breaker == Breaker::Admission::kRefuse) return {Outcome::kBreakerOpen};
  return {Outcome::kActive, breaker == Breaker::Admission::kProbe};
}

void Fetcher::refuse(const FetchRequest& request, Outcome outcome) {
  parts_.counters.add(Counter::kRefused);
  parts_.replies.deliver(request.waiter, refusal(request.question.server, outcome));
}

void Fetcher::start(FetchRequest request, bool probe) {
  auto flight = std::make_unique<Flight>();
  flight->probe = probe;
  flight->queued = must_queue(request.question) && !MUTANT(third_call_beside_two);
  flight->question = request.question;
  flight->token = std::move(request.token);
  flight->caller = request.caller;
  ++flights_of_caller_[flight->caller];
  add_waiter(*flight, request);
  Flight& started = flights_.add(std::move(flight));
  if (started.queued) return;
  link_of(started).retries().first_try(parts_.loop.now().mono);
  call(started, false);
}

// One of the two calls that it waited for has ended.
void Fetcher::start_queued(const cache::Question& question) {
  Flight* const next = flights_.joinable(question);
  if (next == nullptr || !next->queued || must_queue(question) || shutting_down_) return;
  const Admission admission = admit_call(question.server);
  if (admission.outcome != Outcome::kActive) {
    const FlightPtr refused = take(*next);
    const Reply reply = refusal(question.server, admission.outcome);
    for (const Waiter& waiter : refused->waiters) parts_.replies.deliver(waiter.id, reply);
    return;
  }
  flights_.start(*next);
  next->probe = admission.probe;
  link_of(*next).retries().first_try(parts_.loop.now().mono);
  call(*next, false);
}

// Every call takes a ticket of its own: its seq is what purges are compared with.
void Fetcher::call(Flight& flight, bool fresh_connection) {
  ServerLink& link = link_of(flight);
  const Now now = parts_.loop.now();
  if (flight.tries == 0 || !MUTANT(retry_keeps_its_ticket)) {
    flight.ticket = parts_.cache.start_flight(flight.question, now);
  }
  ++flight.tries;
  link.started();
  oauth::FormPost post =
      oauth::introspection_post(flight.token.reveal(), link.settings().token_type_hint, link.credential());
  ports::UpstreamCall call;
  call.authorization_server = flight.question.server;
  call.endpoint = ports::UpstreamEndpoint::kIntrospection;
  call.authorization = std::move(post.authorization);
  call.body = std::move(post.body);
  call.fresh_connection = fresh_connection;
  call.timeout = link.settings().timeout;
  flight.call = parts_.upstream.post(std::move(call), [this, &flight](const ports::UpstreamReply& reply) {
    on_reply(flight, reply);
  });
}

void Fetcher::on_reply(Flight& flight, const ports::UpstreamReply& reply) {
  const ports::PendingToken ended = std::move(flight.call);
  const Now now = parts_.loop.now();
  link_of(flight).ended(reply, now.mono - flight.ticket.start.mono, now);
  const bool refused = reply.outcome == ports::TransportOutcome::kOk && (reply.status == 401 || reply.status == 403);
  // Whether or not this flight is tried again: the next one needs the right credential (F63).
  const bool renewed = refused && renew_credential(flight.question.server);
  const cache::Question question = flight.question;
  if (!retry(flight, reply, renewed)) finish(flight, reply);
  start_queued(question);
}

bool Fetcher::renew_credential(cache::ServerId server) {
  if (!parts_.servers[server]->reload_secret(parts_.loop.now().mono)) return false;
  parts_.counters.add(Counter::kCredentialReloads);
  parts_.log.warning("credential reloaded", {{"as", parts_.servers[server]->settings().name}});
  server_flushed(server, parts_.cache.flush(server));
  return true;
}

bool Fetcher::retry(Flight& flight, const ports::UpstreamReply& reply, bool credential_renewed) {
  const MonoTime now = parts_.loop.now().mono;
  ServerLink& link = link_of(flight);
  const bool somebody_waits = std::any_of(flight.waiters.begin(), flight.waiters.end(),
                                          [now](const Waiter& waiter) { return waiter.deadline > now; });
  if (shutting_down_ || flight.tries >= kTriesMost || !somebody_waits || !link.has_room()) return false;
  const bool died = reply.outcome == ports::TransportOutcome::kIdleConnectionDied;             // F78
  const bool failed = reply.outcome == ports::TransportOutcome::kOk && reply.status >= 500;    // F68
  const bool left_alone = link.breaker().state() == Breaker::State::kOpen && !credential_renewed;
  if (left_alone || !(died || failed || credential_renewed)) return false;
  // Not to a flight that started under the old credential.
  if (!credential_renewed && hand_over(flight)) return true;
  if (!link.retries().take_retry(now)) return false;
  link.add(CallCounter::kRetries);
  call(flight, true);
  return true;
}

// Instead of another try: a flight of the same key that started later is under way, or is to start, and serves these
// waiters as well. A retry beside it would be a third one (I31).
bool Fetcher::hand_over(Flight& flight) {
  Flight* const younger = flights_.younger_than(flight);
  if (younger == nullptr || MUTANT(retry_beside_a_younger_flight)) return false;
  const FlightPtr ended = take(flight);
  younger->waiters.insert(younger->waiters.end(), ended->waiters.begin(), ended->waiters.end());
  waiters_ += ended->waiters.size();
  return true;
}

bool Fetcher::has_flight(const cache::TokenHash& token, cache::ServerId server) const {
  return flights_.has_token(token, parts_.cache.place(token), server);
}

// The token is dead: whoever waits for it learns so at once; the flight ends alone and stores nothing.
void Fetcher::token_purged(const cache::TokenHash& token, cache::ServerId server, cache::Seq seq) {
  if (MUTANT(purge_taints_no_flight)) return;
  for (Flight* const flight : flights_.of_token(token, parts_.cache.place(token), server)) {
    flight->purge = {seq, true};
    const std::vector<Waiter> waiters = std::exchange(flight->waiters, {});
    waiters_ -= waiters.size();
    if (flight->queued) {
      take(*flight);
    } else if (flight->joinable) {
      flights_.close(*flight);
    }
    for (const Waiter& waiter : waiters) parts_.replies.deliver(waiter.id, plain(Outcome::kInactiveDead));
  }
}

// A flight is tainted by the first flush alone: nobody has joined it since. What is queued starts after all of them.
void Fetcher::server_flushed(cache::ServerId server, cache::Seq seq) {
  for (Flight* const flight : flights_.open_of(server)) {
    flight->purge.newest = seq;
    if (!MUTANT(join_after_purge)) flights_.close(*flight);
  }
}

void Fetcher::cancel(Flight& flight) {
  if (flight.call != nullptr) link_of(flight).cancelled();
  if (flight.probe) link_of(flight).breaker().probe_abandoned(parts_.loop.now().mono);
  flight.call.reset();
  take(flight);
}

// The flight leaves the table, with what it counted for.
FlightPtr Fetcher::take(Flight& flight) {
  FlightPtr taken = flights_.take(flight);
  waiters_ -= taken->waiters.size();
  --flights_of_caller_[taken->caller];
  return taken;
}

void Fetcher::shut_down() {
  shutting_down_ = true;
  for (Flight* const flight : flights_.all()) {
    for (const Waiter& waiter : flight->waiters) parts_.replies.deliver(waiter.id, plain(Outcome::kShuttingDown));
    cancel(*flight);
  }
}

}  // namespace introspectd::service
