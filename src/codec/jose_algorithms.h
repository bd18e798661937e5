// jose_algorithms: the one table of signature algorithms: name, key, digest, padding, price (RFC 7518 §3.1,
// RFC 8037 §3.1, RFC 9864 §2.2).
// Threads: constants.  Owns: nothing.  Errors: none.  Cost: an index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "codec/jose.h"

namespace introspectd::codec {

// A key's type with its curve: an algorithm goes with exactly one (RFC 8725 §3.1).
enum class KeyKind : std::uint8_t { kRsa, kP256, kP384, kP521, kEd25519 };

struct AlgorithmTraits {
  std::string_view name;
  KeyKind key = KeyKind::kRsa;
  const char* digest = nullptr;  // OpenSSL's name; null: the algorithm hashes by itself
  bool is_pss = false;
  unsigned cost_us = 0;          // one verification, RSA with 4096 bits
};
const AlgorithmTraits& traits_of(JwsAlgorithm algorithm) noexcept;

}  // namespace introspectd::codec
