// FlightTable: the flights under way, found by token, by key, and, where new requests join them, by AS.
// Of one key there is at most one that new requests join: under way, or queued until one of two older ones has ended.
// Threads: the back loop only.  Owns: the flights.  Errors: none; a flight that is not there is a fault.
// Cost: O(flights of the token), of which there are at most three a view; by AS O(what is found).
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/mutant.h"
#include "base/secret.h"
#include "cache/token_cache.h"
#include "ports/event_loop.h"
#include "service/messages.h"

namespace introspectd::service {

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
  ports::PendingToken call;      // none: queued, or its reply is being judged
  unsigned tries = 0;
  bool joinable = true;
  bool queued = false;           // its call has not started: whatever is purged meanwhile is older
  bool probe = false;            // the breaker's
  std::list<Flight*>::iterator open_at;   // the table's own: among those of its AS, while joinable and not queued
};
using FlightPtr = std::unique_ptr<Flight>;

class FlightTable {
 public:
  explicit FlightTable(std::size_t servers) : open_(servers) {}

  // One that new requests join.
  Flight& add(FlightPtr flight);
  // A queued one starts.
  void start(Flight& flight);
  // Nobody joins it any more.
  void close(Flight& flight);
  FlightPtr take(Flight& flight);

  Flight* joinable(const cache::Question& question) const;
  // How many calls of its key are under way.
  std::size_t calls_of(const cache::Question& question) const;
  // One of the same key whose call has started later, or has not yet: the one that is joined, else any.
  Flight* younger_than(const Flight& flight) const;
  std::vector<Flight*> of_token(const cache::TokenHash& token, std::uint64_t place, cache::ServerId server) const;
  bool has_token(const cache::TokenHash& token, std::uint64_t place, cache::ServerId server) const;
  // Those of the AS that are under way and joined; each is closed once, so that all purges together cost O(flights).
  std::vector<Flight*> open_of(cache::ServerId server) const;
  std::vector<Flight*> all() const;
  std::size_t size() const { return flights_.size(); }

 private:
  struct Token {
    cache::TokenHash hash;
    std::uint64_t place = 0;   // keyed: nobody can choose tokens that collide (I41)
    bool operator==(const Token& other) const { return hash == other.hash; }
  };
  struct TokenPlace {
    std::size_t operator()(const Token& token) const noexcept { return token.place; }
  };
  static bool same_key(const cache::Question& a, const cache::Question& b) {
    return a.token == b.token && (a.view == b.view || MUTANT(flights_joined_across_views));
  }
  template <typename Match>
  std::vector<Flight*> matching(const cache::TokenHash& token, std::uint64_t place, Match match) const;

  std::unordered_multimap<Token, FlightPtr, TokenPlace> flights_;
  std::vector<std::list<Flight*>> open_;   // by AS
};

}  // namespace introspectd::service
