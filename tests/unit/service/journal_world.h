// Lives: one process after the other over one disk, each with a cache and the journal that keeps its purges.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../cache/cache_world.h"
#include "fleet_world.h"
#include "service/purge_journal.h"

namespace introspectd::testing {

inline constexpr std::int64_t kIssued = 1'799'000'000;

inline oauth::Signal cut_off(std::string sub, std::int64_t time) {
  oauth::Signal signal;
  signal.kind = oauth::SignalKind::kCutOff;
  signal.match.sub = std::move(sub);
  signal.event_time = time;
  return signal;
}

inline oauth::Signal logout(std::string sub, std::int64_t time) {
  oauth::Signal signal = cut_off(std::move(sub), time);
  signal.kind = oauth::SignalKind::kLogout;
  return signal;
}

struct Limits {
  std::size_t bytes = service::PurgeJournal::kBytesMost;
  std::size_t cut_off_bytes = service::PurgeJournal::kCutOffBytesMost;
  std::size_t cache_bytes = 8U << 20U;
};

// What a process has of it; the disk outlives it.
class Life {
 public:
  Life(TimerLoop& loop, Disk& disk, std::vector<std::string> names, std::uint64_t seed, Limits limits)
      : storage(std::make_unique<FakeStorage>(loop, disk)), loop_(&loop) {
    for (std::string& name : names) settings.authorization_servers.emplace_back().name = std::move(name);
    const cache::BootKey key = service::PurgeJournal::claim_key(*storage, {seed, 6}, Log(sink));
    cache::CacheOptions options;
    options.servers = settings.authorization_servers.size();
    options.claim_key = key;
    for (const auto& server : settings.authorization_servers) options.traits.push_back({server.name, false});
    world = std::make_unique<CacheWorld>(options, limits.cache_bytes);
    journal = std::make_unique<service::PurgeJournal>(
        service::PurgeJournal::Parts{loop, *storage, settings, world->cache(), key, Log(sink), limits.bytes,
                            limits.cut_off_bytes},
        [this](cache::ServerId server, std::span<const oauth::Signal> signals) { apply(server, signals); });
    world->now = loop.now();
    journal->restore();
  }
  // As Purger::apply does.
  void apply(cache::ServerId server, std::span<const oauth::Signal> signals) {
    for (const oauth::Signal& signal : signals) world->cache().enter_purge(server, signal, loop_->now());
    world->cache().barrier();
    journal->applied(server, signals);
  }
  void apply(const oauth::Signal& signal) { apply(0, std::span(&signal, 1)); }
  void purge(const std::string& token) {
    world->now = loop_->now();
    world->purge(token);
  }
  std::shared_ptr<std::optional<bool>> keep(const oauth::Signal& signal) {
    apply(signal);
    auto kept = std::make_shared<std::optional<bool>>();
    journal->keep_cut_offs([kept](bool durable) { *kept = durable; });
    return kept;
  }
  // Are answers stored?
  bool stores() {
    world->now = loop_->now();
    world->fetch("to be stored", world->active());
    return world->outcome("to be stored") == cache::LookupOutcome::kHit;
  }
  bool save() {
    bool ok = false;
    journal->keep_all([&ok](bool durable) { ok = durable; });
    loop_->run_for(std::chrono::milliseconds{10});
    return ok;
  }
  bool keep_cut_offs() {
    bool ok = false;
    journal->keep_cut_offs([&ok](bool durable) { ok = durable; });
    loop_->run_for(std::chrono::milliseconds{10});
    return ok;
  }
  bool is_dead(std::string_view token, cache::ViewId view = 0) {
    world->now = loop_->now();
    return world->outcome(token, view) == cache::LookupOutcome::kDead;
  }
  // Would an answer of that subject, issued then, be false?
  bool is_cut_off(std::string_view sub, std::int64_t iat, cache::ViewId view = 0) {
    world->now = loop_->now();
    oauth::IntrospectionAnswer answer = world->active();
    answer.sub = sub;
    answer.iat = iat;
    return world->fetch("some token", answer, view).purge.dead;
  }

  service::Settings settings;
  LineSink sink;
  std::unique_ptr<FakeStorage> storage;
  std::unique_ptr<CacheWorld> world;
  std::unique_ptr<service::PurgeJournal> journal;

 private:
  TimerLoop* loop_;
};

struct Lives {
  explicit Lives(Limits with = {}) : limits(with) { again(); }
  TimerLoop loop;
  Disk disk;
  Limits limits;
  std::unique_ptr<Life> life;
  std::uint64_t lives = 0;
  Life& operator*() { return *life; }
  Life* operator->() { return life.get(); }
  // A crash: what was not durable is gone.
  Life& again(std::vector<std::string> names = {"main", "other"}) {
    life.reset();
    life = std::make_unique<Life>(loop, disk, std::move(names), ++lives, limits);
    return *life;
  }
};

}  // namespace introspectd::testing
