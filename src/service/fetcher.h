// Fetcher: asks the authorization servers, once for everybody who waits for the same key (single flight).
// A flight carries the seq at which its call started; purges taint it; at its end every waiter is judged by the one
// rule (cache/judgement.h): it has the answer, or false because the token is dead, or it waits for a successor flight
// that starts after the purge (I1, I2, I3, I31).
// Threads: the back loop only.  Owns: flights and their calls.
// Errors: outcomes, delivered to the waiters.  Cost: one upstream call per flight; O(waiters) at its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "base/mutant.h"
#include "cache/token_cache.h"
#include "ports/event_loop.h"
#include "ports/upstream.h"
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

  std::size_t flights() const { return joinable_.size() + ending_.size(); }
  std::size_t waiters() const { return waiters_; }
  // Everybody who waits is told that we stop; calls are cancelled.
  void shut_down();

 private:
  struct Waiter {
    WaiterId id;
    CallerId caller = 0;
    cache::Seq lookup_seq = 0;
    MonoTime deadline;
    oauth::AudienceMask audience = 0;   // of the caller; the front applies it to the reply
  };
  struct Flight {
    cache::Question question;
    cache::Ticket ticket;
    cache::MatchingPurge purge;
    Secret token;
    CallerId caller = 0;           // who started it: counts against its limit
    std::vector<Waiter> waiters;
    ports::PendingToken call;
    unsigned tries = 0;
    bool joinable = true;
    bool probe = false;            // the breaker's
  };
  struct FlightKey {
    cache::TokenHash token;
    cache::ViewId view = 0;
    std::uint64_t place = 0;   // keyed: nobody can choose tokens that collide (I41)
    bool operator==(const FlightKey& other) const { return view == other.view && token == other.token; }
  };
  struct FlightKeyHash {
    std::size_t operator()(const FlightKey& key) const noexcept { return key.place ^ key.view; }
  };
  static FlightKey key_of(const cache::Question& q) {
    return {q.token, MUTANT(flights_joined_across_views) ? cache::ViewId{0} : q.view, q.place};
  }
  using FlightPtr = std::unique_ptr<Flight>;

  bool answer_from_cache(const FetchRequest& request);
  bool join(const FetchRequest& request);
  struct Admission {
    Outcome outcome = Outcome::kActive;   // kActive: go ahead
    bool probe = false;
  };
  void start(FetchRequest request, bool probe);
  Admission admit(const FetchRequest& request);
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
  void stop_joining(Flight& flight);
  void cancel(Flight& flight);
  template <typename Match>
  std::vector<Flight*> matching(Match match) const;
  ServerLink& link_of(const Flight& flight) const { return *parts_.servers[flight.question.server]; }

  FetcherParts parts_;
  std::unordered_map<FlightKey, FlightPtr, FlightKeyHash> joinable_;   // at most one per key that new requests join
  std::list<FlightPtr> ending_;                                        // tainted: nobody joins any more
  std::vector<std::size_t> flights_of_caller_;
  std::size_t waiters_ = 0;
  std::vector<char> room_;                                             // for a second look into the cache
  bool shutting_down_ = false;
};

}  // namespace introspectd::service
