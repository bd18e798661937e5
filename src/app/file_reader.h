// FileReader: the files that a configuration names, read or looked at; a fake stands in for the disk in
// tests. Threads: any.  Owns: nothing.  Errors: a phrase that ends "got …".  Cost: a read of the whole file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <tl/expected.hpp>

#include "base/secret.h"

namespace introspectd::app {

struct FileContent {
  Secret bytes;
  std::uint32_t mode = 0;  // permission bits
  std::uint32_t gid = 0;
};

enum class FileKind : std::uint8_t { kMissing, kSocket, kOther };

class FileReader {
 public:
  FileReader() = default;
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;
  virtual ~FileReader() = default;

  // Regular files only, at most `most` bytes.
  virtual tl::expected<FileContent, std::string> read(const std::string& path, std::size_t most) = 0;
  virtual FileKind kind(const std::string& path) = 0;
};

class DiskFileReader final : public FileReader {
 public:
  tl::expected<FileContent, std::string> read(const std::string& path, std::size_t most) override;
  FileKind kind(const std::string& path) override;
};

}  // namespace introspectd::app
