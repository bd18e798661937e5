// StateDirectory: the directory of the daemon's own files, and what is done to them so that it survives a power cut.
// Threads: any; not two at once on one file. Everything blocks: the loop has it done by DiskStorage.
// Owns: the directory's fd; files are reached through it, so that a renamed directory is still ours.
// Errors: open gives a sentence for the operator; the others false or nullopt. What failed left the old content, or, where
// it could not be undone, says in `remains` what the next write of the file has to mend first.
// Cost: a replace is two syncs, an append one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "io/file_descriptor.h"

namespace introspectd::io {

class StateDirectory {
 public:
  static constexpr std::size_t kFileBytesMost = std::size_t{64} << 20U;
  static constexpr std::size_t kNameBytesMost = 64;

  // Makes it (0700) where it is missing; its parent must be there. Refuses what is no directory, cannot be written, or
  // may be written by everybody.
  static tl::expected<StateDirectory, std::string> open(const std::string& path);

  // The content; nullopt where there is no such regular file, it cannot be read or it is over kFileBytesMost.
  std::optional<std::string> read(std::string_view name) const;
  // Something of this name may be there, of whatever kind.
  bool holds(std::string_view name) const;
  // What a failed write left behind.
  struct Remains {
    std::optional<std::int64_t> torn_at;   // behind this size stands a part of an append that could not be taken back
    bool name_unsynced = false;            // the file has its name, but perhaps not after a power cut
  };
  struct Written {
    bool ok = false;
    Remains remains;
  };
  // Temporary file, fdatasync, rename, fsync of the directory; mode 0600. Where only the last of these fails the new
  // content is in place: `remains` are those of the new file.
  Written replace(std::string_view name, std::string_view bytes, const Remains& remains) const;
  // Behind what is there, in one piece or not at all; what an earlier write left is mended first. What a crash left half
  // written is not known here: whoever reads must tell it from what is whole, and replace the file before it appends.
  Written append(std::string_view name, std::string_view bytes, const Remains& remains) const;

 private:
  explicit StateDirectory(FileDescriptor fd) : fd_(std::move(fd)) {}
  FileDescriptor open_to_append(const std::string& name, bool& created) const;

  FileDescriptor fd_;
};

}  // namespace introspectd::io
