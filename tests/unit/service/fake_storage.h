// TimerLoop: an event loop in the test's time. FakeStorage: a disk that fails, hangs and crashes as it is told.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ports/event_loop.h"
#include "ports/storage.h"

namespace introspectd::testing {

// Timers and posts in the order of their time.
class TimerLoop final : public ports::EventLoop {
 public:
  Now now() const override {
    return {mono_, WallTime::from_ms(1'800'000'000'000 + mono_.ns() / 1'000'000) + wall_ahead};
  }
  Duration wall_ahead{};
  std::uint64_t turns = 0;
  void post(UniqueFunction<void()> task) override { add(Duration::zero(), std::move(task)); }
  ports::PendingToken after(Duration delay, UniqueFunction<void()> callback) override {
    return std::make_unique<Token>(add(delay, std::move(callback)));
  }
  void run_for(Duration duration) {
    const MonoTime end = mono_ + duration;
    while (!due_.empty() && due_.begin()->first.first <= end) {
      const auto first = due_.begin();
      mono_ = std::max(mono_, first->first.first);
      const std::shared_ptr<Task> task = std::move(first->second);
      due_.erase(first);
      ++turns;
      if (task->wanted) std::exchange(task->run, {})();
    }
    mono_ = end;
  }

 private:
  struct Task {
    UniqueFunction<void()> run;
    bool wanted = true;
  };
  class Token final : public ports::Pending {
   public:
    explicit Token(std::shared_ptr<Task> task) : task_(std::move(task)) {}
    ~Token() override { task_->wanted = false; }

   private:
    std::shared_ptr<Task> task_;
  };
  std::shared_ptr<Task> add(Duration delay, UniqueFunction<void()> run) {
    auto task = std::make_shared<Task>(Task{std::move(run)});
    due_.emplace(std::pair(mono_ + delay, sequence_++), task);
    return task;
  }
  MonoTime mono_ = MonoTime::from_ns(6'000'000'000'000);
  std::uint64_t sequence_ = 0;
  std::map<std::pair<MonoTime, std::uint64_t>, std::shared_ptr<Task>> due_;
};

// What survives a process. Writes are done 2 ms after they were asked for; a crash loses those that were not yet.
struct Disk {
  std::map<std::string, std::string, std::less<>> files;
  bool failing = false;
  bool hangs = false;        // nothing ends until it does not any more
  bool half_lands = false;   // of an append that fails, or that a crash caught
  std::uint64_t appends = 0, replaces = 0;
};

class FakeStorage final : public ports::Storage {
 public:
  FakeStorage(TimerLoop& loop, Disk& disk) : loop_(&loop), disk_(&disk) {}
  ~FakeStorage() override {
    if (!disk_->half_lands) return;
    for (const auto& [name, bytes] : caught_) disk_->files[name].append(bytes.substr(0, bytes.size() / 2));
  }
  std::optional<std::string> read(std::string_view name) override {
    const auto found = disk_->files.find(name);
    return found == disk_->files.end() ? std::nullopt : std::optional(found->second);
  }
  void replace(std::string_view name, std::string bytes, UniqueFunction<void(bool)> done) override {
    ++disk_->replaces;
    const std::string file(name);
    write([this, file, bytes = std::move(bytes)](bool ok) {
      if (ok) disk_->files[file] = bytes;
    }, std::move(done));
  }
  void append(std::string_view name, std::string bytes, UniqueFunction<void(bool)> done) override {
    ++disk_->appends;
    const std::string file(name);
    caught_.emplace_back(file, bytes);
    write([this, file, bytes = std::move(bytes)](bool ok) {
      caught_.pop_front();
      if (ok) disk_->files[file].append(bytes);
      if (!ok && disk_->half_lands) disk_->files[file].append(bytes.substr(0, bytes.size() / 2));
    }, std::move(done));
  }

 private:
  struct Write {
    UniqueFunction<void(bool)> land, done;
  };
  void write(UniqueFunction<void(bool)> land, UniqueFunction<void(bool)> done) {
    waiting_.push_back({std::move(land), std::move(done)});
    writes_.push_back(loop_->after(std::chrono::milliseconds{2}, [this] { end_one(); }));
  }
  void end_one() {
    if (disk_->hangs) {
      writes_.push_back(loop_->after(std::chrono::milliseconds{2}, [this] { end_one(); }));
      return;
    }
    Write write = std::move(waiting_.front());
    waiting_.pop_front();
    const bool ok = !disk_->failing;
    write.land(ok);
    write.done(ok);
  }
  TimerLoop* loop_;
  Disk* disk_;
  std::deque<std::pair<std::string, std::string>> caught_;
  std::deque<Write> waiting_;
  std::deque<ports::PendingToken> writes_;
};

}  // namespace introspectd::testing
