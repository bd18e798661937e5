// DiskStorage: ports::Storage over a directory, written by libuv's pool of threads, one write at a time per file.
// Threads: the loop's; the pool's threads see only what a write owns.  Owns: the directory and the writes that wait.
// Errors: as ports::Storage; open gives a sentence for the operator.
// Cost: off the loop; appends that wait for the same file go together, with one fdatasync, and stand or fall together.
// Contract: as ports::Storage. At destruction the write that is under way ends by itself, those that wait are dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "io/state_directory.h"
#include "io/uv_loop.h"
#include "ports/storage.h"

namespace introspectd::io {

class DiskStorage final : public ports::Storage {
 public:
  // Of all writes that wait, when the disk does not answer; what is beyond is answered false, in its turn.
  static constexpr std::size_t kWaitingBytesMost = std::size_t{80} << 20U;

  static tl::expected<std::unique_ptr<DiskStorage>, std::string> open(UvLoop& loop, const std::string& path);
  ~DiskStorage() override;

  std::optional<std::string> read(std::string_view name) override;
  void replace(std::string_view name, std::string bytes, UniqueFunction<void(bool ok)> done) override;
  void append(std::string_view name, std::string bytes, UniqueFunction<void(bool ok)> done) override;

  // Nothing waits and nothing is under way: what was given is on the disk, or was answered false.
  bool idle() const;

 private:
  struct Write;
  struct Operation {
    bool is_append = false;
    bool is_refused = false;  // beyond kWaitingBytesMost
    std::string bytes;
    UniqueFunction<void(bool ok)> done;
  };
  struct File {
    std::deque<Operation> waiting;
    Write* under_way = nullptr;  // owned by the pool until its callback
    StateDirectory::Remains remains;
  };

  DiskStorage(UvLoop& loop, StateDirectory directory);
  void add(std::string_view name, Operation operation);
  void start(const std::string& name, File& file);
  void ended(Write& write);

  UvLoop& loop_;
  std::shared_ptr<const StateDirectory> directory_;  // shared with the writes under way
  std::map<std::string, File, std::less<>> files_;
  std::size_t waiting_bytes_ = 0;
  bool* destroyed_ = nullptr;  // set while a `done` runs
};

}  // namespace introspectd::io
