// Authorization: what the Authorization field of a caller says (RFC 7617, RFC 6749 §2.3.1, RFC 6750 §2.1), and the
// field that we send to an authorization server.
// Threads: values.  Owns: nothing: views into the field or the scratch.  Errors: kMalformed.  Cost: O(n).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace introspectd::oauth {

struct Authorization {
  enum class Scheme : std::uint8_t { kNone, kBasic, kBearer, kUnknown, kMalformed };
  Scheme scheme = Scheme::kNone;
  std::string_view id;      // Basic: form-decoded client id
  std::string_view secret;  // Basic: form-decoded secret; Bearer: the token
  // Basic as some clients send it, base64 without form-encoding: the halves as they stand before form-decoding.
  std::string_view raw_id;
  std::string_view raw_secret;
};

// Scheme names are case-insensitive; Basic splits at the first ':' (STD 2.01, 2.02, 2.10). A half that cannot be
// form-decoded (`100%`) stays as it stands. An empty field is kNone. A bearer token has b64token's characters and at
// most kTokenBytesMost of them, or it is kMalformed. `scratch` is cleared and must live as long as the views.
Authorization read_authorization(std::string_view field, Secret& scratch);

// `Basic base64(form(id):form(secret))`; with `raw` the halves are not form-encoded (for servers that do it wrong).
Secret basic_authorization(std::string_view id, std::string_view secret, bool raw);

}  // namespace introspectd::oauth
