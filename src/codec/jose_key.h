// PublicKey: one usable key of a JWKS over OpenSSL's EVP, bound to its kind and to the algorithm that it names
// (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2; RFC 8725 §3.1). Private to the room: it shows OpenSSL's types.
// Threads: values, immutable; any may verify.  Owns: the EVP_PKEY.
// Errors: nullptr for a key that cannot be used; false for a signature that is not right, whatever the reason.
// Cost: verification as in jose_algorithms; reading a key a few µs.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "codec/jose.h"
#include "codec/jose_algorithms.h"
#include "codec/json_value.h"

namespace introspectd::codec {

using EvpKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

class PublicKey {
 public:
  static constexpr int kRsaBitsLeast = 2048;
  static constexpr int kRsaBitsMost = 8192;

  // nullptr: unknown type or curve, a member missing or wrong, too short, private, symmetric, not for verifying.
  static std::unique_ptr<const PublicKey> read(const JsonValue& jwk);

  const std::string& kid() const { return kid_; }
  // The same bytes for the same kid, algorithm and key, however the JWK was written.
  const std::string& identity() const { return identity_; }
  bool fits(JwsAlgorithm algorithm) const;
  // Only for an algorithm that fits.
  bool verifies(JwsAlgorithm algorithm, std::string_view signing_input, std::string_view signature) const;
  unsigned verification_cost_us(JwsAlgorithm algorithm) const;

 private:
  PublicKey(KeyKind kind, EvpKey key) : kind_(kind), key_(std::move(key)) {}

  KeyKind kind_;
  EvpKey key_;
  std::optional<JwsAlgorithm> algorithm_;  // the JWK's `alg`
  std::string kid_;
  std::string identity_;
};

}  // namespace introspectd::codec
