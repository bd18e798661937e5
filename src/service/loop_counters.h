// LoopCounters: what one loop counts; a scrape sums the blocks of all loops. One table names every counter for the
// exposition (metrics.h); the identities of I53 hold over the sums whenever nothing is under way:
//   lookups = hits + negatives + dead + audience + misses + joins + refused
//   requests = Σ outcomes + gone
// Threads: the loop writes, any reads.  Owns: the counters.  Errors: none.  Cost: a load and a store each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/counters.h"
#include "service/outcomes.h"

namespace introspectd::service {

enum class Counter : std::uint8_t {
  kRequests,              // complete or broken requests that are owed a reply
  kGone,                  // … whose peer was gone before it
  kLookups,
  kHits,
  kNegatives,
  kDead,
  kAudience,
  kMisses,                // a flight was started
  kJoins,                 // joined a flight
  kRefused,               // neither: limits, breaker, shutting down
  kConnectionsAccepted,
  kConnectionsRefused,
  kConnectionsClosed,
  kAcceptRests,           // accepting rested, as the OS had no fds or no memory left (F112)
  kRevocations,
  kRefreshHeld,           // what may be a refresh token was asked about before its revocation: its access tokens are held
  kRefreshNothing,        // … the AS knows of none, or not of whom
  kRefreshFailed,         // … it could not be asked, or gave no answer: access tokens of it live on until they end
  kPurges,                // by token, from all sources
  kPurgesBySub,
  kPurgesBySid,
  kPurgesByClientId,
  kPurgesByJti,
  kPurgesIssuedBefore,    // what an AS issued before a time
  kFlushes,               // everything of an AS
  kForgottenNegatives,    // every inactive answer of an AS
  kMatchedBySub,          // records and answers without sid that a purge by sid matched by their sub (STD 5.29)
  kSweptRecords,          // dropped by the sweep after purges by claim
  kCredentialReloads,
  kClockSkewSuspected,
  kCommitsRefused,        // fills that a purge or a floor kept out (I2)
  kSuccessorFlights,
};
inline constexpr std::size_t kCounters = static_cast<std::size_t>(Counter::kSuccessorFlights) + 1;

struct CounterRow {
  Counter counter;
  std::string_view family;   // introspectd_…_total
  std::string_view label;    // `result="hit"` or empty
  std::string_view help;     // of the family; rows of one family stand together
};
std::span<const CounterRow> counter_table() noexcept;

class LoopCounters {
 public:
  void add(Counter counter, std::uint64_t amount = 1) noexcept {
    counters_.add(static_cast<std::size_t>(counter), amount);
  }
  void add(Outcome outcome) noexcept { outcomes_.add(index_of(outcome)); }
  std::uint64_t get(Counter counter) const noexcept { return counters_.get(static_cast<std::size_t>(counter)); }
  std::uint64_t get(Outcome outcome) const noexcept { return outcomes_.get(index_of(outcome)); }

 private:
  CounterBlock<kCounters> counters_;
  CounterBlock<kOutcomes> outcomes_;
};
static_assert(alignof(LoopCounters) % 64 == 0 && sizeof(LoopCounters) % 64 == 0, "loops share no cache line");

}  // namespace introspectd::service
