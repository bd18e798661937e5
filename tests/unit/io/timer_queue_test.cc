#include "io/timer_queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"

namespace introspectd::io {
namespace {

MonoTime at(std::int64_t ns) { return MonoTime::from_ns(ns); }

}  // namespace

TEST_CASE("timer_queue: callbacks run in the order of their deadlines, equal ones as added") {
  TimerQueue timers;
  std::string order;
  const auto c = timers.add(at(30), [&] { order += 'c'; });
  const auto a = timers.add(at(10), [&] { order += 'a'; });
  const auto b = timers.add(at(10), [&] { order += 'b'; });
  timers.run_due(at(9));
  CHECK(order.empty());
  timers.run_due(at(10));
  CHECK(order == "ab");
  CHECK(timers.next_deadline() == at(30));
  timers.run_due(at(31));
  CHECK(order == "abc");
  CHECK_FALSE(timers.next_deadline().has_value());
}

TEST_CASE("timer_queue: destroying the token cancels, also from inside another callback") {
  TimerQueue timers;
  bool ran = false;
  ports::PendingToken second;
  const auto first = timers.add(at(1), [&] { second.reset(); });
  second = timers.add(at(1), [&] { ran = true; });
  timers.run_due(at(5));
  CHECK_FALSE(ran);
  CHECK(timers.size() == 0);
}

TEST_CASE("timer_queue: a callback may destroy its own token and keeps its captures until it ends") {
  TimerQueue timers;
  auto token = std::make_unique<ports::PendingToken>();
  const auto text = std::make_shared<std::string>("alive");
  std::string seen;
  *token = timers.add(at(1), [&, text] {
    token.reset();
    seen = *text;
  });
  timers.run_due(at(1));
  CHECK(seen == "alive");
}

TEST_CASE("timer_queue: a timer that starts itself again without delay waits for the next turn") {
  TimerQueue timers;
  int runs = 0;
  ports::PendingToken token;
  UniqueFunction<void()> again = [&] {
    ++runs;
    token = timers.add(at(1), [&] { ++runs; });
  };
  token = timers.add(at(1), [&] { again(); });
  timers.run_due(at(1));
  CHECK(runs == 1);
  timers.run_due(at(1));
  CHECK(runs == 2);
}

TEST_CASE("timer_queue: a token may outlive the queue") {
  std::optional<TimerQueue> timers(std::in_place);
  ports::PendingToken inner = timers->add(at(1), [] {});
  // The dropped callback owns another timer's token.
  const auto outer = timers->add(at(2), [token = std::move(inner)] {});
  timers.reset();
  CHECK(outer != nullptr);
}

TEST_CASE("timer_queue: ten thousand random timers, half of them cancelled, run in order and none twice") {
  TimerQueue timers;
  Random random(7);
  std::vector<ports::PendingToken> tokens;
  std::vector<std::int64_t> ran;
  for (int i = 0; i < 10'000; ++i) {
    const auto deadline = static_cast<std::int64_t>(random.below(1'000));
    tokens.push_back(timers.add(at(deadline), [&ran, deadline] { ran.push_back(deadline); }));
    if (random.chance(1, 2)) tokens[random.below(tokens.size())].reset();
  }
  const std::size_t left = timers.size();
  for (std::int64_t now = 0; now <= 1'000; now += 10) {
    timers.run_due(at(now));
    CHECK((ran.empty() || ran.back() <= now));
  }
  CHECK(ran.size() == left);
  CHECK(std::is_sorted(ran.begin(), ran.end()));
  CHECK(timers.size() == 0);
}

}  // namespace introspectd::io
