// kVersion: the version of the programs, from the build.
// Threads: a constant.  Errors: none.
#pragma once

#include <string_view>

namespace introspectd::app {

inline constexpr std::string_view kVersion = INTROSPECTD_VERSION;

}  // namespace introspectd::app
