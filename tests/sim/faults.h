// Faults: every answer an authorization server can give that is no determination (GUARANTEES F46-F88), as the bytes
// that would arrive, with what the caller is to be told. Written from the texts, independently of src/oauth.
// Threads: constants.  Errors: none.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ports/upstream.h"

namespace introspectd::sim {

struct Fault {
  std::string_view name;
  ports::TransportOutcome outcome = ports::TransportOutcome::kOk;
  int status = 200;
  std::string_view content_type;
  std::string_view retry_after;
  std::string_view body;
  int caller_status = 502;
  bool worth_a_retry = false;   // F68, F78, F83
};

std::span<const Fault> all_faults();
// The fault whose name begins with `name`; it must exist.
const Fault& fault(std::string_view name);
// As it arrives; "F52" and "F53" are too big for a table and are grown here.
ports::UpstreamReply reply_of(const Fault& fault);

}  // namespace introspectd::sim
