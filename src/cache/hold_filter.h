// HoldFilter: holds of purges by claim that found no room among the exact ones: a Bloom filter of their tags alone, in
// generations by time. It holds more than was said, never less: a determination whose tag may be among them is asked
// again and not stored; for nothing 1 in 700 when half of it is full, 1 in 10 at the very end.
// Threads: the single writer.  Owns: nothing; the memory belongs to the cache.
// Errors: `enter` says no when all generations are still needed: then a floor has to rise.
// Cost: enter 8 bits, and once a generation its clearing, ≤ 512 KiB; match 8 bits a tag and generation in use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "cache/judgement.h"
#include "cache/record.h"

namespace introspectd::cache {

class HoldFilter {
 public:
  static constexpr std::size_t kGenerations = 8;
  static constexpr std::size_t kBitsATag = 12;   // with 8 probes: at most 1 in 300 a tag and generation
  static constexpr std::size_t kBytesMost = kGenerations * (512U << 10U);
  // Memory for less than one tag a generation: it never takes any.
  explicit HoldFilter(std::span<std::byte> memory);

  struct Hold {
    std::uint64_t tag = 0;
    Seq seq = 0;
    Tick hold_until = 0;
    Tick keep_until = 0;   // hold and flight
  };
  // `swept`: every purge up to here has been carried out on all records; younger ones are never forgotten.
  bool enter(const Hold& hold, Tick now, Seq swept);

  // Nothing in it has to be heeded.
  bool idle(Seq seq, Tick now) const { return keep_until_ <= now && last_ <= seq; }
  // May a hold of this tag be among those that a determination of `seq`, whose call started at `start`, has to heed?
  MatchingPurge match(std::uint64_t tag, Seq seq, Tick start, Tick now) const;
  std::size_t capacity() const { return tags_most_ * kGenerations; }

 private:
  struct Generation {
    std::span<std::uint64_t> words;
    std::size_t tags = 0;
    Seq first = 0;
    Seq last = 0;
    Tick begun = 0;
    Tick hold_until = 0;
    Tick keep_until = 0;
  };
  static bool is_over(const Generation& generation, Tick now, Seq swept);
  template <typename F>
  static bool each_bit(std::span<std::uint64_t> words, std::uint64_t tag, F&& visit);
  static bool has(const Generation& generation, std::uint64_t tag);
  bool make_current(const Hold& hold, Tick now, Seq swept);

  std::array<Generation, kGenerations> generations_;
  std::size_t tags_most_ = 0;   // of one generation
  std::size_t current_ = 0;
  Seq last_ = 0;                // of all generations, as the next
  Tick keep_until_ = 0;
};

}  // namespace introspectd::cache
