// Trace: an order of questions for the recency bench, made from a seed: popularity (Zipf, uniform, or sessions that
// come and go) with scans and made-up tokens mixed in. Valid tokens are numbered densely from 0, so that the reference
// policies need no hash table.
// Threads: a value.  Owns: 4 bytes a question.  Errors: none.  Cost: about 50 ns a question.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace introspectd::bench {

// A token that the authorization server does not know, and that was never asked about before.
inline constexpr std::uint32_t kMadeUp = 0xffffffffU;

struct TraceRecipe {
  std::string name;
  std::uint64_t popular = 0;      // tokens, at any time, that are asked about again and again
  double zipf = 0;                // exponent of their popularity; 0: all alike
  std::uint64_t questions = 0;    // on average so many about one of them, then another takes its place; 0: it stays
  std::uint64_t scanned = 0;      // further tokens, asked about one after the other, round and round
  double scan_share = 0;          // of the valid questions, one at a time between the others, or
  std::uint64_t burst_every = 0;  // after so many of the others,
  std::uint64_t burst = 0;        // so many in a row
  double made_up_share = 0;       // of all questions
  std::uint64_t warm_up = 5;      // times the entries: until misses have filled them more than once
  bool held = true;               // to the limit; else only shown
};

struct Trace {
  std::vector<std::uint32_t> questions;
  std::size_t warm_up = 0;    // so many come before the measured ones
  std::uint32_t tokens = 0;   // all valid ones are below
};

// So many valid questions of each; made-up ones come on top.
struct TraceLength {
  std::size_t warm_up = 0;
  std::size_t measured = 0;
};

Trace make_trace(const TraceRecipe& recipe, const TraceLength& length, std::uint64_t seed);
Trace without_made_up(const Trace& trace);

}  // namespace introspectd::bench
