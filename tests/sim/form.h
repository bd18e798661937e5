// Form: application/x-www-form-urlencoded for the simulator's callers and authorization servers, written apart from
// src/codec, so that each judges the other (I21). Threads: functions of values.  Errors: nullopt.  Cost: O(n).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace introspectd::sim {

// The value of the only parameter of that name, decoded; nullopt when it is not there exactly once or is malformed.
std::optional<std::string> form_value(std::string_view body, std::string_view name);

// What must be escaped is; the rest sometimes is, in either case of hexadecimal digits, as clients do.
std::string form_encode(std::string_view value, Random& random, bool plain);

std::string base64(std::string_view bytes);

}  // namespace introspectd::sim
