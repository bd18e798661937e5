// The part of Fetcher that ends flights: what an AS's reply means, and what each waiter is told.
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "cache/judgement.h"
#include "oauth/introspection_answer.h"
#include "service/fetcher.h"

namespace introspectd::service {

// With the time after which the AS may be asked again, whoever refuses and at whatever stage.
Reply Fetcher::refusal(cache::ServerId server, Outcome outcome) const {
  Reply reply = plain(outcome);
  const Duration wait = parts_.servers[server]->breaker().retry_after(parts_.loop.now().mono);
  reply.retry_after_seconds = static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(wait).count());
  return reply;
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
  const Reply reply = refusal(flight.question.server, outcome);
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

// A purge came after the flight had started and before this waiter looked: a flight that starts now serves it, and so
// does one that has started since nobody joined this one any more. What is purged after the waiter looked is no matter.
void Fetcher::follow_up(const Flight& flight, const Waiter& waiter) {
  FetchRequest request;
  request.question = flight.question;
  request.question.audience = waiter.audience;
  request.token = flight.token.copy();
  request.caller = waiter.caller;
  request.waiter = waiter.id;
  request.lookup_seq = waiter.lookup_seq;
  request.deadline = waiter.deadline;
  if (Flight* const found = flights_.joinable(request.question); found != nullptr) {
    add_waiter(*found, request);
    return;
  }
  const Admission admission = admit(request);
  if (admission.outcome != Outcome::kActive) {
    parts_.replies.deliver(request.waiter, refusal(request.question.server, admission.outcome));
    return;
  }
  parts_.counters.add(Counter::kSuccessorFlights);
  start(std::move(request), admission.probe);
}

}  // namespace introspectd::service
