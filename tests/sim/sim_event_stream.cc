#include "tests/sim/sim_event_stream.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace introspectd::sim {
namespace {

constexpr std::size_t kBatchMost = 16;

}  // namespace

LogId LogId::read(const std::string& text) {
  LogId id;
  const char* const end = text.data() + text.size();
  const auto [dash, error] = std::from_chars(text.data(), end, id.time);
  if (error == std::errc{} && dash != end) std::from_chars(dash + 1, end, id.number);
  return id;
}

SimEventLog::SimEventLog(SimWorld& world) : world_(&world) {}

LogId SimEventLog::append(Fields fields, std::size_t writer) {
  const auto time = static_cast<std::uint64_t>(world_->true_wall().ms());
  last_ = time > last_.time ? LogId{time, 0} : LogId{last_.time, last_.number + 1};
  ++added_;
  entries_.push_back({last_, std::move(fields), writer});
  ever_.push_back(entries_.back());
  wake();
  return last_;
}

void SimEventLog::trim(std::size_t keep) {
  while (entries_.size() > keep) {
    deleted_ = std::max(deleted_, entries_.front().id);
    entries_.pop_front();
  }
}

void SimEventLog::restart(std::size_t lost) {
  ++runs_;
  for (; lost != 0 && !entries_.empty(); --lost) {
    entries_.pop_back();
    --added_;
  }
  if (entries_.empty()) {
    last_ = deleted_ = {};
    added_ = 0;
  } else {
    last_ = entries_.back().id;
  }
  for (SimEventStream* stream : std::vector<SimEventStream*>(streams_)) stream->disconnect("the server has gone");
}

void SimEventLog::set_up(bool up) {
  up_ = up;
  if (!up) {
    for (SimEventStream* stream : std::vector<SimEventStream*>(streams_)) stream->disconnect("the server is down");
  }
  wake();
}

ports::StreamFacts SimEventLog::facts() const {
  ports::StreamFacts facts;
  facts.run_id = "run-" + std::to_string(runs_);
  if (added_ == 0 && entries_.empty()) return facts;
  facts.first_id = entries_.empty() ? "" : entries_.front().id.text();
  facts.last_id = last_.text();
  facts.max_deleted_id = deleted_.text();
  facts.entries_added = added_;
  return facts;
}

void SimEventLog::wake() {
  for (SimEventStream* stream : streams_) stream->consider();
}

SimEventStream::SimEventStream(SimLoop& loop, SimEventLog& log, const EventStreamKnobs& knobs, std::size_t writer,
                               Watch watch)
    : loop_(&loop), log_(&log), knobs_(&knobs), writer_(writer), watch_(std::move(watch)) {
  log_->streams_.push_back(this);
}

SimEventStream::~SimEventStream() { std::erase(log_->streams_, this); }

Duration SimEventStream::some_delay(Duration most) {
  return Duration{static_cast<std::int64_t>(
      loop_->world().random().below(static_cast<std::uint64_t>(most.count()) + 1))};
}

bool SimEventStream::chance_of(std::uint64_t one_in) { return one_in != 0 && loop_->world().random().chance(1, one_in); }

void SimEventStream::start(ports::EventStreamEvents& events) {
  events_ = &events;
  started_ = true;
  consider();
}

void SimEventStream::stop() {
  if (!std::exchange(started_, false)) return;
  connected_ = false;
  connecting_.reset();
  delivery_.reset();
  sending_.reset();
  for (Append& append : std::exchange(appends_, {})) {
    failures_.push_back(loop_->soon("append_fails", [done = std::move(append.done)]() mutable { done(false); }));
  }
}

// Whatever can happen next is put on its way.
void SimEventStream::consider() {
  if (!started_) return;
  SimWorld& world = loop_->world();
  if (!connected_) {
    if (connecting_ == nullptr && log_->up()) {
      connecting_ = loop_->turn_at(world.mono() + some_delay(knobs_->reconnect_most), "stream_connects",
                                   [this] { connect(); });
    }
    return;
  }
  if (silent_) return;
  const bool behind = !log_->entries().empty() && log_->entries().back().id > position_;
  if (behind && delivery_ == nullptr) {
    delivery_ = loop_->turn_at(world.mono() + some_delay(knobs_->delay_most), "stream_entries", [this] { deliver(); });
  }
  if (!appends_.empty() && sending_ == nullptr) {
    sending_ = loop_->turn_at(world.mono() + some_delay(knobs_->delay_most), "stream_append", [this] { send_next(); });
  }
}

void SimEventStream::connect() {
  connecting_.reset();
  if (!log_->up()) return;
  connected_ = true;
  position_ = LogId::read(events_->on_connected(log_->facts()));
  if (watch_.on_connected) watch_.on_connected(position_);
  consider();
}

void SimEventStream::deliver() {
  delivery_.reset();
  if (chance_of(knobs_->one_in_disconnect)) {
    disconnect("the connection broke");
    return;
  }
  std::vector<ports::StreamEntry> batch;
  for (const SimEventLog::Entry& entry : log_->entries()) {
    if (entry.id <= position_) continue;
    if (watch_.on_deliver) watch_.on_deliver(entry);
    batch.push_back({entry.id.text(), entry.fields});
    if (batch.size() == kBatchMost) break;
  }
  if (batch.empty()) return;
  position_ = LogId::read(batch.back().id);
  events_->on_entries(batch);
  consider();
}

void SimEventStream::send_next() {
  sending_.reset();
  Append append = std::move(appends_.front());
  appends_.pop_front();
  bool ok = true;
  if (chance_of(knobs_->one_in_lost_append)) {
    ok = false;
  } else {
    ok = !chance_of(knobs_->one_in_landed_failure);
    log_->append(std::move(append.fields), writer_);
  }
  append.done(ok);
  if (!ok) disconnect("an append was not confirmed");
  consider();
}

void SimEventStream::append(SimEventLog::Fields fields, UniqueFunction<void(bool)> done) {
  if (!connected_) {
    failures_.push_back(loop_->soon("append_fails", [done = std::move(done)]() mutable { done(false); }));
    if (failures_.size() > 64) failures_.erase(failures_.begin(), failures_.begin() + 32);
    return;
  }
  appends_.push_back({std::move(fields), std::move(done)});
  consider();
}

void SimEventStream::disconnect(std::string_view why) {
  if (!std::exchange(connected_, false)) return;
  delivery_.reset();
  sending_.reset();
  // The node is told in a turn of its own; what was to be appended fails there, whether it landed or not.
  std::vector<UniqueFunction<void(bool)>> failed;
  for (Append& append : std::exchange(appends_, {})) {
    if (log_->up() && chance_of(2)) log_->append(std::move(append.fields), writer_);
    failed.push_back(std::move(append.done));
  }
  connecting_ = loop_->soon("stream_lost", [this, why = std::string(why), failed = std::move(failed)]() mutable {
    connecting_.reset();
    if (!started_) return;
    for (UniqueFunction<void(bool)>& done : failed) done(false);
    events_->on_lost(why);
    consider();
  });
}

void SimEventStream::set_silent(bool silent) {
  silent_ = silent;
  consider();
}

}  // namespace introspectd::sim
