#include "oauth/media_type.h"

#include <doctest/doctest.h>

#include <string_view>

namespace introspectd::oauth {

TEST_CASE("media_type: JSON in any case, with parameters, and types built on it") {
  for (const std::string_view type :
       {"application/json", "Application/JSON", "application/json;charset=UTF-8", "application/json ; charset=utf-8",
        " application/json\t", "application/json;", "application/token-introspection+json", "application/x.y+JSON; v=1"}) {
    CAPTURE(type);
    CHECK(is_json_media_type(type));
  }
}

TEST_CASE("media_type: what is not JSON is not taken for it (F46)") {
  for (const std::string_view type :
       {"", ";", "text/html", "text/json", "application/jsonp", "application/json-seq", "xapplication/json",
        "application/", "application", "application/+json", "application/token-introspection+jwt", "application/jwt",
        "application/json, text/html", "application/a b+json", "application/json charset=utf-8", "text/x+json",
        "application /json", "application/x+json/y"}) {
    CAPTURE(type);
    CHECK_FALSE(is_json_media_type(type));
  }
}

}  // namespace introspectd::oauth
