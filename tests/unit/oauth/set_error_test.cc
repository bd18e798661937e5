#include "oauth/set_error.h"

#include <doctest/doctest.h>

#include <string>

namespace introspectd::oauth {

TEST_CASE("set_error: every code has its name of RFC 8935 §2.4 (STD 5.06)") {
  CHECK(name_of(SetErrorCode::kInvalidRequest) == "invalid_request");
  CHECK(name_of(SetErrorCode::kInvalidKey) == "invalid_key");
  CHECK(name_of(SetErrorCode::kInvalidIssuer) == "invalid_issuer");
  CHECK(name_of(SetErrorCode::kInvalidAudience) == "invalid_audience");
  CHECK(name_of(SetErrorCode::kAuthenticationFailed) == "authentication_failed");
  CHECK(name_of(SetErrorCode::kAccessDenied) == "access_denied");
  CHECK(name_of(SetErrorCode::kInvalidState) == "invalid_state");
}

TEST_CASE("set_error: a defect of an event is told by its code") {
  CHECK(code_of(EventDefect::kMalformed) == SetErrorCode::kInvalidRequest);
  CHECK(code_of(EventDefect::kWrongType) == SetErrorCode::kInvalidRequest);
  CHECK(code_of(EventDefect::kWrongIssuer) == SetErrorCode::kInvalidIssuer);
  CHECK(code_of(EventDefect::kWrongAudience) == SetErrorCode::kInvalidAudience);
  CHECK(code_of(EventDefect::kExpired) == SetErrorCode::kInvalidRequest);
}

TEST_CASE("set_error: the body of a refusal is JSON, whatever the description (RFC 8935 §2.3, STD 5.05)") {
  CHECK(set_error_body(SetErrorCode::kInvalidIssuer, "not ours") ==
        R"({"err":"invalid_issuer","description":"not ours"})");
  CHECK(set_error_body(SetErrorCode::kInvalidRequest, "a \"quoted\"\nline") ==
        R"({"err":"invalid_request","description":"a \"quoted\"\u000aline"})");
}

}  // namespace introspectd::oauth
