// run_daemon: opens what the configuration names, wires loops, upstream and service, and runs until SIGTERM or SIGINT:
// N front loops on threads of their own, the back loop on the calling thread (DESIGN §4).
// Start: sockets (inherited ones first) → loops → READY=1. End: STOPPING=1 → listeners close → requests under way are
// answered, for at most 5 s (F119) → connections end → loops end, in that order.
// Threads: main; starts and joins all others.  Owns: everything.  Errors: a line on standard error and an exit status.
#pragma once

#include "app/configuration.h"

namespace introspectd::app {

inline constexpr int kExitOk = 0;
inline constexpr int kExitCannotStart = 71;   // EX_OSERR: memory was refused
inline constexpr int kExitBadConfiguration = 78;   // EX_CONFIG: also a listener that cannot be had (F9)

// The file of a client secret is read again when its authorization server refuses it (F63).
int run_daemon(Configuration configuration);

}  // namespace introspectd::app
