// The recency bench's own promises: a cache is only as good as what it is held against is right.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <list>
#include <set>
#include <vector>

#include "base/random.h"
#include "recency/policies.h"
#include "recency/trace.h"

namespace introspectd::bench {
namespace {

Trace trace_of(std::vector<std::uint32_t> questions, std::uint32_t tokens) {
  Trace trace;
  trace.questions = std::move(questions);
  trace.tokens = tokens;
  return trace;
}

std::uint64_t plain_lru_hits(const Trace& trace, std::size_t entries) {
  std::list<std::uint64_t> newest_first;
  std::uint64_t hits = 0;
  std::uint64_t made_up = trace.tokens;
  for (const std::uint32_t question : trace.questions) {
    const std::uint64_t token = question == kMadeUp ? made_up++ : question;
    const auto found = std::find(newest_first.begin(), newest_first.end(), token);
    if (found != newest_first.end()) {
      ++hits;
      newest_first.erase(found);
    }
    newest_first.push_front(token);
    if (newest_first.size() > entries) newest_first.pop_back();
  }
  return hits;
}

// The most hits that any choice of what to keep can have: tries them all.
std::uint64_t most_hits(const Trace& trace, std::size_t entries, std::size_t at, const std::set<std::uint32_t>& kept) {
  if (at == trace.questions.size()) return 0;
  const std::uint32_t token = trace.questions[at];
  if (kept.contains(token)) return 1 + most_hits(trace, entries, at + 1, kept);
  std::uint64_t most = most_hits(trace, entries, at + 1, kept);
  std::set<std::uint32_t> with = kept;
  with.insert(token);
  if (with.size() <= entries) return std::max(most, most_hits(trace, entries, at + 1, with));
  for (const std::uint32_t gone : kept) {
    with.erase(gone);
    most = std::max(most, most_hits(trace, entries, at + 1, with));
    with.insert(gone);
  }
  return most;
}

std::vector<std::uint32_t> random_questions(Random& random, std::size_t count, std::uint32_t tokens) {
  std::vector<std::uint32_t> questions(count);
  for (std::uint32_t& question : questions) question = static_cast<std::uint32_t>(random.below(tokens));
  return questions;
}

}  // namespace

TEST_CASE("LRU: hits what a plain list hits, made-up tokens among the others") {
  Random random(3);
  for (int round = 0; round < 50; ++round) {
    Trace trace = trace_of(random_questions(random, 400, 30), 30);
    for (std::uint32_t& question : trace.questions) {
      if (random.chance(1, 4)) question = kMadeUp;
    }
    const std::size_t entries = 1 + random.below(20);
    CHECK(replay_lru(trace, entries).hits == plain_lru_hits(trace, entries));
  }
}

TEST_CASE("optimum: no choice of what to keep hits more often, and one hits as often") {
  Random random(4);
  for (int round = 0; round < 60; ++round) {
    const Trace trace = trace_of(random_questions(random, 10, 5), 5);
    const std::size_t entries = 1 + random.below(3);
    CHECK(replay_optimum(trace, entries).hits == most_hits(trace, entries, 0, {}));
  }
}

TEST_CASE("hits are counted of the measured valid questions only") {
  Trace trace = trace_of({0, 0, 0, kMadeUp, 0, 1}, 2);
  trace.warm_up = 2;
  const HitCount count = replay_lru(trace, 5);
  CHECK(count.asked == 3);
  CHECK(count.hits == 2);
}

TEST_CASE("trace: lengths count valid questions, made-up ones come on top and can be left out") {
  const TraceRecipe recipe{
      .name = "", .popular = 50, .zipf = 1.0, .scanned = 10, .scan_share = 0.3, .made_up_share = 0.5};
  const Trace trace = make_trace(recipe, {1000, 2000}, 1);
  const auto valid = [](auto begin, auto end) {
    return std::count_if(begin, end, [](std::uint32_t question) { return question != kMadeUp; });
  };
  const auto measured = trace.questions.begin() + static_cast<std::ptrdiff_t>(trace.warm_up);
  CHECK(valid(trace.questions.begin(), measured) == 1000);
  CHECK(valid(measured, trace.questions.end()) == 2000);
  CHECK(trace.questions.size() > 5000);
  const Trace rest = without_made_up(trace);
  CHECK(rest.questions.size() == 3000);
  CHECK(rest.warm_up == 1000);
  CHECK(rest.tokens == trace.tokens);
}

TEST_CASE("trace: sessions end and others take their place; scans come in bursts, round and round") {
  const Trace sessions = make_trace({.name = "", .popular = 10, .questions = 5}, {0, 5000}, 1);
  CHECK(sessions.tokens > 900);
  CHECK(sessions.tokens < 1100);
  CHECK(std::all_of(sessions.questions.begin(), sessions.questions.end(),
                    [&](std::uint32_t token) { return token < sessions.tokens; }));
  const Trace bursts =
      make_trace({.name = "", .popular = 1, .scanned = 3, .burst_every = 2, .burst = 2}, {0, 10}, 1);
  CHECK(bursts.questions == std::vector<std::uint32_t>{0, 0, 1, 2, 0, 0, 3, 1, 0, 0});
}

}  // namespace introspectd::bench
