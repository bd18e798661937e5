#include "codec/jose_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "base/mutant.h"
#include "codec/base64.h"

namespace introspectd::codec {
namespace {

using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)>;
using Params = std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;

constexpr int kRsaExponentBitsMost = 64;

struct Curve {
  std::string_view name;  // `crv`
  KeyKind kind;
  const char* group;      // OpenSSL's name
  std::size_t bytes;      // of a coordinate
};
constexpr std::array<Curve, 3> kCurves{{
    {"P-256", KeyKind::kP256, "P-256", 32},
    {"P-384", KeyKind::kP384, "P-384", 48},
    {"P-521", KeyKind::kP521, "P-521", 66},
}};
constexpr std::size_t kEd25519Bytes = 32;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

EvpKey no_key() { return {nullptr, &EVP_PKEY_free}; }

// The value of a member that is a string; "" where it is absent, nullopt where it is something else.
std::optional<std::string_view> text_of(const JsonValue& jwk, std::string_view name) {
  const JsonValue* const member = jwk.find(name);
  return member == nullptr ? std::string_view() : member->string();
}

std::optional<std::string> bytes_member(const JsonValue& jwk, std::string_view name) {
  const auto text = text_of(jwk, name);
  if (!text || text->empty()) return std::nullopt;
  return decode_base64url(*text);
}

// A private or symmetric key in a published set is no longer a secret: whoever read it can sign.
bool has_secret_member(const JsonValue& jwk) {
  if (MUTANT(private_key_taken)) return false;
  constexpr std::array<std::string_view, 8> kSecrets{"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
  return std::ranges::any_of(kSecrets, [&jwk](std::string_view name) { return jwk.find(name) != nullptr; });
}

// RFC 7517 §4.2 and §4.3: where they are said, they must say that it verifies.
bool is_for_verifying(const JsonValue& jwk) {
  const auto use = text_of(jwk, "use");
  if (!use || (!use->empty() && *use != "sig")) return false;
  const JsonValue* const operations = jwk.find("key_ops");
  if (operations == nullptr) return true;
  return std::ranges::any_of(operations->items(), [](const JsonValue& item) { return item.string() == "verify"; });
}

EvpKey key_of(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder), &OSSL_PARAM_free);
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr), &EVP_PKEY_CTX_free);
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1) return no_key();
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) return no_key();
  return {key, &EVP_PKEY_free};
}

// Bounds what one verification may cost, and refuses what cannot be an RSA key: an even modulus or exponent, e = 1.
bool is_sound_rsa(const BIGNUM* modulus, const BIGNUM* exponent) {
  const int bits = BN_num_bits(modulus);
  if ((bits < PublicKey::kRsaBitsLeast && !MUTANT(short_rsa_taken)) || bits > PublicKey::kRsaBitsMost) return false;
  if (BN_num_bits(exponent) < 2 || BN_num_bits(exponent) > kRsaExponentBitsMost) return false;
  return BN_is_odd(modulus) == 1 && BN_is_odd(exponent) == 1;
}

EvpKey read_rsa(const JsonValue& jwk) {
  const auto n = bytes_member(jwk, "n");
  const auto e = bytes_member(jwk, "e");
  if (!n || !e) return no_key();
  const Number modulus(BN_bin2bn(bytes_of(*n), static_cast<int>(n->size()), nullptr), &BN_free);
  const Number exponent(BN_bin2bn(bytes_of(*e), static_cast<int>(e->size()), nullptr), &BN_free);
  if (!modulus || !exponent || !is_sound_rsa(modulus.get(), exponent.get())) return no_key();
  const ParamBuilder builder(OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return no_key();
  }
  return key_of("RSA", builder.get());
}

// OpenSSL refuses a point that is not on its curve.
EvpKey read_ec(const JsonValue& jwk, const Curve& curve) {
  const auto x = bytes_member(jwk, "x");
  const auto y = bytes_member(jwk, "y");
  if (!x || !y || x->size() != curve.bytes || y->size() != curve.bytes) return no_key();
  const std::string point = '\x04' + *x + *y;  // uncompressed (SEC 1 §2.3.3)
  const ParamBuilder builder(OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return no_key();
  }
  return key_of("EC", builder.get());
}

EvpKey read_ed25519(const JsonValue& jwk) {
  const auto x = bytes_member(jwk, "x");
  if (!x || x->size() != kEd25519Bytes) return no_key();
  return {EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*x), x->size()), &EVP_PKEY_free};
}

struct KindAndKey {
  KeyKind kind = KeyKind::kRsa;
  EvpKey key{nullptr, &EVP_PKEY_free};
};

KindAndKey read_key(const JsonValue& jwk) {
  const std::string_view type = text_of(jwk, "kty").value_or("");
  if (type == "RSA") return {KeyKind::kRsa, read_rsa(jwk)};
  const std::string_view curve_name = text_of(jwk, "crv").value_or("");
  if (type == "OKP" && curve_name == "Ed25519") return {KeyKind::kEd25519, read_ed25519(jwk)};
  const auto curve = std::ranges::find(kCurves, curve_name, &Curve::name);
  if (type == "EC" && curve != kCurves.end()) return {curve->kind, read_ec(jwk, *curve)};
  return {};
}

// The key's public half as DER: the same for the same key.
std::string encoded(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  std::string bytes;
  if (size > 0) bytes.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

// OpenSSL's errors are a queue of the thread, and TLS on the same thread looks into it: what a refused key leaves there
// would pass for a broken connection.
class ErrorsForgotten {
 public:
  ErrorsForgotten() = default;
  ErrorsForgotten(const ErrorsForgotten&) = delete;
  ErrorsForgotten& operator=(const ErrorsForgotten&) = delete;
  ~ErrorsForgotten() { ERR_clear_error(); }
};

}  // namespace

std::unique_ptr<const PublicKey> PublicKey::read(const JsonValue& jwk) {
  const ErrorsForgotten errors_forgotten;
  const auto kid = text_of(jwk, "kid");
  const auto algorithm_name = text_of(jwk, "alg");
  if (!kid || !algorithm_name || has_secret_member(jwk) || !is_for_verifying(jwk)) return nullptr;
  KindAndKey read = read_key(jwk);
  if (!read.key) return nullptr;
  std::unique_ptr<PublicKey> key(new PublicKey(read.kind, std::move(read.key)));
  if (!algorithm_name->empty()) {
    key->algorithm_ = find_algorithm(*algorithm_name);
    if (!key->algorithm_ || traits_of(*key->algorithm_).key != key->kind_) return nullptr;
  }
  key->kid_ = *kid;
  const std::string_view algorithm = key->algorithm_ ? traits_of(*key->algorithm_).name : "";
  key->identity_ = encoded(key->key_.get()) + '.' + std::string(algorithm) + '.' + key->kid_;
  return key;
}

bool PublicKey::fits(JwsAlgorithm algorithm) const {
  if (traits_of(algorithm).key != kind_) return false;
  return !algorithm_ || *algorithm_ == algorithm || MUTANT(alg_not_bound_to_the_key);
}

unsigned PublicKey::verification_cost_us(JwsAlgorithm algorithm) const {
  const unsigned cost = traits_of(algorithm).cost_us;
  if (kind_ != KeyKind::kRsa) return cost;
  const auto bits = static_cast<unsigned>(EVP_PKEY_get_bits(key_.get()));  // quadratic in the modulus
  return std::max(cost * bits / 4096 * bits / 4096, 1U);
}

}  // namespace introspectd::codec
