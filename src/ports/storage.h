// Storage: a few small files in one directory (state_dir), written off the loop. What is reported as done survives a
// power cut (fdatasync; a replaced file also its directory).
// Threads: the back loop; `read` blocks and is for the start only.  Owns: nothing but what is being written.
// Errors: false. Of a file that could not be replaced the old content is there, or the new one, perhaps not for good; of
// what was not reported yet a crash leaves a prefix, the last append of it cut anywhere.  Cost: off the loop.
// Contract: `done` runs once, in a later turn, in the order of the calls of one file; none after destruction.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/unique_function.h"

namespace introspectd::ports {

class Storage {
 public:
  Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  virtual ~Storage() = default;

  // The content; nullopt where there is no such file. Empty where it is there and cannot be read: no file of ours is.
  virtual std::optional<std::string> read(std::string_view name) = 0;
  // The whole file, atomically (temporary file, fdatasync, rename), mode 0600.
  virtual void replace(std::string_view name, std::string bytes, UniqueFunction<void(bool ok)> done) = 0;
  // Behind what is there; appends of one file that wait are written with one fdatasync.
  virtual void append(std::string_view name, std::string bytes, UniqueFunction<void(bool ok)> done) = 0;
};

}  // namespace introspectd::ports
