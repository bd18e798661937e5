#include "service/fetcher.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"
#include "oauth/introspection_answer.h"
#include "oauth/upstream_request.h"

namespace introspectd::service {
namespace {

constexpr unsigned kTriesMost = 2;   // I33
constexpr std::size_t kBodyMost = 65536;

}  // namespace

Fetcher::Fetcher(const FetcherParts& parts)
    : parts_(parts), flights_of_caller_(std::max<std::size_t>(parts.settings.callers.size() + 1, 1)), room_(kBodyMost) {}

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
  const auto found = joinable_.find(key_of(request.question));
  if (found == joinable_.end()) return false;
  if (waiters_ >= parts_.settings.listen.max_connections) {
    refuse(request, Outcome::kOverloaded);
    return true;
  }
  parts_.counters.add(Counter::kJoins);
  ++waiters_;
  found->second->waiters.push_back(
      {request.waiter, request.caller, request.lookup_seq, request.deadline, request.question.audience});
  return true;
}

Fetcher::Admission Fetcher::admit(const FetchRequest& request) {
  ServerLink& link = *parts_.servers[request.question.server];
  if ((!link.has_room() && !MUTANT(server_limit_ignored)) || waiters_ >= parts_.settings.listen.max_connections) {
    return {Outcome::kOverloaded};
  }
  const bool configured = request.caller < parts_.settings.callers.size();
  const std::size_t most = configured ? parts_.settings.callers[request.caller].max_in_flight
                                      : std::max<std::size_t>(link.settings().max_in_flight / 2, 1);
  if (flights_of_caller_[request.caller] >= most && !MUTANT(caller_limit_ignored)) return {Outcome::kCallerOverloaded};
  const Breaker::Admission breaker = link.breaker().admit(parts_.loop.now().mono);
  if (breaker == Breaker::Admission::kRefuse) return {Outcome::kBreakerOpen};
  return {Outcome::kActive, breaker == Breaker::Admission::kProbe};
}

void Fetcher::refuse(const FetchRequest& request, Outcome outcome) {
  parts_.counters.add(Counter::kRefused);
  Reply reply = plain(outcome);
  const Breaker& breaker = parts_.servers[request.question.server]->breaker();
  reply.retry_after_seconds = static_cast<std::uint32_t>(
      std::chrono::ceil<std::chrono::seconds>(breaker.retry_after(parts_.loop.now().mono)).count());
  parts_.replies.deliver(request.waiter, std::move(reply));
}

void Fetcher::start(FetchRequest request, bool probe) {
  auto flight = std::make_unique<Flight>();
  flight->probe = probe;
  flight->question = request.question;
  flight->token = std::move(request.token);
  flight->caller = request.caller;
  flight->waiters.push_back(
      {request.waiter, request.caller, request.lookup_seq, request.deadline, request.question.audience});
  ++waiters_;
  ++flights_of_caller_[flight->caller];
  Flight& started = *flight;
  joinable_.insert_or_assign(key_of(request.question), std::move(flight));
  link_of(started).retries().first_try(parts_.loop.now().mono);
  call(started, false);
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
  if (retry(flight, reply, renewed)) return;
  finish(flight, reply);
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

// Those that nobody joins first: stopping a flight cancels an older one of its key, which must have had its turn.
template <typename Match>
std::vector<Fetcher::Flight*> Fetcher::matching(Match match) const {
  std::vector<Flight*> found;
  for (const FlightPtr& flight : ending_) {
    if (match(*flight)) found.push_back(flight.get());
  }
  for (const auto& [key, flight] : joinable_) {
    if (match(*flight)) found.push_back(flight.get());
  }
  return found;
}

// Instead of another try: a flight of the same key that started later is under way, and serves these waiters as well. A
// retry beside it would be a third one (I31).
bool Fetcher::hand_over(Flight& flight) {
  const FlightKey key = key_of(flight.question);
  const auto is_younger = [&](const Flight& other) {
    return other.call != nullptr && other.ticket.seq > flight.ticket.seq && key_of(other.question) == key;
  };
  const std::vector<Flight*> younger = matching(is_younger);
  if (younger.empty() || MUTANT(retry_beside_a_younger_flight)) return false;
  const FlightPtr ended = take(flight);
  std::vector<Waiter>& waiters = younger.back()->waiters;
  waiters.insert(waiters.end(), ended->waiters.begin(), ended->waiters.end());
  waiters_ += ended->waiters.size();
  return true;
}

void Fetcher::finish(Flight& flight, const ports::UpstreamReply& reply) {
  if (reply.outcome != ports::TransportOutcome::kOk) {
    finish_failed(flight, outcome_of(reply.outcome), 0);
    return;
  }
  const auto answer = oauth::read_introspection_answer(reply.status, reply.content_type, reply.body,
                                                       parts_.settings.audiences);
  if (answer) {
    finish_determined(flight, *answer);
  } else {
    finish_failed(flight, outcome_of(answer.error()), reply.status);
  }
}

void Fetcher::finish_determined(Flight& flight, const oauth::IntrospectionAnswer& answer) {
  const Now now = parts_.loop.now();
  // Purges by token and of the whole AS have tainted the flight; those by claim are known only now (I3).
  const cache::TokenCache::Commit commit = parts_.cache.commit(flight.ticket, answer, now, flight.purge);
  flight.purge = commit.purge;
  if (commit.by_sub) parts_.counters.add(Counter::kMatchedBySub);
  const bool kept = commit.outcome == cache::CommitOutcome::kStored || commit.outcome == cache::CommitOutcome::kNotStorable;
  if (!kept) parts_.counters.add(Counter::kCommitsRefused);
  if (commit.worth.clock_skew_suspected) parts_.counters.add(Counter::kClockSkewSuspected);
  Reply reply;
  reply.outcome = commit.worth.not_current ? Outcome::kInactiveNotCurrent : Outcome::kInactive;
  if (commit.worth.active) {
    reply.outcome = Outcome::kActive;
    reply.body = std::make_shared<const std::string>(answer.body);
    reply.audience = answer.audience;
  }
  answer_all(flight, reply);
}

void Fetcher::finish_failed(Flight& flight, Outcome outcome, int status) {
  const OutcomeRow& row = describe(outcome);
  parts_.log.write(row.level, "upstream failed",
                   {{"as", link_of(flight).settings().name},
                    {"outcome", row.label},
                    {"status", status},
                    {"waiters", static_cast<std::uint64_t>(flight.waiters.size())},
                    {"in_flight", static_cast<std::uint64_t>(link_of(flight).in_flight())}});
  Reply reply = plain(outcome);
  reply.retry_after_seconds = static_cast<std::uint32_t>(
      std::chrono::ceil<std::chrono::seconds>(link_of(flight).breaker().retry_after(parts_.loop.now().mono)).count());
  const FlightPtr ended = take(flight);
  for (const Waiter& waiter : ended->waiters) parts_.replies.deliver(waiter.id, reply);
}

// The flight has ended with a determination: each waiter is judged by its own lookup (DESIGN §3).
void Fetcher::answer_all(Flight& flight, const Reply& reply) {
  const FlightPtr ended = take(flight);
  for (const Waiter& waiter : ended->waiters) {
    switch (cache::judge_waiter(ended->ticket.seq, waiter.lookup_seq, ended->purge)) {
      case cache::WaiterFate::kAnswer: parts_.replies.deliver(waiter.id, reply); break;
      case cache::WaiterFate::kInactive: parts_.replies.deliver(waiter.id, plain(Outcome::kInactiveDead)); break;
      case cache::WaiterFate::kSuccessor: follow_up(*ended, waiter); break;
    }
  }
}

// A purge came after the flight had started and before this waiter looked: a flight that starts now serves it.
void Fetcher::follow_up(const Flight& flight, const Waiter& waiter) {
  FetchRequest request;
  request.question = flight.question;
  request.question.audience = waiter.audience;
  request.token = flight.token.copy();
  request.caller = waiter.caller;
  request.waiter = waiter.id;
  request.lookup_seq = parts_.cache.seq();
  request.deadline = waiter.deadline;
  if (const auto found = joinable_.find(key_of(request.question)); found != joinable_.end()) {
    ++waiters_;
    found->second->waiters.push_back(
        {request.waiter, request.caller, request.lookup_seq, request.deadline, request.question.audience});
    return;
  }
  const Admission admission = admit(request);
  if (admission.outcome != Outcome::kActive) {
    parts_.replies.deliver(request.waiter, plain(admission.outcome));
    return;
  }
  parts_.counters.add(Counter::kSuccessorFlights);
  start(std::move(request), admission.probe);
}

bool Fetcher::has_flight(const cache::TokenHash& token, cache::ServerId server) const {
  return !matching([&](const Flight& f) { return f.question.server == server && f.question.token == token; }).empty();
}

// The token is dead: whoever waits for it learns so at once; the flight ends alone and stores nothing.
void Fetcher::token_purged(const cache::TokenHash& token, cache::ServerId server, cache::Seq seq) {
  if (MUTANT(purge_taints_no_flight)) return;
  for (Flight* const flight :
       matching([&](const Flight& f) { return f.question.server == server && f.question.token == token; })) {
    flight->purge = {seq, true};
    const std::vector<Waiter> waiters = std::exchange(flight->waiters, {});
    waiters_ -= waiters.size();
    stop_joining(*flight);
    for (const Waiter& waiter : waiters) parts_.replies.deliver(waiter.id, plain(Outcome::kInactiveDead));
  }
}

void Fetcher::server_flushed(cache::ServerId server, cache::Seq seq) {
  for (Flight* const flight : matching([&](const Flight& f) { return f.joinable && f.question.server == server; })) {
    flight->purge.newest = seq;
    if (!MUTANT(join_after_purge)) stop_joining(*flight);
  }
}

// Moves the flight to those that nobody joins. An older one of the same key hands its waiters over: this flight
// started after they looked, and at most one older flight is ever under way (I31).
void Fetcher::stop_joining(Flight& flight) {
  if (!flight.joinable) return;
  const FlightKey key = key_of(flight.question);
  // One whose reply is being judged in this very turn has no call any more and ends by itself.
  const auto same_key = [&](const FlightPtr& other) {
    return other->call != nullptr && key_of(other->question) == key;
  };
  if (const auto older = std::find_if(ending_.begin(), ending_.end(), same_key); older != ending_.end()) {
    std::vector<Waiter>& waiters = (*older)->waiters;
    if (!flight.purge.dead) flight.waiters.insert(flight.waiters.end(), waiters.begin(), waiters.end());
    waiters_ += flight.purge.dead ? 0 : waiters.size();
    cancel(**older);
  }
  const auto found = joinable_.find(key);
  CHECK_INVARIANT(found != joinable_.end() && found->second.get() == &flight);
  flight.joinable = false;
  ending_.push_back(std::move(found->second));
  joinable_.erase(found);
}

void Fetcher::cancel(Flight& flight) {
  link_of(flight).cancelled();
  if (flight.probe) link_of(flight).breaker().probe_abandoned(parts_.loop.now().mono);
  flight.call.reset();
  take(flight);
}

// The flight leaves the tables, with what it counted for.
Fetcher::FlightPtr Fetcher::take(Flight& flight) {
  FlightPtr taken;
  if (flight.joinable) {
    const auto found = joinable_.find(key_of(flight.question));
    CHECK_INVARIANT(found != joinable_.end() && found->second.get() == &flight);
    taken = std::move(found->second);
    joinable_.erase(found);
  } else {
    const auto found =
        std::find_if(ending_.begin(), ending_.end(), [&](const FlightPtr& f) { return f.get() == &flight; });
    CHECK_INVARIANT(found != ending_.end());
    taken = std::move(*found);
    ending_.erase(found);
  }
  waiters_ -= taken->waiters.size();
  --flights_of_caller_[taken->caller];
  return taken;
}

void Fetcher::shut_down() {
  shutting_down_ = true;
  for (Flight* const flight : matching([](const Flight&) { return true; })) {
    for (const Waiter& waiter : flight->waiters) parts_.replies.deliver(waiter.id, plain(Outcome::kShuttingDown));
    cancel(*flight);
  }
}

}  // namespace introspectd::service
