// set_error: the error codes that a receiver of Security Event Tokens answers with, one table for push and poll
// (RFC 8935 §2.4, RFC 8936 §2.6; SSF 1.0 §8.1.4 adds invalid_state).
// Threads: functions of values.  Owns: nothing.  Errors: none.  Cost: O(n).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "oauth/security_event.h"

namespace introspectd::oauth {

enum class SetErrorCode : std::uint8_t {
  kInvalidRequest,        // malformed, of the wrong type, expired
  kInvalidKey,            // no such key, or an algorithm that is not accepted
  kInvalidIssuer,
  kInvalidAudience,
  kAuthenticationFailed,  // who sent it could not be authenticated: the signature does not verify
  kAccessDenied,          // the sender may not send this
  kInvalidState,          // a verification event whose state is not the one we asked for
};
std::string_view name_of(SetErrorCode code) noexcept;
SetErrorCode code_of(EventDefect defect) noexcept;

// The body of a refused push (RFC 8935 §2.3): {"err":"…","description":"…"}. It goes with `Content-Language: en`.
std::string set_error_body(SetErrorCode code, std::string_view description);

}  // namespace introspectd::oauth
