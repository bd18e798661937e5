// EventSigner: an authorization server's signing key for tests: Ed25519 from a seed, so that the same seed gives the
// same key and the same bytes (RFC 8032 signatures are deterministic; I54), and compact JWSs under it (RFC 7515).
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "base/random.h"
#include "codec/base64.h"

namespace introspectd::testing {

class EventSigner {
 public:
  explicit EventSigner(std::uint64_t seed, std::string kid = "k1") : kid_(std::move(kid)) {
    Random random(seed);
    std::array<unsigned char, 32> bytes{};
    for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random.next() >> 56U);
    key_.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes.data(), bytes.size()));
    CHECK_INVARIANT(key_ != nullptr);
  }

  const std::string& kid() const { return kid_; }

  // header.payload.signature, whatever the header says of its algorithm: forgeries are made with this too.
  std::string sign_compact(std::string_view header_json, std::string_view payload_json) const {
    std::string text = codec::encode_base64url(header_json) + "." + codec::encode_base64url(payload_json);
    return text + "." + codec::encode_base64url(signature_of(text));
  }
  // Under {"alg":"EdDSA","kid":KID,"typ":TYP}; without `typ` when it is empty.
  std::string sign(std::string_view typ, std::string_view payload_json) const {
    std::string header = R"({"alg":"EdDSA","kid":")" + kid_ + "\"";
    if (!typ.empty()) header.append(R"(,"typ":")").append(typ).append("\"");
    return sign_compact(header + "}", payload_json);
  }

  // {"kty":"OKP",…}: one member of a JWKS's keys (RFC 8037).
  std::string public_jwk() const {
    std::array<unsigned char, 32> bytes{};
    std::size_t size = bytes.size();
    CHECK_INVARIANT(EVP_PKEY_get_raw_public_key(key_.get(), bytes.data(), &size) == 1 && size == bytes.size());
    const std::string x = codec::encode_base64url({reinterpret_cast<const char*>(bytes.data()), size});
    return R"({"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":")" + kid_ + R"(","x":")" + x + "\"}";
  }
  // A JWKS with this key alone (RFC 7517 §5).
  std::string public_jwks() const { return R"({"keys":[)" + public_jwk() + "]}"; }

 private:
  struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  struct FreeDigest {
    void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
  };

  std::string signature_of(std::string_view text) const {
    const std::unique_ptr<EVP_MD_CTX, FreeDigest> digest(EVP_MD_CTX_new());
    std::array<unsigned char, 64> bytes{};
    std::size_t size = bytes.size();
    CHECK_INVARIANT(EVP_DigestSignInit(digest.get(), nullptr, nullptr, nullptr, key_.get()) == 1);
    CHECK_INVARIANT(EVP_DigestSign(digest.get(), bytes.data(), &size,
                                   reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
    return {reinterpret_cast<const char*>(bytes.data()), size};
  }

  std::unique_ptr<EVP_PKEY, FreeKey> key_;
  std::string kid_;
};

}  // namespace introspectd::testing
