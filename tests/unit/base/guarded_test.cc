#include "base/guarded.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace introspectd {

TEST_CASE("guarded: no two share a cache line, on the heap or side by side") {
  struct Small {
    int value = 0;
  };
  std::vector<std::unique_ptr<Guarded<Small>>> many;
  for (int i = 0; i < 100; ++i) many.push_back(std::make_unique<Guarded<Small>>());
  for (const auto& each : many) CHECK(reinterpret_cast<std::uintptr_t>(each.get()) % 64 == 0);
  CHECK(sizeof(Guarded<Small>) % 64 == 0);
}

}  // namespace introspectd
