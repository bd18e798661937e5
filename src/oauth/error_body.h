// Error bodies of RFC 6749 §5.2: {"error":"…","error_description":"…"}.
// Threads: values.  Errors: characters outside the description's charset are dropped (STD 2.04).  Cost: O(n).
#pragma once

#include <string>
#include <string_view>

namespace introspectd::oauth {

inline constexpr std::string_view kInactiveBody = R"({"active":false})";

std::string error_body(std::string_view error, std::string_view description);

}  // namespace introspectd::oauth
