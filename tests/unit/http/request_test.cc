#include "http/request.h"

#include <doctest/doctest.h>

namespace introspectd::http {
namespace {

TEST_CASE("request: names are compared without regard to ASCII case") {
  CHECK(same_name("Content-Length", "content-LENGTH"));
  CHECK(same_name("", ""));
  CHECK_FALSE(same_name("a", "ab"));
  CHECK_FALSE(same_name("@", "`"));  // differ in the bit of the case, but are no letters
  CHECK_FALSE(same_name("[", "{"));
  CHECK_FALSE(same_name("\xc4", "\xe4"));
}

TEST_CASE("request: a media type is told whatever its parameters and case (STD 1.05)") {
  constexpr std::string_view kForm = "application/x-www-form-urlencoded";
  CHECK(is_media_type("application/x-www-form-urlencoded", kForm));
  CHECK(is_media_type("application/x-www-form-urlencoded;charset=UTF-8", kForm));
  CHECK(is_media_type("Application/X-WWW-Form-Urlencoded ; charset=UTF-8", kForm));
  CHECK(is_media_type("application/x-www-form-urlencoded\t;", kForm));
  CHECK_FALSE(is_media_type("", kForm));
  CHECK_FALSE(is_media_type(";", kForm));
  CHECK_FALSE(is_media_type("application/json", kForm));
  CHECK_FALSE(is_media_type("application/x-www-form-urlencodedx", kForm));
  CHECK_FALSE(is_media_type("application/json; application/x-www-form-urlencoded", kForm));
  CHECK_FALSE(is_media_type("application/x-www-form-urlencoded, text/plain", kForm));
}

}  // namespace
}  // namespace introspectd::http
