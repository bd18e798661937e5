// take_inherited_fds: what the service manager passed by socket activation (sd_listen_fds(3), STD 9.01).
// Threads: main only, before others start: it owns fds by their number.  Owns: nothing; the result owns the fds.
// Errors: variables that do not hold together, or a number that is not open, are a sentence; LISTEN_PID of another
// process is no error and gives nothing.  Cost: a system call an fd.
// The caller reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, and removes them from the environment.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "io/file_descriptor.h"

namespace introspectd::io {

struct InheritedFd {
  FileDescriptor fd;  // CLOEXEC; what kind it is, ListenSocket::adopt finds out (F125)
  std::string name;   // "unknown" where LISTEN_FDNAMES says nothing
};

struct ListenVariables {
  std::optional<std::string> pid;    // LISTEN_PID
  std::optional<std::string> fds;    // LISTEN_FDS
  std::optional<std::string> names;  // LISTEN_FDNAMES, separated by colons
};

inline constexpr int kFirstInheritedFd = 3;
inline constexpr int kMaxInheritedFds = 64;

tl::expected<std::vector<InheritedFd>, std::string> take_inherited_fds(const ListenVariables& variables, pid_t own_pid,
                                                                       int first_fd = kFirstInheritedFd);

}  // namespace introspectd::io
