// jose: JSON Web Signatures and keys, verified by OpenSSL's EVP (RFC 7515, 7517, 7518, 8037, 9864; RFC 8725).
// Signatures only by public keys of a JWKS: RS, PS, ES 256–512 and EdDSA; never `none`, never HS*, never a key that the
// token itself brings (jku, x5u, jwk, x5c are ignored as sources); an unknown `crit` is refused (STD 3.05–3.14).
// Threads: values; a KeySet may be read by any.  Owns: its keys.  Errors: JoseError.
// Cost: verification 30 µs (RS256) to 1 ms (ES384): see `verification_cost_us`. OpenSSL's error queue is left empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace introspectd::codec {

class PublicKey;  // codec/jose_key.h, private to the room

enum class JoseError : std::uint8_t {
  kMalformed,         // not three base64url parts, not JSON, a member twice, of the wrong type
  kAlgorithm,         // none, HS*, or one that is not known or not allowed
  kCritical,          // `crit` names something we do not know, or is empty
  kNoKey,             // no key of the set fits `kid` and `alg`
  kBadSignature,
};
std::string_view describe(JoseError error) noexcept;

enum class JwsAlgorithm : std::uint8_t {
  kRs256, kRs384, kRs512, kPs256, kPs384, kPs512, kEs256, kEs384, kEs512, kEdDsa,
};
std::optional<JwsAlgorithm> find_algorithm(std::string_view name) noexcept;   // "Ed25519" is kEdDsa

// A compact JWS, taken apart and not yet verified. The payload is bytes: whether it is JSON is for who reads it.
struct CompactJws {
  JwsAlgorithm algorithm = JwsAlgorithm::kRs256;
  std::string kid;             // untrusted; "" where absent
  std::string typ;             // as sent; "" where absent
  std::string signing_input;   // header.payload, as sent
  std::string signature;       // decoded
  std::string payload;         // decoded
};
inline constexpr std::size_t kCompactJwsMost = 65536;
tl::expected<CompactJws, JoseError> read_compact_jws(std::string_view text);

class KeySet {
 public:
  static constexpr std::size_t kKeysMost = 64;
  static constexpr std::size_t kBytesMost = 262144;
  KeySet();
  KeySet(KeySet&&) noexcept;
  KeySet& operator=(KeySet&&) noexcept;
  ~KeySet();

  // A JWKS document. Keys that cannot be used (unknown kty, too short, private, for encryption) are skipped, and do not
  // fail the set (RFC 7517 §5); more than kKeysMost usable keys or kBytesMost, or no strict JSON, do (kMalformed). The
  // same key twice is one.
  static tl::expected<KeySet, JoseError> read(std::string_view jwks);

  std::size_t size() const;
  // A key that could verify it is here: its `kid`, or no `kid` in the header and a key of the right type.
  bool has_key_for(const CompactJws& jws) const;
  // kAlgorithm where it is not allowed, kNoKey, kBadSignature or nothing wrong. `allowed` empty: all asymmetric
  // algorithms. Where several keys fit, any of them will do.
  tl::expected<void, JoseError> verify(const CompactJws& jws, const std::vector<JwsAlgorithm>& allowed) const;
  // Equal exactly when the same usable keys stand in both, in any order.
  bool same_keys(const KeySet& other) const;
  // Upper estimate of `verify` with these keys: every key that fits may have to be tried.
  unsigned verification_cost_us(const CompactJws& jws) const;

 private:
  std::vector<std::unique_ptr<const PublicKey>> keys_;
};

// An upper estimate, so that a loop can bound what it verifies in one turn; for one key, RSA up to 4096 bits.
unsigned verification_cost_us(JwsAlgorithm algorithm) noexcept;

// HMAC-SHA-256 (RFC 2104), 32 bytes. Compare with equal_in_constant_time.
std::string hmac_sha256(std::string_view key, std::string_view bytes);
// SHA-256, 32 bytes.
std::string sha256(std::string_view bytes);

}  // namespace introspectd::codec
