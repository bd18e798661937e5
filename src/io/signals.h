// Signals: SIGTERM, SIGINT and SIGHUP as calls on a loop; SIGPIPE is ignored for the whole process.
// Threads: the loop's.  Owns: the watches.  Errors: a signal that cannot be watched is a fault.  Cost: none until one
// arrives. A storm of one signal may arrive as fewer calls.
#pragma once

#include <array>

#include "base/unique_function.h"
#include "io/uv_loop.h"

namespace introspectd::io {

class Signals {
 public:
  struct Callbacks {
    UniqueFunction<void()> on_terminate;  // SIGTERM, SIGINT
    UniqueFunction<void()> on_hangup;     // SIGHUP
  };

  Signals(UvLoop& loop, Callbacks callbacks);
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

 private:
  struct Watch;

  void arrived(int number);

  Callbacks callbacks_;
  std::array<Watch*, 3> watches_{};  // freed in their close callbacks
};

// Writing to a peer that is gone is an error code, not the end of the process (F37). Main calls it before any socket.
void ignore_sigpipe();

}  // namespace introspectd::io
