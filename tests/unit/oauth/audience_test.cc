#include "oauth/audience.h"

#include <doctest/doctest.h>

#include <string>

namespace introspectd::oauth {

TEST_CASE("audience: every name has a bit of its own, a known name keeps its bit") {
  AudienceNames names;
  CHECK(names.empty());
  const auto orders = names.add("orders");
  const auto payments = names.add("payments");
  REQUIRE(orders);
  REQUIRE(payments);
  CHECK((*orders & *payments) == 0);
  CHECK(names.add("orders") == orders);
  CHECK(names.find("payments") == *payments);
  CHECK_FALSE(names.empty());
}

TEST_CASE("audience: a name that the configuration does not mention has no bit, names are compared exactly") {
  AudienceNames names;
  CHECK(names.find("orders") == 0);
  REQUIRE(names.add("orders"));
  for (const char* other : {"Orders", "orders ", "order", "", "ordersx"}) CHECK(names.find(other) == 0);
}

TEST_CASE("audience: sixty-four names fit, the sixty-fifth is refused") {
  AudienceNames names;
  AudienceMask all = 0;
  for (int i = 0; i < 64; ++i) all |= names.add(std::to_string(i)).value();
  CHECK(all == ~AudienceMask{0});
  CHECK_FALSE(names.add("64"));
  CHECK(names.add("63") == AudienceMask{1} << 63U);
}

}  // namespace introspectd::oauth
