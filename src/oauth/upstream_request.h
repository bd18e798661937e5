// UpstreamRequest: the bytes of our own introspection and revocation requests to an authorization server
// (RFC 7662 §2.1, RFC 7009 §2.1, client authentication of RFC 6749 §2.3.1).
// Threads: values.  Owns: its bytes, as Secret.  Errors: none.  Cost: O(n), on a miss only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace introspectd::oauth {

enum class ClientAuth : std::uint8_t { kNone, kClientSecretBasic, kClientSecretPost };

struct ClientCredential {
  ClientAuth method = ClientAuth::kClientSecretBasic;
  std::string client_id;
  Secret client_secret;
  bool raw_basic = false;   // do not form-encode the halves of Basic
};

struct FormPost {
  Secret authorization;     // the Authorization field's value; empty: none
  Secret body;              // application/x-www-form-urlencoded
};

// `hint` is left out when empty. The token's bytes arrive at the AS as they came to us (I21).
FormPost introspection_post(std::string_view token, std::string_view hint, const ClientCredential& credential);
FormPost revocation_post(std::string_view token, std::string_view hint, const ClientCredential& credential);

// What the AS said to a forwarded revocation (STD 4.06).
enum class RevocationAnswer : std::uint8_t {
  kRevoked,       // 200
  kRefused,       // 400, 403: the token lives; relayed to the caller
  kUnavailable,   // everything else, 401, 429 and 400 invalid_client included: not the caller's fault, the token's
                  // state is unknown
};
struct RevocationReply {
  RevocationAnswer answer = RevocationAnswer::kUnavailable;
  std::string error;   // of a refusal: the AS's error code when it is a plain OAuth one, else `invalid_request`
};
RevocationReply read_revocation_answer(int status, std::string_view content_type, std::string_view body);

}  // namespace introspectd::oauth
