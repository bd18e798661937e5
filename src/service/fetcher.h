// Fetcher: asks the authorization servers, once for everybody who waits for the same key (single flight).
// A flight carries the seq at which its call started; purges taint it; at its end every waiter is judged by the one
// rule (cache/judgement.h): it has the answer, or false because the token is dead, or it waits for a successor flight
// that starts after the purge (I1, I2, I3, I31). Every call runs to its end: where two of a key are under way, as
// flushes come faster than the AS answers, the next is queued behind them, so that nobody waits for more than two.
// Threads: the back loop only.  Owns: flights and their calls.
// Errors: outcomes, delivered to the waiters.
// Cost: one upstream call per flight; O(waiters) at its end. A purge by token O(flights of the token).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/log.h"
#include "cache/token_cache.h"
#include "ports/event_loop.h"
#include "ports/upstream.h"
#include "service/flight_table.h"
#include "service/loop_counters.h"
#include "service/messages.h"
#include "service/server_link.h"
#include "service/settings.h"

namespace introspectd::service {

struct FetcherParts {
  ports::EventLoop& loop;
  ports::Upstream& upstream;
  cache::TokenCache& cache;
  const Settings& settings;
  std::vector<std::unique_ptr<ServerLink>>& servers;
  Replies& replies;
  LoopCounters& counters;
  Log log;
};

class Fetcher {
 public:
  explicit Fetcher(const FetcherParts& parts);
  Fetcher(Fetcher&&) = delete;
  Fetcher& operator=(Fetcher&&) = delete;
  ~Fetcher();

  void fetch(FetchRequest request);

  // A purge was applied to the cache in this turn: flights that it matches are tainted before anything else runs.
  bool has_flight(const cache::TokenHash& token, cache::ServerId server) const;
  void token_purged(const cache::TokenHash& token, cache::ServerId server, cache::Seq seq);
  void server_flushed(cache::ServerId server, cache::Seq seq);

  // The AS refused our credential: reads it again; a changed one retires what the old one brought (F63, I50).
  bool renew_credential(cache::ServerId server);

  static constexpr std::size_t kCallsMost = 2;   // of one key at a time (I31)

  std::size_t flights() const { return flights_.size(); }
  std::size_t waiters() const { return waiters_; }
  // Everybody who waits is told that we stop; calls are cancelled.
  void shut_down();

 private:
  bool answer_from_cache(const FetchRequest& request);
  bool join(const FetchRequest& request);
  struct Admission {
    Outcome outcome = Outcome::kActive;   // kActive: go ahead
    bool probe = false;
  };
  Admission admit(const FetchRequest& request);
  Admission admit_call(cache::ServerId server);
  bool must_queue(const cache::Question& question) const { return flights_.calls_of(question) >= kCallsMost; }
  void start(FetchRequest request, bool probe);
  void start_queued(const cache::Question& question);
  Reply refusal(cache::ServerId server, Outcome outcome) const;
  void refuse(const FetchRequest& request, Outcome outcome);
  void call(Flight& flight, bool fresh_connection);
  void on_reply(Flight& flight, const ports::UpstreamReply& reply);
  bool retry(Flight& flight, const ports::UpstreamReply& reply, bool credential_renewed);
  bool hand_over(Flight& flight);
  void finish(Flight& flight, const ports::UpstreamReply& reply);
  void finish_determined(Flight& flight, const oauth::IntrospectionAnswer& answer);
  void finish_failed(Flight& flight, Outcome outcome, int status);
  void follow_up(const Flight& flight, const Waiter& waiter);
  void answer_all(Flight& flight, const Reply& reply);
  FlightPtr take(Flight& flight);
  void cancel(Flight& flight);
  void add_waiter(Flight& flight, const FetchRequest& request);
  ServerLink& link_of(const Flight& flight) const { return *parts_.servers[flight.question.server]; }

  FetcherParts parts_;
  FlightTable flights_;
  std::vector<std::size_t> flights_of_caller_;
  std::size_t waiters_ = 0;
  std::vector<char> room_;         // for a second look into the cache
  bool shutting_down_ = false;
};

}  // namespace introspectd::service
