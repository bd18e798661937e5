#include "oauth/set_error.h"

#include "codec/json.h"

namespace introspectd::oauth {

std::string_view name_of(SetErrorCode code) noexcept {
  switch (code) {
    case SetErrorCode::kInvalidRequest: return "invalid_request";
    case SetErrorCode::kInvalidKey: return "invalid_key";
    case SetErrorCode::kInvalidIssuer: return "invalid_issuer";
    case SetErrorCode::kInvalidAudience: return "invalid_audience";
    case SetErrorCode::kAuthenticationFailed: return "authentication_failed";
    case SetErrorCode::kAccessDenied: return "access_denied";
    case SetErrorCode::kInvalidState: return "invalid_state";
  }
  return "unknown";
}

SetErrorCode code_of(EventDefect defect) noexcept {
  switch (defect) {
    case EventDefect::kWrongIssuer: return SetErrorCode::kInvalidIssuer;
    case EventDefect::kWrongAudience: return SetErrorCode::kInvalidAudience;
    case EventDefect::kMalformed:
    case EventDefect::kWrongType:
    case EventDefect::kExpired: return SetErrorCode::kInvalidRequest;
  }
  return SetErrorCode::kInvalidRequest;
}

std::string set_error_body(SetErrorCode code, std::string_view description) {
  codec::JsonWriter body;
  body.begin_object();
  body.key("err");
  body.string(name_of(code));
  body.key("description");
  body.string(description);
  body.end_object();
  return body.text();
}

}  // namespace introspectd::oauth
