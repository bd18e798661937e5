// policies: what the recency bench holds the cache against, at the same number of entries: exact LRU, and Belady's
// optimum (L. A. Belady 1966), which knows the next use of every token and keeps out what would be used last.
// Threads: pure.  Owns: tables by token.  Errors: none.  Cost: LRU about 20 ns a question; the optimum O(log n).
#pragma once

#include <cstddef>
#include <cstdint>

#include "recency/trace.h"

namespace introspectd::bench {

// Of the measured valid questions.
struct HitCount {
  std::uint64_t asked = 0;
  std::uint64_t hits = 0;

  void add(bool hit) {
    ++asked;
    hits += hit ? 1U : 0U;
  }
  double percent() const { return asked == 0 ? 0 : 100.0 * static_cast<double>(hits) / static_cast<double>(asked); }
};

// Made-up tokens take an entry like any other.
HitCount replay_lru(const Trace& trace, std::size_t entries);
// Only of a trace without made-up tokens.
HitCount replay_optimum(const Trace& trace, std::size_t entries);

}  // namespace introspectd::bench
