// rfc3339: a moment on a command line: RFC 3339 (2026-11-27T09:30:00Z, or with an offset) or seconds since 1970.
// Threads: a function of values.  Owns: nothing.  Errors: nullopt.  Cost: O(n).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace introspectd::app {

// Seconds since 1970, fractions dropped; nullopt before 1970 and for what is no date.
std::optional<std::int64_t> read_moment(std::string_view text);

}  // namespace introspectd::app
