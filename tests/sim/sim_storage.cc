#include "tests/sim/sim_storage.h"

#include <algorithm>
#include <utility>

namespace introspectd::sim {

SimStorage::~SimStorage() {
  Random& random = loop_->world().random();
  for (auto& [name, writes] : waiting_) {
    std::size_t landed = random.below(writes.size() + 1);
    for (const Write& write : writes) {
      if (landed-- == 0) {
        // A file is replaced by a rename: all or nothing. An append may be cut anywhere.
        if (!write.whole) land(name, write, random.below(write.bytes.size() + 1));
        break;
      }
      land(name, write, write.bytes.size());
    }
  }
}

std::optional<std::string> SimStorage::read(std::string_view name) {
  const auto found = disk_->files.find(name);
  return found == disk_->files.end() ? std::nullopt : std::optional(found->second);
}

void SimStorage::replace(std::string_view name, std::string bytes, UniqueFunction<void(bool)> done) {
  write(name, {true, std::move(bytes), std::move(done), nullptr});
}

void SimStorage::append(std::string_view name, std::string bytes, UniqueFunction<void(bool)> done) {
  write(name, {false, std::move(bytes), std::move(done), nullptr});
}

void SimStorage::write(std::string_view name, Write write) {
  SimWorld& world = loop_->world();
  const Duration delay{static_cast<std::int64_t>(
      world.random().below(static_cast<std::uint64_t>(knobs_->delay_most.count()) + 1))};
  const std::string file(name);
  MonoTime& last = last_[file];
  last = std::max(last, world.mono() + delay);
  write.turn = loop_->turn_at(last, "disk", [this, file] { finish(file); });
  waiting_[file].push_back(std::move(write));
}

void SimStorage::finish(const std::string& name) {
  std::deque<Write>& writes = waiting_[name];
  Write write = std::move(writes.front());
  writes.pop_front();
  Random& random = loop_->world().random();
  const bool fails = knobs_->full || (knobs_->one_in_failure != 0 && random.chance(1, knobs_->one_in_failure));
  if (!fails) {
    land(name, write, write.bytes.size());
  } else if (!write.whole) {
    land(name, write, random.below(write.bytes.size() + 1));
  }
  write.done(!fails);
}

void SimStorage::land(const std::string& name, const Write& write, std::size_t bytes) {
  std::string& file = disk_->files[name];
  if (write.whole) file.clear();
  file.append(write.bytes, 0, bytes);
}

bool SimStorage::idle() const {
  return std::all_of(waiting_.begin(), waiting_.end(), [](const auto& file) { return file.second.empty(); });
}

}  // namespace introspectd::sim
