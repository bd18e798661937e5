// ServiceNotifier: tells the service manager how we are, one datagram a message (sd_notify(3), STD 9.02 to 9.05).
// Threads: one owner.  Owns: a datagram socket.  Errors: lost messages are not an outcome: nobody listens, or the
// manager is slow; a watchdog message that is lost is followed by the next.  Cost: one system call, never blocking.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "io/file_descriptor.h"

namespace introspectd::io {

class ServiceNotifier {
 public:
  // `socket` is the value of NOTIFY_SOCKET: a path, or @name for an abstract socket; empty: no manager, all is silent.
  explicit ServiceNotifier(std::string_view socket);

  bool ready() const { return send("READY=1"); }
  bool stopping() const { return send("STOPPING=1"); }
  bool watchdog() const { return send("WATCHDOG=1"); }
  // Control bytes become spaces: the message is lines, the status is one.
  bool status(std::string_view line) const;
  // For Type=notify-reload (STD 9.03); ready() follows when the reload has ended.
  bool reloading() const;

 private:
  bool send(std::string_view message) const;

  FileDescriptor fd_;
  sockaddr_un address_{};
  socklen_t address_size_ = 0;
};

// Half the interval that WATCHDOG_USEC asks for; nothing when unset, 0, not a number, or WATCHDOG_PID is not us.
std::optional<Duration> watchdog_period(const std::optional<std::string>& watchdog_usec,
                                        const std::optional<std::string>& watchdog_pid, pid_t own_pid);

}  // namespace introspectd::io
