// Connector: one attempt to connect a stream socket, to a host by name or address, or to a Unix socket; a host's
// addresses are tried in their order, each within its share of the time that is left.
// Threads: the loop's.  Owns: the fd until it is connected, and its watch.  Errors: a sentence.
// Cost: a few system calls; names come from the Resolver.
// Contract: `done` runs once, in a later turn than start; destroying the Connector cancels, also inside `done`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/time.h"
#include "base/unique_function.h"
#include "io/file_descriptor.h"
#include "io/poll_watch.h"
#include "io/resolver.h"
#include "io/uv_loop.h"

namespace introspectd::io {

class Connector {
 public:
  struct Target {
    std::string host;         // empty: unix_path
    bool is_numeric = false;
    std::uint16_t port = 0;
    std::string unix_path;
  };
  using Done = UniqueFunction<void(tl::expected<FileDescriptor, std::string>)>;

  Connector(UvLoop& loop, Resolver& resolver) : loop_(loop), resolver_(resolver) {}
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // Once in a Connector's life. `within` is for the name and all addresses together.
  void start(Target target, Duration within, Done done);

 private:
  void name_ended();
  void try_next();
  void begin(const void* address, std::uint32_t size, int family);
  void on_writable();
  void attempt_failed(std::string why);
  void finish(tl::expected<FileDescriptor, std::string> outcome);

  UvLoop& loop_;
  Resolver& resolver_;
  Target target_;
  Done done_;
  MonoTime deadline_;
  std::vector<std::string> addresses_;
  std::size_t next_ = 0;       // of addresses_
  std::string last_failure_;
  FileDescriptor fd_;
  PollWatch watch_;            // after fd_: it is closed before the fd
  ports::PendingToken step_;   // the first turn, then the end of an attempt's time
  ports::PendingToken name_;
};

}  // namespace introspectd::io
