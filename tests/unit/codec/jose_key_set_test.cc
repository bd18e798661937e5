#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "codec/base64.h"
#include "codec/jose.h"
#include "jose_vectors.h"

namespace introspectd::codec {
namespace {

std::string jwks(std::initializer_list<std::string_view> keys) {
  std::string text = R"({"keys":[)";
  for (const std::string_view key : keys) {
    if (text.back() != '[') text += ',';
    text += key;
  }
  return text + "]}";
}

std::size_t usable(std::string_view key) {
  const auto set = KeySet::read(jwks({key}));
  REQUIRE(set);
  return set->size();
}

// The JWK with more members in front.
std::string with(std::string_view jwk, const std::string& members) {
  return "{" + members + "," + std::string(jwk.substr(1));
}

std::string replaced(std::string_view jwk, std::string_view from, std::string_view to) {
  std::string text(jwk);
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string rsa_jwk(const std::string& modulus, std::string_view exponent = "AQAB") {
  return R"({"kty":"RSA","n":")" + encode_base64url(modulus) + R"(","e":")" + std::string(exponent) + R"("})";
}

// An odd number of so many bits.
std::string modulus_of(std::size_t bits) {
  std::string bytes((bits + 7) / 8, '\x55');
  bytes.front() = static_cast<char>(1U << ((bits - 1) % 8));
  return bytes;
}

std::string ed25519_jwk(std::size_t number) {
  return R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":")" +
         std::to_string(number) + R"("})";
}

std::string many_keys(std::size_t count) {
  std::string text = R"({"keys":[)";
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + ed25519_jwk(i);
  return text + "]}";
}

tl::expected<void, JoseError> verify(const KeySet& keys, std::string_view text) {
  const auto jws = read_compact_jws(text);
  REQUIRE(jws);
  CHECK(keys.has_key_for(*jws) == (keys.verify(*jws, {}) || keys.verify(*jws, {}).error() != JoseError::kNoKey));
  return keys.verify(*jws, {});
}

JoseError error_of(const KeySet& keys, std::string_view text) {
  const auto result = verify(keys, text);
  REQUIRE_FALSE(result);
  return result.error();
}

}  // namespace

TEST_CASE("jose_key_set: a key of each kind is taken, with and without use, key_ops and alg (RFC 7517 §4)") {
  for (const std::string_view jwk : {kRsaJwk, kP256Jwk, kP384Jwk, kP521Jwk, kEd25519Jwk}) {
    CAPTURE(jwk);
    CHECK(usable(jwk) == 1);
    CHECK(usable(with(jwk, R"("use":"sig","key_ops":["verify"])")) == 1);
    CHECK(usable(with(jwk, R"("x5c":["MIIB"],"x5t":"x","unknown":{"a":[1]})")) == 1);
  }
  CHECK(usable(with(kP256Jwk, R"("alg":"ES256")")) == 1);
  CHECK(usable(with(kEd25519Jwk, R"("alg":"Ed25519")")) == 1);
  CHECK(usable(with(kEd25519Jwk, R"("alg":"EdDSA")")) == 1);
  CHECK(usable(with(kRsaJwk, R"("alg":"PS512")")) == 1);
}

TEST_CASE("jose_key_set: what cannot verify is skipped and does not fail the set (RFC 7517 §5, STD 3.14)") {
  for (const std::string& jwk :
       {std::string("{}"), std::string(R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"})"),
        std::string(R"({"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"})"), std::string(kPrivateP256Jwk),
        with(kRsaJwk, R"("d":"AQAB")"), with(kEd25519Jwk, R"("d":"AQAB")"), with(kRsaJwk, R"("k":"AQAB")"),
        with(kRsaJwk, R"("use":"enc")"), with(kRsaJwk, R"("use":7)"), with(kRsaJwk, R"("key_ops":["encrypt"])"),
        with(kRsaJwk, R"("key_ops":[])"), with(kRsaJwk, R"("key_ops":"verify")"), with(kRsaJwk, R"("alg":"RSA-OAEP")"),
        with(kRsaJwk, R"("alg":"ES256")"), with(kRsaJwk, R"("alg":"HS256")"), with(kRsaJwk, R"("alg":256)"),
        with(kP256Jwk, R"("alg":"ES384")"), with(kEd25519Jwk, R"("alg":"ES256")"),
        replaced(kRsaJwk, R"("kid":"rsa")", R"("kid":1)"),
        replaced(kRsaJwk, "AQAB", "AQA="), replaced(kRsaJwk, "AQAB", ""), replaced(kRsaJwk, R"("n")", R"("m")"),
        replaced(kP256Jwk, "P-256", "secp256k1"), replaced(kP256Jwk, "P-256", "P-384"), replaced(kP256Jwk, "EC", "ec"),
        replaced(kP256Jwk, "EC", "OKP"), replaced(kEd25519Jwk, "Ed25519", "Ed448"),
        replaced(kEd25519Jwk, "Ed25519", "X25519"), replaced(kEd25519Jwk, R"("x":")", R"("x":"AAAA)"),
        std::string(R"({"kty":"RSA","kid":"a"})")}) {
    CAPTURE(jwk);
    CHECK(usable(jwk) == 0);
    const auto beside = KeySet::read(jwks({jwk, kP384Jwk}));
    REQUIRE(beside);
    CHECK(beside->size() == 1);
  }
}

TEST_CASE("jose_key_set: coordinates have their curve's size, and the point is on the curve (RFC 7518 §6.2.1)") {
  const std::string x = R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":")";
  CHECK(usable(x + R"(x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})") == 1);
  CHECK(usable(x + R"(x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4"})") == 0);   // one bit off
  CHECK(usable(x + encode_base64url(std::string(31, '\x11')) + R"("})") == 0);
  CHECK(usable(x + encode_base64url(std::string(33, '\0')) + R"("})") == 0);
  const std::string zero = encode_base64url(std::string(32, '\0'));
  CHECK(usable(R"({"kty":"EC","crv":"P-256","x":")" + zero + R"(","y":")" + zero + R"("})") == 0);
}

TEST_CASE("jose_key_set: RSA has 2048 to 8192 bits, an odd modulus and a sound exponent (STD 3.11)") {
  CHECK(usable(rsa_jwk(modulus_of(2048))) == 1);
  CHECK(usable(rsa_jwk(modulus_of(2047))) == 0);
  CHECK(usable(rsa_jwk(std::string(1, '\0') + modulus_of(2047))) == 0);   // a zero in front makes it no longer
  CHECK(usable(rsa_jwk(modulus_of(8192))) == 1);
  CHECK(usable(rsa_jwk(modulus_of(8193))) == 0);
  std::string even = modulus_of(2048);
  even.back() = '\x54';
  CHECK(usable(rsa_jwk(even)) == 0);
  CHECK(usable(rsa_jwk(modulus_of(2048), "Aw")) == 1);            // 3
  CHECK(usable(rsa_jwk(modulus_of(2048), "AQ")) == 0);            // 1: every text would be its own signature
  CHECK(usable(rsa_jwk(modulus_of(2048), "AA")) == 0);            // 0
  CHECK(usable(rsa_jwk(modulus_of(2048), "AQAA")) == 0);          // even
  CHECK(usable(rsa_jwk(modulus_of(2048), "__________8")) == 1);   // 64 bits
  CHECK(usable(rsa_jwk(modulus_of(2048), "AQAAAAAAAAAB")) == 0);  // 65 bits: the price of a verification
}

TEST_CASE("jose_key_set: 64 keys are a set and 65 are none; what cannot be used does not count") {
  const auto most = KeySet::read(many_keys(64));
  REQUIRE(most);
  CHECK(most->size() == 64);
  REQUIRE_FALSE(KeySet::read(many_keys(65)));
  CHECK(KeySet::read(many_keys(65)).error() == JoseError::kMalformed);
  std::string text = many_keys(64);
  text.insert(text.size() - 2, R"(,{"kty":"oct","k":"AAAA"})");
  REQUIRE(KeySet::read(text));
  CHECK(KeySet::read(text)->size() == 64);
}

TEST_CASE("jose_key_set: 262144 bytes are read and one more is not") {
  std::string text = jwks({kP256Jwk});
  text.insert(1, std::string(KeySet::kBytesMost - text.size(), ' '));
  CHECK(KeySet::read(text));
  text.insert(1, " ");
  REQUIRE_FALSE(KeySet::read(text));
  CHECK(KeySet::read(text).error() == JoseError::kMalformed);
}

TEST_CASE("jose_key_set: what is no JWKS is refused whole; an empty one is a set") {
  for (const std::string_view text :
       {"", "[]", "{}", R"({"keys":{}})", R"({"keys":null})", R"({"keys":["x"]})", R"({"keys":[[]]})",
        R"({"keys":[],"keys":[]})", R"({"keys":[{"kty":"EC","kty":"RSA"}]})", R"({"keys":[]}x)"}) {
    CAPTURE(text);
    REQUIRE_FALSE(KeySet::read(text));
    CHECK(KeySet::read(text).error() == JoseError::kMalformed);
  }
  const auto empty = KeySet::read(R"({"keys":[]})");
  REQUIRE(empty);
  CHECK(empty->size() == 0);
  CHECK(error_of(*empty, kEs256) == JoseError::kNoKey);
  CHECK(error_of(KeySet(), kEs256) == JoseError::kNoKey);
}

TEST_CASE("jose_key_set: the kid chooses exactly, and without one any key that fits will do (STD 3.07)") {
  const auto all = KeySet::read(jwks({kRsaJwk, kP256Jwk, kP384Jwk, kP521Jwk, kEd25519Jwk}));
  REQUIRE(all);
  CHECK(verify(*all, kEs256));
  CHECK(verify(*all, kEs256WithoutKid));
  const auto renamed = KeySet::read(jwks({replaced(kP256Jwk, R"("kid":"p256")", R"("kid":"P256")")}));
  CHECK(error_of(*renamed, kEs256) == JoseError::kNoKey);
  CHECK(verify(*renamed, kEs256WithoutKid));
  const auto nameless = KeySet::read(jwks({replaced(kP256Jwk, R"("kid":"p256",)", "")}));
  CHECK(error_of(*nameless, kEs256) == JoseError::kNoKey);
  CHECK(verify(*nameless, kEs256WithoutKid));
  const auto others = KeySet::read(jwks({kRsaJwk, kEd25519Jwk}));
  CHECK(error_of(*others, kEs256WithoutKid) == JoseError::kNoKey);
}

TEST_CASE("jose_key_set: where two keys share a kid or fit, the one that made the signature is found") {
  const std::string_view rfc_key = kRfc7515A3Jwk;
  const auto shared = KeySet::read(jwks({with(rfc_key, R"("kid":"p256")"), kP256Jwk}));
  CHECK(verify(*shared, kEs256));
  const auto nameless = KeySet::read(jwks({rfc_key, kP256Jwk}));
  CHECK(verify(*nameless, kEs256WithoutKid));
  const auto wrong = KeySet::read(jwks({with(rfc_key, R"("kid":"p256")")}));
  CHECK(error_of(*wrong, kEs256) == JoseError::kBadSignature);
}

TEST_CASE("jose_key_set: a key verifies only what its kind and its alg are for (RFC 8725 §3.1, STD 3.05)") {
  // RS256 and PS256 by the same RSA key: `alg` of the JWK decides, and nothing else does.
  const auto rs256_only = KeySet::read(jwks({with(kRsaJwk, R"("alg":"RS256")")}));
  CHECK(verify(*rs256_only, kRs256));
  CHECK(error_of(*rs256_only, kPs256) == JoseError::kNoKey);
  CHECK(error_of(*rs256_only, kRs512) == JoseError::kNoKey);
  // ES256 by the kid of an RSA key, RS256 by the kid of an EC key, ES256 by that of another curve.
  const auto rsa = KeySet::read(jwks({replaced(kRsaJwk, R"("kid":"rsa")", R"("kid":"p256")")}));
  CHECK(error_of(*rsa, kEs256) == JoseError::kNoKey);
  const auto ec = KeySet::read(jwks({replaced(kP256Jwk, R"("kid":"p256")", R"("kid":"rsa")")}));
  CHECK(error_of(*ec, kRs256) == JoseError::kNoKey);
  const auto p384 = KeySet::read(jwks({replaced(kP384Jwk, R"("kid":"p384")", R"("kid":"p256")")}));
  CHECK(error_of(*p384, kEs256) == JoseError::kNoKey);
  const auto ed25519 = KeySet::read(jwks({replaced(kEd25519Jwk, R"("kid":"ed")", R"("kid":"p256")")}));
  CHECK(error_of(*ed25519, kEs256) == JoseError::kNoKey);
}

TEST_CASE("jose_key_set: only the algorithms that are allowed, before any key is looked at (STD 3.05)") {
  const auto keys = KeySet::read(jwks({kP256Jwk, kRsaJwk}));
  const auto jws = read_compact_jws(kEs256);
  CHECK(keys->verify(*jws, {JwsAlgorithm::kRs256, JwsAlgorithm::kEs256}));
  const auto refused = keys->verify(*jws, {JwsAlgorithm::kRs256});
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == JoseError::kAlgorithm);
}

TEST_CASE("jose_key_set: same_keys sees a key more, less, renamed or replaced, and neither order nor spelling") {
  const auto set = [](std::initializer_list<std::string_view> keys) { return *KeySet::read(jwks(keys)); };
  const KeySet two = set({kP256Jwk, kRsaJwk});
  CHECK(two.same_keys(set({kRsaJwk, kP256Jwk})));
  CHECK(two.same_keys(set({kRsaJwk, kP256Jwk, kRsaJwk})));   // twice is once
  CHECK(two.same_keys(set({with(kRsaJwk, R"("use":"sig","x5c":[])"), kP256Jwk, R"({"kty":"oct","k":"AA"})"})));
  CHECK(two.same_keys(set({replaced(kRsaJwk, "AQAB", "AAEAAQ"), kP256Jwk})));  // zeros in front
  CHECK_FALSE(two.same_keys(set({kRsaJwk})));
  CHECK_FALSE(set({kRsaJwk}).same_keys(two));
  CHECK_FALSE(two.same_keys(set({kRsaJwk, kP256Jwk, kEd25519Jwk})));
  CHECK_FALSE(two.same_keys(set({kRsaJwk, kP384Jwk})));
  CHECK_FALSE(two.same_keys(set({kRsaJwk, replaced(kP256Jwk, R"("kid":"p256")", R"("kid":"p257")")})));
  CHECK_FALSE(two.same_keys(set({with(kRsaJwk, R"("alg":"RS256")"), kP256Jwk})));
  CHECK(KeySet().same_keys(KeySet()));
}

TEST_CASE("jose_key_set: the price of a verification counts every key that may have to be tried") {
  const auto one = KeySet::read(jwks({kP256Jwk}));
  const auto three = KeySet::read(jwks({kP256Jwk, with(kRfc7515A3Jwk, R"("kid":"x")"), kRfc7515A3Jwk, kRsaJwk}));
  const auto named = read_compact_jws(kEs256);
  const auto nameless = read_compact_jws(kEs256WithoutKid);
  CHECK(one->verification_cost_us(*named) == verification_cost_us(JwsAlgorithm::kEs256));
  CHECK(three->verification_cost_us(*named) == verification_cost_us(JwsAlgorithm::kEs256));
  CHECK(three->verification_cost_us(*nameless) == 3 * verification_cost_us(JwsAlgorithm::kEs256));
  CHECK(KeySet().verification_cost_us(*named) == 0);
  const auto rsa = read_compact_jws(kRfc7515A2);
  const auto cost = [&rsa](std::size_t bits) {
    return KeySet::read(jwks({rsa_jwk(modulus_of(bits))}))->verification_cost_us(*rsa);
  };
  CHECK(cost(4096) == verification_cost_us(JwsAlgorithm::kRs256));
  CHECK(cost(2048) == verification_cost_us(JwsAlgorithm::kRs256) / 4);
  CHECK(cost(8192) == verification_cost_us(JwsAlgorithm::kRs256) * 4);
}

}  // namespace introspectd::codec
