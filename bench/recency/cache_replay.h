// CacheReplay: asks the real cache::TokenCache as the daemon does: a lookup, and on a miss a flight and its commit. All
// bodies are of one size, so that memory is a number of entries.
// Threads: one.  Owns: the cache and its memory.  Errors: an outcome that the daemon would not have is a fault.
// Cost: a hit about 0.3 µs, most of it the token's hash; a miss about 1 µs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/time.h"
#include "cache/token_cache.h"
#include "recency/policies.h"
#include "recency/trace.h"

namespace introspectd::bench {

class CacheReplay {
 public:
  explicit CacheReplay(std::size_t memory_bytes);

  bool ask(std::uint32_t token);
  void ask_made_up();
  std::size_t entries() { return static_cast<std::size_t>(cache_->counts().entries); }

 private:
  struct Unmap {
    std::size_t bytes = 0;
    void operator()(std::byte* block) const;
  };
  using Mapping = std::unique_ptr<std::byte, Unmap>;
  static Mapping map_memory(std::size_t bytes);

  cache::LookupOutcome look(const cache::Question& question);
  cache::Question question_of(std::uint64_t index) const;
  void pass_time();

  Mapping memory_;
  Now now_{MonoTime::from_ns(5'000'000'000'000), WallTime::from_seconds(1'800'000'000)};
  cache::ViewTable views_;
  std::unique_ptr<cache::TokenCache> cache_;
  std::uint64_t made_up_ = 0;
  std::array<char, 4096> room_{};
};

// How many entries this much memory really holds.
std::size_t entries_in(std::size_t memory_bytes);
HitCount replay_cache(const Trace& trace, std::size_t memory_bytes);

}  // namespace introspectd::bench
