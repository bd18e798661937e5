// fuzz_jose: the first byte chooses: a compact JWS against a fixed set of keys, or a JWKS against a fixed JWS. Nothing
// that is made up verifies, and whatever is read stays within its limits.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "codec/jose.h"
#include "tests/unit/codec/jose_vectors.h"

namespace introspectd::codec {
namespace {

void read_jws(std::string_view text) {
  static const KeySet kKeys =
      *KeySet::read(R"({"keys":[)" + std::string(kP256Jwk) + "," + std::string(kEd25519Jwk) + "]}");
  const auto jws = read_compact_jws(text);
  if (!jws) return;
  CHECK_INVARIANT(text.size() <= kCompactJwsMost && text.starts_with(jws->signing_input));
  const bool verified = kKeys.verify(*jws, {}).has_value();
  CHECK_INVARIANT(!verified || kKeys.has_key_for(*jws));
  const auto again = kKeys.verify(*jws, {});
  CHECK_INVARIANT(again.has_value() == verified);
}

void read_keys(std::string_view text) {
  static const CompactJws kJws = *read_compact_jws(kEs256WithoutKid);
  const auto keys = KeySet::read(text);
  if (!keys) return;
  CHECK_INVARIANT(keys->size() <= KeySet::kKeysMost && keys->same_keys(*keys));
  CHECK_INVARIANT(keys->verify(kJws, {}).has_value() <= keys->has_key_for(kJws));
}

}  // namespace
}  // namespace introspectd::codec

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  if (bytes[0] % 2 == 0) introspectd::codec::read_jws(text);
  else introspectd::codec::read_keys(text);
  return 0;
}
