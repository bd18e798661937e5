#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "codec/jose_key.h"

namespace introspectd::codec {
namespace {

using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// What a JWS carries: the modulus' size, R ‖ S of the curve's size each, or 64 bytes; no other length is looked at.
std::size_t signature_bytes(KeyKind kind, EVP_PKEY* key) {
  switch (kind) {
    case KeyKind::kRsa: return static_cast<std::size_t>(EVP_PKEY_get_size(key));
    case KeyKind::kP256: return 64;
    case KeyKind::kP384: return 96;
    case KeyKind::kP521: return 132;
    case KeyKind::kEd25519: return 64;
  }
  return 0;
}

// R ‖ S to the DER that OpenSSL reads (RFC 7518 §3.4); "" when there is no memory.
std::string ecdsa_der(std::string_view signature) {
  const std::size_t half = signature.size() / 2;
  const EcdsaSignature pair(ECDSA_SIG_new(), &ECDSA_SIG_free);
  BIGNUM* const r = BN_bin2bn(bytes_of(signature), static_cast<int>(half), nullptr);
  BIGNUM* const s = BN_bin2bn(bytes_of(signature.substr(half)), static_cast<int>(half), nullptr);
  if (!pair || ECDSA_SIG_set0(pair.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  std::string bytes;
  if (size > 0) bytes.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

// RFC 7518 §3.5: MGF1 with the same hash, and a salt of the hash's size.
bool set_pss(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool verify(EVP_PKEY* key, const AlgorithmTraits& traits, std::string_view input, std::string_view signature) {
  const DigestContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_PKEY_CTX* of_key = nullptr;  // belongs to `context`
  if (!context ||
      EVP_DigestVerifyInit_ex(context.get(), &of_key, traits.digest, nullptr, nullptr, key, nullptr) != 1) {
    return false;
  }
  if (traits.is_pss && !set_pss(of_key)) return false;
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(input), input.size()) == 1;
}

}  // namespace

bool PublicKey::verifies(JwsAlgorithm algorithm, std::string_view signing_input, std::string_view signature) const {
  if (signature.size() != signature_bytes(kind_, key_.get())) return false;
  const bool is_ecdsa = kind_ != KeyKind::kRsa && kind_ != KeyKind::kEd25519;
  const std::string der = is_ecdsa ? ecdsa_der(signature) : std::string();
  const bool verified = verify(key_.get(), traits_of(algorithm), signing_input, is_ecdsa ? der : signature);
  ERR_clear_error();  // TLS on this thread looks into the same queue
  return verified;
}

}  // namespace introspectd::codec
