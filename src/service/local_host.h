// is_local_host: does a Host field name this machine's loopback? Where callers need no authentication a foreign name
// means a browser that was lured here (F29, DNS rebinding).
// Threads: values.  Errors: a malformed value is foreign.  Cost: a few comparisons.
#pragma once

#include <string_view>

namespace introspectd::service {

// `localhost`, any 127.x.y.z, `[::1]`; each with or without a port.
bool is_local_host(std::string_view host) noexcept;

}  // namespace introspectd::service
