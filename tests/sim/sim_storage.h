// SimStorage: a node's state_dir in virtual time. What was reported as done survives a crash; of what was not, a prefix
// may be there, and the last append of it by half. A write may fail (the old content stays).
// Threads: one.  Owns: writes under way; the SimDisk survives it.  Errors: as ports::Storage.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "ports/storage.h"
#include "tests/sim/sim_loop.h"

namespace introspectd::sim {

struct SimDisk {
  std::map<std::string, std::string, std::less<>> files;
};

struct StorageKnobs {
  Duration delay_most = std::chrono::milliseconds{3};
  std::uint64_t one_in_failure = 0;   // of a write; 0: never
  bool full = false;                  // every write fails
};

class SimStorage final : public ports::Storage {
 public:
  // `knobs` may change while it lives.
  SimStorage(SimLoop& loop, SimDisk& disk, const StorageKnobs& knobs) : loop_(&loop), disk_(&disk), knobs_(&knobs) {}
  // The power goes: of what waits in each file a prefix has landed.
  ~SimStorage() override;

  std::optional<std::string> read(std::string_view name) override;
  void replace(std::string_view name, std::string bytes, UniqueFunction<void(bool ok)> done) override;
  void append(std::string_view name, std::string bytes, UniqueFunction<void(bool ok)> done) override;

  bool idle() const;

 private:
  struct Write {
    bool whole = false;   // replaces the file
    std::string bytes;
    UniqueFunction<void(bool)> done;
    ports::PendingToken turn;
  };
  void write(std::string_view name, Write write);
  void finish(const std::string& name);
  void land(const std::string& name, const Write& write, std::size_t bytes);

  SimLoop* loop_;
  SimDisk* disk_;
  const StorageKnobs* knobs_;
  std::map<std::string, std::deque<Write>, std::less<>> waiting_;   // by file, in order
  std::map<std::string, MonoTime, std::less<>> last_;
};

}  // namespace introspectd::sim
