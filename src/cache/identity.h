// Identity: what names a determination. X = SHA-256(token); a view is everything else that an answer depends on
// (AS profile, endpoint, credential, caller view, extra parameters), interned by its exact bytes; the key is (X, view
// id), compared whole (I15, I16). Where an entry is placed is decided by SipHash under a key of this process, so that
// nobody can choose colliding tokens (I41, STD 1.20).
// Threads: values; ViewTable is filled at start, then read by any.  Owns: nothing but the views' bytes.
// Errors: ViewTable::intern refuses a view past kMost.
// Cost: hash of a 43-byte token ≈ 60 ns, SipHash of X ≈ 20 ns; neither allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace introspectd::cache {

struct TokenHash {
  std::array<std::uint8_t, 32> bytes{};
  bool operator==(const TokenHash&) const = default;
};

// SHA-256 of the token (FIPS 180-4).
TokenHash hash_token(std::string_view token);

// Random, drawn at each start; never leaves the process.
struct BootKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};

// SipHash-2-4 (Aumasson, Bernstein) of any bytes.
std::uint64_t siphash(const BootKey& key, std::string_view bytes) noexcept;
std::uint64_t place_of(const BootKey& key, const TokenHash& token) noexcept;

using ViewId = std::uint16_t;
using ServerId = std::uint16_t;   // index of the authorization server in the configuration

// Parts joined injectively: each is prefixed by its length (I16).
class ViewBytes {
 public:
  ViewBytes& add(std::string_view part);
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class ViewTable {
 public:
  static constexpr std::size_t kMost = 4096;
  // The id of exactly these bytes; nullopt when the table is full. A view belongs to one AS for ever.
  std::optional<ViewId> intern(const ViewBytes& view, ServerId server);
  std::size_t size() const { return views_.size(); }
  ServerId server_of(ViewId view) const { return views_[view].server; }

 private:
  struct View {
    std::string bytes;
    ServerId server;
  };
  std::vector<View> views_;
};

// Claims by which a purge may name many tokens. A record carries one keyed tag for each.
enum class ClaimKind : std::uint8_t { kSub, kSid, kClientId, kJti };
inline constexpr std::size_t kClaimKinds = 4;
using ClaimTags = std::array<std::uint64_t, kClaimKinds>;

// The key of one AS's tags. It depends on the claim key and the AS's name alone, not on the boot or on the order of the
// configuration, so that purges which were kept over a restart still match; tags of two ASs have nothing in common.
BootKey claim_key_of(const BootKey& claim_key, std::string_view server_name);
// 64-bit tag of a claim value under an AS's key; 0 exactly when the value is empty (= absent).
std::uint64_t claim_tag(const BootKey& server_key, ClaimKind kind, std::string_view value);
// Stands for every token of the AS; the tag of no claim.
std::uint64_t every_token_tag(const BootKey& server_key);

}  // namespace introspectd::cache
