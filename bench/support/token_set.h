// TokenSet: the benches' tokens, made from an index: 43 characters of base64url, as 32 random bytes would give.
// The index can be found again from a token, so that the mock authorization server needs no table of them.
// Threads: a value, immutable.  Owns: nothing.  Errors: a token that was not made here has no index.
// Cost: about 40 ns a token, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace introspectd::bench {

constexpr std::size_t kTokenBytes = 43;

// Indexes from here on are made-up tokens: well-formed, and unknown to the mock authorization server.
constexpr std::uint64_t kFirstMadeUpIndex = 1ULL << 40U;

class TokenSet {
 public:
  explicit TokenSet(std::uint64_t seed);

  // Writes exactly kTokenBytes at `out`.
  void write(std::uint64_t index, char* out) const;
  std::optional<std::uint64_t> index_of(std::string_view token) const;

 private:
  using Words = std::array<std::uint64_t, 4>;
  Words words(std::uint64_t index) const;

  std::uint64_t mask_;
};

}  // namespace introspectd::bench
