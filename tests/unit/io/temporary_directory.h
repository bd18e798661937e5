// TemporaryDirectory: a directory of a test's own, removed with what is in it.
// Threads: one owner.  Errors: none; a test without a directory stops.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/assert.h"

namespace introspectd::io {

class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_("/tmp/introspectd-io-XXXXXX") { CHECK_INVARIANT(::mkdtemp(path_.data()) != nullptr); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace introspectd::io
