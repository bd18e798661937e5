// sim_swarm --seeds A..B [--requests N] [--seed N] [--feeds] [--trace]: runs a world per seed and stops at the first one in which
// a guarantee was broken, with the command that replays it. Every 16th seed runs twice: same seed, same hash (I54).
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "tests/sim/swarm.h"

namespace introspectd::sim {
namespace {

struct Arguments {
  std::uint64_t first = 1;
  std::uint64_t last = 50;
  std::uint64_t requests = 500;
  bool trace = false;
  bool keep_going = false;
  bool feeds = false;
};

bool read_number(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

std::optional<Arguments> read_arguments(int count, char** words) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const std::string_view value = i + 1 < count ? words[i + 1] : "";
    if (word == "--trace") {
      arguments.trace = true;
      continue;
    }
    if (word == "--feeds") {
      arguments.feeds = true;
      continue;
    }
    if (word == "--keep-going") {
      arguments.keep_going = true;
      continue;
    }
    ++i;
    bool good = false;
    if (word == "--seed") {
      good = read_number(value, arguments.first);
      arguments.last = arguments.first;
    } else if (word == "--requests") {
      good = read_number(value, arguments.requests);
    } else if (word == "--seeds") {
      const std::size_t dots = value.find("..");
      good = dots != std::string_view::npos && read_number(value.substr(0, dots), arguments.first) &&
             read_number(value.substr(dots + 2), arguments.last);
    }
    if (!good) return std::nullopt;
  }
  return arguments;
}

void print(const SwarmResult& result, std::uint64_t seed, const char* program, std::uint64_t requests) {
  for (const Violation& violation : result.violations) {
    std::printf("%s broken at seed %llu: %s\n%s", violation.invariant.c_str(),
                static_cast<unsigned long long>(seed), violation.sentence.c_str(), violation.story.c_str());
  }
  std::printf("switches: %s\nreplay: %s --seed %llu --requests %llu\n", result.story.c_str(), program,
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(requests));
}

void print_trace(const SwarmResult& result, std::uint64_t seed) {
  std::printf("seed %llu hash %016llx requests %llu steps %llu true %llu false %llu errors %llu gone %llu calls %llu "
              "purges %llu: %s\n",
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(result.trace_hash),
              static_cast<unsigned long long>(result.requests), static_cast<unsigned long long>(result.steps),
              static_cast<unsigned long long>(result.trues), static_cast<unsigned long long>(result.falses),
              static_cast<unsigned long long>(result.errors), static_cast<unsigned long long>(result.gone),
              static_cast<unsigned long long>(result.calls), static_cast<unsigned long long>(result.purges),
              result.story.c_str());
}

// What a long run must have met, or it tests less than it says: every way in which a request of these worlds can end,
// and every thing the daemon counts, but for limits of connections, peers and browsers, which no caller here runs into.
int print_unmet(const SwarmResult& sum, bool feeds) {
  using service::Counter;
  using service::Outcome;
  constexpr std::array kElsewhere{Outcome::kTokenTooLong, Outcome::kTwoMechanisms, Outcome::kPeerRefused,
                                  Outcome::kForeignOrigin, Outcome::kAdminBadRequest, Outcome::kRevocationQuota,
                                  Outcome::kShuttingDown, Outcome::kEventUnmappable, Outcome::kEventOutboxFull,
                                  Outcome::kEventOverloaded};
  constexpr std::array kOfFeeds{Outcome::kEventAccepted, Outcome::kEventRefused, Outcome::kEventSenderUnknown,
                                Outcome::kEventKeysUnavailable};
  int unmet = 0;
  for (const service::OutcomeRow& row : service::outcome_table()) {
    const bool elsewhere = std::find(kElsewhere.begin(), kElsewhere.end(), row.outcome) != kElsewhere.end();
    const bool of_feeds = std::find(kOfFeeds.begin(), kOfFeeds.end(), row.outcome) != kOfFeeds.end();
    if (elsewhere || (of_feeds && !feeds) || sum.outcomes[service::index_of(row.outcome)] != 0) continue;
    std::printf("no request ended as %.*s\n", static_cast<int>(row.label.size()), row.label.data());
    ++unmet;
  }
  for (std::size_t i = 0; i < sum.counters.size(); ++i) {
    const auto counter = static_cast<Counter>(i);
    const bool of_sockets = counter == Counter::kConnectionsRefused || counter == Counter::kAcceptRests;
    if (of_sockets || sum.counters[i] != 0) continue;
    std::printf("counter %zu never moved\n", i);
    ++unmet;
  }
  return unmet;
}

void add(SwarmResult& sum, const SwarmResult& result) {
  sum.requests += result.requests;
  sum.trues += result.trues;
  sum.falses += result.falses;
  sum.errors += result.errors;
  sum.calls += result.calls;
  sum.purges += result.purges;
  for (std::size_t i = 0; i < sum.counters.size(); ++i) sum.counters[i] += result.counters[i];
  for (std::size_t i = 0; i < sum.outcomes.size(); ++i) sum.outcomes[i] += result.outcomes[i];
}

int run(const Arguments& arguments, const char* program) {
  SwarmResult sum;
  int broken = 0;
  for (std::uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
    SwarmResult result = run_seed(seed, arguments.requests, arguments.trace, arguments.feeds);
    const bool twice = seed % 16 == 0 || arguments.first == arguments.last;
    if (twice && run_seed(seed, arguments.requests, false, arguments.feeds).trace_hash != result.trace_hash) {
      result.violations.push_back({"I54", "the same seed gave another trace", ""});
    }
    if (arguments.trace) print_trace(result, seed);
    if (!result.violations.empty()) {
      ++broken;
      print(result, seed, program, arguments.requests);
      if (arguments.feeds) std::printf("… with --feeds\n");
      if (!arguments.keep_going) return 1;
    }
    add(sum, result);
  }
  std::printf("%llu seeds, %llu requests: %llu true, %llu false, %llu errors; %llu calls, %llu purges; %d broken\n",
              static_cast<unsigned long long>(arguments.last - arguments.first + 1),
              static_cast<unsigned long long>(sum.requests), static_cast<unsigned long long>(sum.trues),
              static_cast<unsigned long long>(sum.falses), static_cast<unsigned long long>(sum.errors),
              static_cast<unsigned long long>(sum.calls), static_cast<unsigned long long>(sum.purges), broken);
  constexpr std::uint64_t kLongRun = 1000;
  if (arguments.last - arguments.first + 1 >= kLongRun) broken += print_unmet(sum, arguments.feeds);
  return broken == 0 ? 0 : 1;
}

}  // namespace
}  // namespace introspectd::sim

int main(int count, char** words) {
  const auto arguments = introspectd::sim::read_arguments(count, words);
  if (!arguments) {
    std::printf("usage: %s [--seeds A..B | --seed N] [--requests N] [--feeds] [--trace] [--keep-going]\n", words[0]);
    return 2;
  }
  return introspectd::sim::run(*arguments, words[0]);
}
