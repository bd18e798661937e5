// TokenRequest: the form of an introspection (RFC 7662 §2.1) or revocation (RFC 7009 §2.1) request as a value.
// An empty parameter counts as absent (RFC 6749 §3.2, Dovecot sends `client_id=&client_secret=`); unknown parameters
// are ignored; any repeated name is an error (STD 1.03).
// Threads: values.  Owns: nothing: views into the body, or into the scratch where something was escaped.
// Errors: TokenRequestError, all of them 400 invalid_request.  Cost: O(n); no allocation when nothing is escaped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <tl/expected.hpp>

#include "base/secret.h"

namespace introspectd::oauth {

inline constexpr std::size_t kTokenBytesMost = 16384;      // one more is 400 (F17)
inline constexpr std::size_t kFormParametersMost = 32;

enum class TokenRequestError : std::uint8_t {
  kTokenMissing,        // F15
  kParameterRepeated,   // F16
  kTokenTooLong,        // F17
  kMalformedEscape,
  kTooManyParameters,
};
// The error_description: static text, never the input.
std::string_view describe(TokenRequestError error) noexcept;

struct TokenRequest {
  std::string_view token;
  // Characters outside %x20-7E: no AS ever issued such a token (RFC 6749 A.12); nobody is asked (F18, I19).
  bool token_is_impossible = false;
  std::string_view token_type_hint;
  std::string_view client_id;
  std::string_view client_secret;
};

// `scratch` is cleared and then holds what had to be decoded; it must live as long as the views.
tl::expected<TokenRequest, TokenRequestError> read_token_request(std::string_view body, Secret& scratch);

}  // namespace introspectd::oauth
