// counting: how many allocations and mutex locks this process has made; the hit path's promise is a count (DESIGN §5).
#pragma once

#include <cstdint>

namespace introspectd::testing {

// False in sanitizer builds, where nothing is counted and both numbers stay 0.
bool counts();
std::uint64_t allocations();
std::uint64_t mutex_locks();

}  // namespace introspectd::testing
