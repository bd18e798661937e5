#include <doctest/doctest.h>
#include <openssl/err.h>

#include <string>
#include <string_view>

#include "codec/base64.h"
#include "codec/jose.h"
#include "jose_vectors.h"

namespace introspectd::codec {
namespace {

KeySet key(std::string_view jwk) {
  auto keys = KeySet::read(R"({"keys":[)" + std::string(jwk) + "]}");
  REQUIRE(keys);
  REQUIRE(keys->size() == 1);
  return *std::move(keys);
}

bool verifies(const KeySet& keys, std::string_view text) {
  const auto jws = read_compact_jws(text);
  return jws && keys.verify(*jws, {});
}

// With another signature behind the same header and payload.
std::string signed_by(std::string_view text, std::string_view signature) {
  return std::string(text.substr(0, text.rfind('.') + 1)) + encode_base64url(signature);
}

struct Row {
  std::string_view jwk;
  std::string_view text;
};
constexpr Row kRows[] = {
    {kRsaJwk, kRs256},  {kRsaJwk, kRs384},  {kRsaJwk, kRs512},  {kRsaJwk, kPs256},     {kRsaJwk, kPs384},
    {kRsaJwk, kPs512},  {kP256Jwk, kEs256}, {kP384Jwk, kEs384}, {kP521Jwk, kEs512},    {kEd25519Jwk, kEdDsa},
    {kEd25519Jwk, kEd25519},
};

}  // namespace

TEST_CASE("jose_signature: what another implementation signs verifies, by all ten algorithms") {
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(verifies(key(row.jwk), row.text));
  }
  CHECK(verifies(key(kP256Jwk), kEmptyPayload));
}

TEST_CASE("jose_signature: the examples of the RFCs verify (RFC 7515 A.2, A.3; RFC 7520 §4; RFC 8037 A.4)") {
  CHECK(verifies(key(kRfc7515A2Jwk), kRfc7515A2));
  CHECK(verifies(key(kRfc7515A3Jwk), kRfc7515A3));
  CHECK(verifies(key(kRfc7520RsaJwk), kRfc7520Rs256));
  CHECK(verifies(key(kRfc7520RsaJwk), kRfc7520Ps384));
  CHECK(verifies(key(kRfc7520EcJwk), kRfc7520Es512));
  CHECK(verifies(key(kRfc8037Jwk), kRfc8037A4));
}

TEST_CASE("jose_signature: no digit of header, payload or signature can be exchanged for another") {
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const KeySet keys = key(row.jwk);
    std::string text(row.text);
    const std::size_t step = row.text.size() / 40;  // over the whole of it, at a bearable price
    for (std::size_t at = 0; at < text.size(); at += step) {
      const char was = text[at];
      text[at] = was == 'A' ? 'B' : 'A';
      CAPTURE(at);
      CHECK_FALSE(verifies(keys, text));
      text[at] = was;
    }
    REQUIRE(verifies(keys, text));
  }
}

TEST_CASE("jose_signature: one bit anywhere in the signature spoils it") {
  for (const Row& row : {Row{kP256Jwk, kEs256}, Row{kEd25519Jwk, kEdDsa}, Row{kRsaJwk, kRs256}, Row{kRsaJwk, kPs256}}) {
    CAPTURE(row.text);
    const KeySet keys = key(row.jwk);
    auto jws = read_compact_jws(row.text);
    REQUIRE(jws);
    for (std::size_t at = 0; at < jws->signature.size(); ++at) {
      jws->signature[at] = static_cast<char>(jws->signature[at] ^ (1 << (at % 8)));
      const auto result = keys.verify(*jws, {});
      REQUIRE_FALSE(result);
      REQUIRE(result.error() == JoseError::kBadSignature);
      jws->signature[at] = static_cast<char>(jws->signature[at] ^ (1 << (at % 8)));
    }
    CHECK(keys.verify(*jws, {}));
  }
}

TEST_CASE("jose_signature: a signature has its algorithm's exact length (STD 3.10)") {
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const KeySet keys = key(row.jwk);
    const std::string signature = read_compact_jws(row.text)->signature;
    CHECK(verifies(keys, signed_by(row.text, signature)));
    const std::string_view cut(signature);
    for (const std::string& wrong :
         {std::string(), std::string(1, '\0'), std::string(cut.substr(0, cut.size() - 1)), std::string(cut.substr(1)),
          signature + '\0', '\0' + signature, signature + signature, signature.substr(0, signature.size() / 2)}) {
      CAPTURE(wrong.size());
      CHECK_FALSE(verifies(keys, signed_by(row.text, wrong)));
    }
  }
}

TEST_CASE("jose_signature: an ECDSA signature is R and S, not DER, and neither is zero (RFC 7518 §3.4)") {
  const KeySet keys = key(kP256Jwk);
  CHECK_FALSE(verifies(keys, kEs256Der));
  const std::string signature = read_compact_jws(kEs256)->signature;
  const std::string zero(32, '\0');
  CHECK_FALSE(verifies(keys, signed_by(kEs256, zero + signature.substr(32))));
  CHECK_FALSE(verifies(keys, signed_by(kEs256, signature.substr(0, 32) + zero)));
  CHECK_FALSE(verifies(keys, signed_by(kEs256, zero + zero)));
  CHECK_FALSE(verifies(keys, signed_by(kEs256, std::string(64, '\xFF'))));
  CHECK_FALSE(verifies(keys, signed_by(kEs256, signature.substr(32) + signature.substr(0, 32))));
  CHECK_FALSE(verifies(key(kP384Jwk), signed_by(kEs384, std::string(96, '\0'))));
  CHECK_FALSE(verifies(key(kP521Jwk), signed_by(kEs512, std::string(132, '\0'))));
}

TEST_CASE("jose_signature: a PSS salt has the hash's length (RFC 7518 §3.5, STD 3.11)") {
  const KeySet keys = key(kOtherRsaJwk);
  CHECK(verifies(keys, kPs256Salt32));
  CHECK_FALSE(verifies(keys, kPs256Salt20));
}

TEST_CASE("jose_signature: Ed25519 has one signature for one text, S is reduced (RFC 8032 §5.1.7)") {
  CHECK_FALSE(verifies(key(kEd25519Jwk), kEdDsaMalleated));
}

TEST_CASE("jose_signature: a key that the token brings along is not looked at (RFC 8725 §3.10, STD 3.07)") {
  const KeySet keys = key(kP256Jwk);
  const auto jws = read_compact_jws(kEmbeddedKey);
  REQUIRE(jws);
  CHECK(keys.has_key_for(*jws));
  const auto result = keys.verify(*jws, {});
  REQUIRE_FALSE(result);
  CHECK(result.error() == JoseError::kBadSignature);
}

TEST_CASE("jose_signature: a signature by another key of the same kind is bad") {
  const KeySet other = key(kOtherRsaJwk);
  auto jws = read_compact_jws(kRs256);
  jws->kid = "pss20";
  CHECK(other.has_key_for(*jws));
  CHECK(other.verify(*jws, {}).error() == JoseError::kBadSignature);
}

TEST_CASE("jose_signature: refused keys and signatures leave nothing in the error queue that TLS reads") {
  ERR_clear_error();
  const KeySet keys = key(kP256Jwk);
  CHECK_FALSE(verifies(keys, signed_by(kEs256, std::string(64, '\0'))));
  CHECK(ERR_peek_error() == 0);
  const std::string zero = encode_base64url(std::string(32, '\0'));
  const std::string jwk = R"({"kty":"EC","crv":"P-256","x":")" + zero + R"(","y":")" + zero + R"("})";
  CHECK(KeySet::read(R"({"keys":[)" + jwk + "]}")->size() == 0);
  CHECK(ERR_peek_error() == 0);
}

}  // namespace introspectd::codec
