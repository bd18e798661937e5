#include "service/event_inbox.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "event_signer.h"

namespace introspectd::service {
namespace {

bool is_label(std::string_view name) {
  return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

}  // namespace

TEST_CASE("event_inbox: origins and verdicts have names of their own that are fit for metric labels (STD 9.12)") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kEventOrigins; ++i) {
    const std::string_view name = name_of(static_cast<EventOrigin>(i));
    CHECK(is_label(name));
    CHECK(names.insert(name).second);
  }
  CHECK(name_of(EventOrigin::kFleet) == "fleet");
  names.clear();
  for (std::size_t i = 0; i < kEventVerdicts; ++i) {
    const auto verdict = static_cast<EventVerdict>(i);
    CHECK(is_label(name_of(verdict)));
    CHECK(names.insert(name_of(verdict)).second);
    CHECK_FALSE(describe(verdict).empty());
    CHECK(describe(verdict).find_first_of("\"\\\r\n") == std::string_view::npos);   // goes into JSON and headers
  }
}

TEST_CASE("event_signer: the same seed gives the same key and the same bytes (I54)") {
  const testing::EventSigner one(7);
  const testing::EventSigner same(7);
  const testing::EventSigner other(8);
  CHECK(one.sign("logout+jwt", "{}") == same.sign("logout+jwt", "{}"));
  CHECK(one.public_jwks() == same.public_jwks());
  CHECK(one.public_jwks() != other.public_jwks());
  const std::string jws = one.sign_compact(R"({"alg":"none"})", "{}");
  CHECK(jws.substr(0, jws.find('.')) == "eyJhbGciOiJub25lIn0");
}

}  // namespace introspectd::service
