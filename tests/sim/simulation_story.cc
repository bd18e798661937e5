// What scenarios say and wait for, and how every simulation ends: served, drained and counted (I53).
#include <algorithm>
#include <utility>

#include "tests/sim/simulation.h"

namespace introspectd::sim {
namespace {

constexpr Duration kLongEnough = std::chrono::seconds{120};

}  // namespace

SimClient& Simulation::story_client(std::size_t caller) {
  SimClient*& client = story_clients_[caller];
  if (client == nullptr || !client->open()) client = &connect();
  return *client;
}

std::string Simulation::wait_for(std::uint64_t id) {
  const MonoTime give_up = world_.mono() + kLongEnough;
  while (!ask_record(id).replied.happened() && !ask_record(id).gone && world_.mono() < give_up && world_.step()) {
  }
  const AskRecord& ask = ask_record(id);
  if (ask.gone) return "gone";
  if (!ask.replied.happened()) return "no reply";
  if (ask.status != 200) return std::to_string(ask.status);
  const bool question = ask.kind == AskKind::kIntrospect || ask.kind == AskKind::kImpossibleToken;
  if (!question) return "200";
  return ask.body == R"({"active":false})" ? "false" : "true";
}

std::string Simulation::say(std::size_t caller, const std::string& token) {
  return wait_for(introspect(story_client(caller), caller, token));
}

std::string Simulation::revoke_and_wait(std::size_t caller, const std::string& token) {
  return wait_for(revoke(story_client(caller), caller, token));
}

void Simulation::apply_and_wait(const ClaimPurge& said) {
  const std::size_t index = apply(said);
  while (!history_.purges[index].acked.happened() && world_.step()) {
  }
}

void Simulation::drain() {
  draining_ = true;
  for (const auto& client : clients_) client->expect_close();
  node_->drain([this] { drained_ = true; });
}

void Simulation::finish() {
  for (const auto& client : clients_) client->read_slowly(false);
  std::size_t queued = 2;
  for (const auto& client : clients_) queued = std::max(queued, client->outstanding());
  pass(knobs_.request_timeout * static_cast<int>(queued + 1) + std::chrono::seconds{30});
  for (ServerSetup& server : knobs_.servers) server.feed.down = true;   // no event is under way when we count
  pass(std::chrono::seconds{15});
  oracle_->at_end();
  // Who takes a few bytes a second may keep a drain waiting until app ends it; nobody else may.
  const bool trickle = knobs_.streams.window_bytes < 1024;
  if (draining_ && !drained_ && !trickle) found("F119: a drain does not end");
  for (const auto& client : clients_) client->leave();
  pass(std::chrono::seconds{70});
  check_counters();
}

// I53: every request, look-up, call and entry is accounted for once nothing is under way.
void Simulation::check_counters() {
  using service::CallCounter;
  using service::Counter;
  const service::Figures figures = node_->node().figures();
  const auto count = [&](Counter counter) { return figures.counters[static_cast<std::size_t>(counter)]; };
  std::uint64_t replies = count(Counter::kGone);
  for (const std::uint64_t outcome : figures.outcomes) replies += outcome;
  if (count(Counter::kRequests) != replies) {
    oracle_->found("I53", "requests " + std::to_string(count(Counter::kRequests)) + " != outcomes + gone " +
                              std::to_string(replies));
  }
  const std::uint64_t results = count(Counter::kHits) + count(Counter::kNegatives) + count(Counter::kDead) +
                                count(Counter::kAudience) + count(Counter::kMisses) + count(Counter::kJoins) +
                                count(Counter::kRefused);
  if (count(Counter::kLookups) != results) {
    oracle_->found("I53", "lookups " + std::to_string(count(Counter::kLookups)) + " != hit + negative + dead + "
                          "audience + miss + join + refused " + std::to_string(results));
  }
  std::uint64_t started = 0;
  for (const service::ServerFigures& server : figures.servers) {
    const auto calls = [&](CallCounter counter) { return server.calls[static_cast<std::size_t>(counter)]; };
    started += calls(CallCounter::kStarted);
    const std::uint64_t ended = calls(CallCounter::kOk) + calls(CallCounter::kError) + calls(CallCounter::kTimeout) +
                                calls(CallCounter::kCancelled) + server.in_flight;
    if (calls(CallCounter::kStarted) != ended) oracle_->found("I53", "calls started != ended + in flight");
    if (server.in_flight != 0) oracle_->found("I53", "calls in flight when nothing is under way");
  }
  if (started + calls_before_ != history_.calls.size()) oracle_->found("I53", "calls counted are not the calls that were made");
  const cache::ShardCounts& cache = figures.cache;
  if (cache.inserted - cache.replaced - cache.evicted - cache.expired - cache.purged != cache.entries) {
    oracle_->found("I53", "inserted - replaced - evicted - expired - purged != entries");
  }
  if (figures.flights != 0 || figures.waiters != 0) oracle_->found("I53", "flights or waiters are left over");
  for (const std::size_t open : figures.connections_of_loop) {
    if (open != 0) oracle_->found("I53", "connections are left over");
  }
}

}  // namespace introspectd::sim
