#include <algorithm>
#include <utility>

#include "base/mutant.h"
#include "codec/jose.h"
#include "codec/jose_key.h"
#include "codec/json_value.h"

namespace introspectd::codec {
namespace {

constexpr std::size_t kDepthMost = 16;

// A key is taken by its exact `kid`; without one, by its kind. `kid` is the token's word: it only selects among keys
// that are trusted anyway.
bool is_candidate(const PublicKey& key, const CompactJws& jws) {
  return key.fits(jws.algorithm) && (jws.kid.empty() || key.kid() == jws.kid);
}

}  // namespace

KeySet::KeySet() = default;
KeySet::KeySet(KeySet&&) noexcept = default;
KeySet& KeySet::operator=(KeySet&&) noexcept = default;
KeySet::~KeySet() = default;

tl::expected<KeySet, JoseError> KeySet::read(std::string_view jwks) {
  const auto document = JsonValue::read(jwks, {.bytes = kBytesMost, .depth = kDepthMost});
  if (!document) return tl::unexpected(JoseError::kMalformed);
  const JsonValue* const keys = document->find("keys");
  if (keys == nullptr || keys->kind() != JsonValue::Kind::kArray) return tl::unexpected(JoseError::kMalformed);
  KeySet set;
  for (const JsonValue& jwk : keys->items()) {
    if (jwk.kind() != JsonValue::Kind::kObject) return tl::unexpected(JoseError::kMalformed);
    auto key = PublicKey::read(jwk);
    if (!key) continue;
    const auto same = [&key](const auto& other) { return other->identity() == key->identity(); };
    if (std::ranges::any_of(set.keys_, same)) continue;
    if (set.keys_.size() == kKeysMost) return tl::unexpected(JoseError::kMalformed);
    set.keys_.push_back(std::move(key));
  }
  return set;
}

std::size_t KeySet::size() const { return keys_.size(); }

bool KeySet::has_key_for(const CompactJws& jws) const {
  return std::ranges::any_of(keys_, [&jws](const auto& key) { return is_candidate(*key, jws); });
}

tl::expected<void, JoseError> KeySet::verify(const CompactJws& jws, const std::vector<JwsAlgorithm>& allowed) const {
  const bool is_allowed = allowed.empty() || std::ranges::find(allowed, jws.algorithm) != allowed.end();
  if (!is_allowed) return tl::unexpected(JoseError::kAlgorithm);
  JoseError error = JoseError::kNoKey;
  for (const auto& key : keys_) {
    if (!is_candidate(*key, jws)) continue;
    if (key->verifies(jws.algorithm, jws.signing_input, jws.signature) || MUTANT(signature_not_checked)) return {};
    error = JoseError::kBadSignature;
  }
  return tl::unexpected(error);
}

bool KeySet::same_keys(const KeySet& other) const {
  if (keys_.size() != other.keys_.size()) return false;
  return std::ranges::all_of(keys_, [&other](const auto& key) {
    return std::ranges::any_of(other.keys_, [&key](const auto& its) { return its->identity() == key->identity(); });
  });
}

unsigned KeySet::verification_cost_us(const CompactJws& jws) const {
  unsigned cost = 0;
  for (const auto& key : keys_) {
    if (is_candidate(*key, jws)) cost += key->verification_cost_us(jws.algorithm);
  }
  return cost;
}

}  // namespace introspectd::codec
