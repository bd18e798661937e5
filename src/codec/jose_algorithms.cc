#include "codec/jose_algorithms.h"

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace introspectd::codec {
namespace {

// In the order of JwsAlgorithm. The prices are about twice what OpenSSL 3.0 takes on a 2.5 GHz server core.
constexpr std::array<AlgorithmTraits, 10> kTraits{{
    {"RS256", KeyKind::kRsa, "SHA256", false, 200},
    {"RS384", KeyKind::kRsa, "SHA384", false, 200},
    {"RS512", KeyKind::kRsa, "SHA512", false, 200},
    {"PS256", KeyKind::kRsa, "SHA256", true, 200},
    {"PS384", KeyKind::kRsa, "SHA384", true, 200},
    {"PS512", KeyKind::kRsa, "SHA512", true, 200},
    {"ES256", KeyKind::kP256, "SHA256", false, 200},
    {"ES384", KeyKind::kP384, "SHA384", false, 2000},
    {"ES512", KeyKind::kP521, "SHA512", false, 1000},
    {"EdDSA", KeyKind::kEd25519, nullptr, false, 300},
}};

}  // namespace

const AlgorithmTraits& traits_of(JwsAlgorithm algorithm) noexcept {
  const auto index = static_cast<std::size_t>(algorithm);
  CHECK_INVARIANT(index < kTraits.size());
  return kTraits[index];
}

std::optional<JwsAlgorithm> find_algorithm(std::string_view name) noexcept {
  if (name == "Ed25519") return JwsAlgorithm::kEdDsa;  // RFC 9864: the name that says the curve
  const auto found = std::ranges::find(kTraits, name, &AlgorithmTraits::name);
  if (found == kTraits.end()) return std::nullopt;
  return static_cast<JwsAlgorithm>(found - kTraits.begin());
}

unsigned verification_cost_us(JwsAlgorithm algorithm) noexcept { return traits_of(algorithm).cost_us; }

}  // namespace introspectd::codec
