// FleetWorld: several Fleets on one loop in the test's time, one shared log that can be trimmed, reset and forged, a
// disk for each that can fail and crash, and inboxes that record what reaches them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fake_storage.h"
#include "service/fleet.h"

namespace introspectd::testing {

class FakeStream;

// The log, and what an enemy who can write to it can do.
class FakeLog {
 public:
  struct Entry {
    service::StreamId id;
    service::StreamFields fields;
  };
  explicit FakeLog(TimerLoop& loop) : loop_(&loop) {}
  void append(service::StreamFields fields) {
    const auto ms = static_cast<std::uint64_t>(loop_->now().wall.ms());
    last_ = ms > last_.time ? service::StreamId{ms, 0} : service::StreamId{last_.time, last_.number + 1};
    entries.push_back({last_, std::move(fields)});
    ++added;
  }
  void trim(std::size_t keep) {
    while (entries.size() > keep) {
      deleted = entries.front().id;
      entries.pop_front();
    }
  }
  void erase(std::size_t index) {   // XDEL
    deleted = std::max(deleted, entries[index].id);
    entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(index));
  }
  void reset() {
    entries.clear();
    last_ = deleted = {};
    added = 0;
    run_id = "run-" + std::to_string(++runs_);
  }
  ports::StreamFacts facts() const {
    if (added == 0) return {run_id, "", "", redis6 ? "" : "0-0", 0};
    const service::StreamId first = entries.empty() ? service::StreamId{} : entries.front().id;
    return {run_id, first.text(), last_.text(), redis6 ? "" : deleted.text(), added};
  }

  std::deque<Entry> entries;
  service::StreamId deleted;
  std::string run_id = "run-0";
  std::uint64_t added = 0;
  bool redis6 = false;

 private:
  TimerLoop* loop_;
  service::StreamId last_;
  int runs_ = 0;
};

// One node's connection: delivers every few milliseconds, appends after one.
class FakeStream final : public ports::EventStream {
 public:
  FakeStream(TimerLoop& loop, FakeLog& log) : loop_(&loop), log_(&log) {}
  void start(ports::EventStreamEvents& events) override {
    events_ = &events;
    poll_ = loop_->after(kPollEvery, [this] { poll(); });
  }
  void append(service::StreamFields fields, UniqueFunction<void(bool)> done) override {
    ++appends;
    appending_.push_back(loop_->after(std::chrono::milliseconds{1},
                                      [this, fields = std::move(fields), done = std::move(done)]() mutable {
                                        const bool ok = connected && !silent && fail_appends == 0;
                                        if (fail_appends > 0) --fail_appends;
                                        if (ok || (connected && failed_ones_land)) log_->append(std::move(fields));
                                        done(ok);
                                      }));
  }
  void stop() override {
    stopped = true;
    connected = false;
    poll_.reset();
  }

  void disconnect() {
    if (std::exchange(connected, false)) events_->on_lost("cut");
  }

  bool reachable = true;
  bool connected = false;
  bool silent = false;
  bool failed_ones_land = false;
  bool stopped = false;
  std::string withheld = "nobody";   // a node of which a dishonest server shows nothing here
  std::size_t fail_appends = 0;
  std::size_t appends = 0;
  std::optional<std::string> read_from;

 private:
  static constexpr Duration kPollEvery = std::chrono::milliseconds{5};

  void poll() {
    poll_ = loop_->after(kPollEvery, [this] { poll(); });
    if (silent) return;
    if (!reachable) return disconnect();
    if (!connected) {
      connected = true;
      read_from = events_->on_connected(log_->facts());
      cursor_ = *service::StreamId::read(*read_from);
      return;
    }
    std::vector<ports::StreamEntry> batch;
    const auto passed = [](const service::StreamId& cursor, const FakeLog::Entry& entry) { return cursor < entry.id; };
    auto entry = std::upper_bound(log_->entries.begin(), log_->entries.end(), cursor_, passed);
    for (; entry != log_->entries.end(); ++entry) {
      const bool kept_back = entry->fields.size() > 2 && entry->fields[2].second == withheld;   // by its node
      if (!kept_back) batch.push_back({entry->id.text(), entry->fields});
    }
    if (batch.empty()) return;
    cursor_ = *service::StreamId::read(batch.back().id);
    events_->on_entries(batch);
  }
  TimerLoop* loop_;
  FakeLog* log_;
  ports::EventStreamEvents* events_ = nullptr;
  service::StreamId cursor_;
  ports::PendingToken poll_;
  std::deque<ports::PendingToken> appending_;
};

class FakeInbox final : public service::EventInbox {
 public:
  void receive(service::SignedEvent event, UniqueFunction<void(service::EventResult)> done) override {
    if (held) {
      waiting.push_back(std::move(done));
    } else {
      service::EventResult result;
      result.verdict = verdict;
      result.key_may_come = key_may_come;
      done(std::move(result));
    }
    if (verdict == service::EventVerdict::kAccepted) events.push_back(event.jws);
    origins.push_back(event.origin);
  }
  void receive_unsigned(service::UnsignedEvent event, UniqueFunction<void(service::EventResult)> done) override {
    for (const oauth::Signal& signal : event.signals) signals.push_back(signal);
    origins.push_back(event.origin);
    done({});
  }

  service::EventVerdict verdict = service::EventVerdict::kAccepted;
  bool key_may_come = false;
  bool held = false;
  std::vector<UniqueFunction<void(service::EventResult)>> waiting;
  std::vector<std::string> events;
  oauth::Signals signals;
  std::vector<service::EventOrigin> origins;
};

class LineSink final : public LogSink {
 public:
  bool wants(LogLevel) const noexcept override { return true; }
  void write(LogLevel, std::string_view line) noexcept override { text.append(line).append("\n"); }
  std::string text;
};

struct Proof {
  cache::ServerId server = 0;
  MonoTime dated;
};

// One node: its disk outlives `crash`.
class FleetNode {
 public:
  FleetNode(TimerLoop& loop, FakeLog& log, std::uint64_t seed, std::string_view key)
      : loop_(&loop), log_(&log), seed_(seed) {
    settings.fleet.enabled = true;
    settings.fleet.key = Secret(key);
    settings.authorization_servers.emplace_back().name = "main";
    settings.authorization_servers.emplace_back().name = "other";
  }
  void start() {
    storage = std::make_unique<FakeStorage>(*loop_, disk);
    stream = std::make_unique<FakeStream>(*loop_, *log_);
    ++starts_;
    UniqueFunction<void(UniqueFunction<void(bool)>)> keep_purges;
    if (hold_purges) keep_purges = [this](UniqueFunction<void(bool)> done) { held_purges.push_back(std::move(done)); };
    fleet = std::make_unique<service::Fleet>(service::FleetParts{
        *loop_, *stream, with_disk ? storage.get() : nullptr, settings, inbox, {seed_, starts_}, Log(sink),
        [this](cache::ServerId server) { floors.push_back(server); },
        [this](cache::ServerId server) { losses.push_back(server); },
        [this](cache::ServerId server, MonoTime dated) { proofs.push_back({server, dated}); },
        [this](bool live) { liveness.push_back(live); }, std::move(keep_purges)});
    fleet->start();
  }
  void crash() {
    stream.reset();
    storage.reset();
    fleet.reset();
  }
  // Runs until it is stopped.
  void stop() {
    bool done = false;
    fleet->shut_down([&done] { done = true; });
    loop_->run_for(std::chrono::seconds{3});
    stopped_cleanly = done && stream->stopped;
    crash();
  }
  // What became of it; nullopt: still under way.
  std::shared_ptr<std::optional<bool>> relay(std::string_view jws) {
    service::SignedEvent event;
    event.jws = jws;
    auto result = std::make_shared<std::optional<bool>>();
    fleet->relay_signed(event, [result](bool durable) { *result = durable; });
    return result;
  }
  bool live() const { return fleet->live(loop_->now().mono); }
  std::uint64_t gaps(service::FleetGap reason) const {
    return fleet->figures().gaps[static_cast<std::size_t>(reason)];
  }

  service::Settings settings;
  Disk disk;
  bool with_disk = true;
  bool hold_purges = false;   // what makes them durable does not answer
  std::vector<UniqueFunction<void(bool)>> held_purges;
  FakeInbox inbox;
  LineSink sink;
  std::vector<cache::ServerId> floors, losses;
  std::vector<Proof> proofs;
  std::vector<bool> liveness;
  bool stopped_cleanly = false;
  std::unique_ptr<FakeStorage> storage;
  std::unique_ptr<FakeStream> stream;
  std::unique_ptr<service::Fleet> fleet;

 private:
  TimerLoop* loop_;
  FakeLog* log_;
  std::uint64_t seed_;
  std::uint64_t starts_ = 0;
};

struct FleetWorld {
  static constexpr std::string_view kKey = "0123456789abcdef0123456789abcdef";
  explicit FleetWorld(std::size_t count = 2, std::string_view key = kKey) {
    for (std::size_t i = 0; i < count; ++i) nodes.push_back(std::make_unique<FleetNode>(loop, log, i + 1, key));
  }
  void start() {
    for (const auto& node : nodes) node->start();
    run(std::chrono::milliseconds{4100});   // between two heartbeats
  }
  void run(Duration duration) { loop.run_for(duration); }
  FleetNode& operator[](std::size_t i) { return *nodes[i]; }

  TimerLoop loop;
  FakeLog log{loop};
  std::vector<std::unique_ptr<FleetNode>> nodes;
};

inline oauth::Signals flush() {
  oauth::Signal signal;
  signal.kind = oauth::SignalKind::kFlush;
  return {signal};
}

inline std::shared_ptr<std::optional<bool>> relay_flush(FleetNode& node, std::size_t signals = 1) {
  auto result = std::make_shared<std::optional<bool>>();
  node.fleet->relay_unsigned(0, service::EventOrigin::kAdmin, oauth::Signals(signals, flush()[0]),
                             [result](bool durable) { *result = durable; });
  return result;
}

inline std::string value_of(const FakeLog::Entry& entry, std::string_view name) {
  for (const auto& [field, value] : entry.fields) {
    if (field == name) return value;
  }
  return {};
}

inline std::size_t count_kind(const FakeLog& log, std::string_view kind) {
  return static_cast<std::size_t>(std::count_if(log.entries.begin(), log.entries.end(), [kind](const auto& entry) {
    return value_of(entry, "kind") == kind;
  }));
}

inline std::size_t index_of_kind(const FakeLog& log, std::string_view kind) {
  for (std::size_t i = log.entries.size(); i-- > 0;) {
    if (value_of(log.entries[i], "kind") == kind) return i;
  }
  return log.entries.size();
}

}  // namespace introspectd::testing
