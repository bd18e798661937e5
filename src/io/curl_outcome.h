// transport_outcome: what a finished libcurl transfer means to the service: one table from result codes. Pure.
// Threads: any.  Errors: none.  Cost: a switch.
#pragma once

#include "ports/upstream.h"

namespace introspectd::io {

// What we saw of a transfer besides libcurl's result code.
struct TransferFacts {
  bool too_large = false;       // the body passed the cap, or announced it
  bool reply_refused = false;   // our checks of the head refused it
  bool resend_stopped = false;  // libcurl wanted to send the request a second time
  bool sent = false;            // a connection was ready and the request was begun
  bool reused = false;          // … on a connection that had carried another call before
  bool reply_begun = false;     // a line of the reply arrived
  bool timed_out_connecting = false;  // the OS gave up connecting (ETIMEDOUT)
};

// `code` is a CURLcode.
ports::TransportOutcome transport_outcome(int code, const TransferFacts& facts);

}  // namespace introspectd::io
