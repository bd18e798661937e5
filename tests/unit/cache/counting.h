// counting: how many allocations and mutex locks this process has made; the hit path's promise is a count (DESIGN §5).
#pragma once

#include <cstdint>

namespace introspectd::testing {

std::uint64_t allocations();
std::uint64_t mutex_locks();

}  // namespace introspectd::testing
