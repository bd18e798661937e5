#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "base/assert.h"
#include "codec/jose.h"

namespace introspectd::codec {
namespace {

using Digest = std::array<unsigned char, 32>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
std::string string_of(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

}  // namespace

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  Digest digest{};
  unsigned size = 0;
  CHECK_INVARIANT(HMAC(EVP_sha256(), key.data() == nullptr ? "" : key.data(), static_cast<int>(key.size()),
                       bytes_of(bytes), bytes.size(), digest.data(), &size) != nullptr);
  CHECK_INVARIANT(size == digest.size());
  return string_of(digest);
}

std::string sha256(std::string_view bytes) {
  Digest digest{};
  unsigned size = 0;
  CHECK_INVARIANT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  CHECK_INVARIANT(size == digest.size());
  return string_of(digest);
}

}  // namespace introspectd::codec
