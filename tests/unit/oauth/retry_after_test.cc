#include <doctest/doctest.h>

#include <string_view>

#include "oauth/introspection_answer.h"

namespace introspectd::oauth {

TEST_CASE("retry_after: seconds are taken as they stand (F66)") {
  CHECK(read_retry_after_seconds("0", 0) == 0);
  CHECK(read_retry_after_seconds("120", 1700000000) == 120);
  CHECK(read_retry_after_seconds("9223372036854775807", 0) == 9223372036854775807);
  for (const std::string_view wrong : {"", "-1", "+1", "1.5", "1s", " 1", "1 ", "0x10", "9223372036854775808", "1e3"}) {
    CAPTURE(wrong);
    CHECK_FALSE(read_retry_after_seconds(wrong, 0));
  }
}

TEST_CASE("retry_after: a date counts from now, one gone by is now (RFC 9110 §10.2.3, F66)") {
  constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";  // 784111777
  CHECK(read_retry_after_seconds(kDate, 784111770) == 7);
  CHECK(read_retry_after_seconds(kDate, 784111777) == 0);
  CHECK(read_retry_after_seconds(kDate, 1700000000) == 0);
  CHECK(read_retry_after_seconds("Thu, 29 Feb 2024 23:59:60 GMT", 1709251199) == 1);
}

TEST_CASE("retry_after: a date of another shape or that no calendar has is refused") {
  for (const std::string_view wrong :
       {"Sun, 06 Nov 1994 08:49:37", "Sun, 6 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994", "Xyz, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Wed, 29 Feb 2023 00:00:00 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT "}) {
    CAPTURE(wrong);
    CHECK_FALSE(read_retry_after_seconds(wrong, 0));
  }
}

}  // namespace introspectd::oauth
