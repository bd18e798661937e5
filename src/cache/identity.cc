#include "cache/identity.h"

// Deprecated in favour of EVP since 3.0, and kept: see hash_token.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <bit>
#include <cstring>

#include "base/assert.h"
#include "base/mutant.h"

namespace introspectd::cache {
namespace {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) noexcept {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

std::uint64_t load_word(const char* bytes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

}  // namespace

// The low-level functions: their state is a plain struct on our stack. EVP takes and frees a heap block for every token
// (OpenSSL 3.0 makes the algorithm's context anew at each initialisation), and the hit path allocates nothing.
TokenHash hash_token(std::string_view token) {
  TokenHash hash;
  SHA256_CTX state;
  const bool done = SHA256_Init(&state) == 1 && SHA256_Update(&state, token.data(), token.size()) == 1 &&
                    SHA256_Final(hash.bytes.data(), &state) == 1;
  CHECK_INVARIANT(done);
  explicit_bzero(&state, sizeof state);   // it holds the token's last block (I44)
  return hash;
}

std::uint64_t siphash(const BootKey& key, std::string_view bytes) noexcept {
  SipState state{key.k0 ^ 0x736f6d6570736575ULL, key.k1 ^ 0x646f72616e646f6dULL, key.k0 ^ 0x6c7967656e657261ULL,
                 key.k1 ^ 0x7465646279746573ULL};
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) state.absorb(load_word(bytes.data() + at));
  std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56U;
  if (at < bytes.size()) std::memcpy(&last, bytes.data() + at, bytes.size() - at);  // little-endian machines only
  static_assert(std::endian::native == std::endian::little);
  state.absorb(last);
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

std::uint64_t place_of(const BootKey& key, const TokenHash& token) noexcept {
  std::array<char, 32> bytes{};
  std::memcpy(bytes.data(), token.bytes.data(), bytes.size());
  return siphash(key, {bytes.data(), bytes.size()});
}

ViewBytes& ViewBytes::add(std::string_view part) {
  const std::uint64_t size = part.size();
  std::array<char, 8> prefix{};
  std::memcpy(prefix.data(), &size, prefix.size());
  bytes_.append(prefix.data(), prefix.size());
  bytes_.append(part);
  return *this;
}

std::optional<ViewId> ViewTable::intern(const ViewBytes& view, ServerId server) {
  for (std::size_t id = 0; id < views_.size(); ++id) {
    if (views_[id].bytes == view.bytes() && views_[id].server == server) return static_cast<ViewId>(id);
  }
  if (views_.size() == kMost) return std::nullopt;
  views_.push_back({view.bytes(), server});
  return static_cast<ViewId>(views_.size() - 1);
}

namespace {

std::uint64_t never_zero(std::uint64_t tag) { return tag == 0 ? 1 : tag; }

}  // namespace

BootKey claim_key_of(const BootKey& claim_key, std::string_view server_name) {
  if (MUTANT(sub_matched_across_servers)) server_name = {};
  std::string bytes(1, '\0');
  bytes += server_name;
  const std::uint64_t first = siphash(claim_key, bytes);
  bytes[0] = '\1';
  return {first, siphash(claim_key, bytes)};
}

std::uint64_t claim_tag(const BootKey& server_key, ClaimKind kind, std::string_view value) {
  if (value.empty()) return 0;
  std::string bytes;
  bytes.reserve(value.size() + 1);
  bytes += static_cast<char>(kind);
  bytes += value;
  return never_zero(siphash(server_key, bytes));
}

std::uint64_t every_token_tag(const BootKey& server_key) { return never_zero(siphash(server_key, {})); }

}  // namespace introspectd::cache
