// connect_outcome: what it means to the service that libcurl could not make a connection. Pure.
// Threads: any.  Errors: none.  Cost: a switch.
#pragma once

#include "ports/upstream.h"

namespace introspectd::io {

// `code` is a CURLcode, `os_error` what the OS said of the last attempt, 0 for nothing.
ports::TransportOutcome connect_outcome(int code, int os_error);

}  // namespace introspectd::io
