#include "app/rfc3339.h"

#include <doctest/doctest.h>

namespace introspectd::app {

TEST_CASE("rfc3339: dates, offsets, fractions and plain seconds") {
  CHECK(read_moment("1970-01-01T00:00:00Z") == 0);
  CHECK(read_moment("2026-11-27T09:50:07Z") == 1795773007);
  CHECK(read_moment("2026-11-27 09:50:07z") == 1795773007);
  CHECK(read_moment("2026-11-27T09:50:07.999Z") == 1795773007);
  CHECK(read_moment("2026-11-27T10:50:07+01:00") == 1795773007);
  CHECK(read_moment("2026-11-27T04:20:07-05:30") == 1795773007);
  CHECK(read_moment("2024-02-29T00:00:00Z") == 1709164800);
  CHECK(read_moment("1795773007") == 1795773007);
  CHECK(read_moment("0") == 0);
}

TEST_CASE("rfc3339: what is no moment") {
  for (const char* text :
       {"", "now", "2026-11-27", "2026-11-27T09:50Z", "2026-11-27T09:50:07", "2026-13-01T00:00:00Z",
        "2025-02-29T00:00:00Z", "2026-11-27T24:00:00Z", "2026-11-27T09:60:00Z", "2026-11-27T09:50:61Z",
        "2026-11-27T09:50:07.Z", "2026-11-27T09:50:07Zx", "2026-11-27T09:50:07+1:00", "2026-11-27T09:50:07+24:00",
        "1969-12-31T23:59:59Z", "-5", "+5", "5s", "99999999999999999999", "2026-1-27T09:50:07Z", " 5"}) {
    CAPTURE(text);
    CHECK_FALSE(read_moment(text));
  }
}

}  // namespace introspectd::app
