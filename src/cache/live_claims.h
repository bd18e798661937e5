// LiveClaims: purges by claim that the sweep has not carried out yet: tag → newest seq. A hit whose record is older than
// a live purge of one of its tags is a miss. Two generations: purges enter the current one; a lap of the sweep begins by
// making the other one current, and at its end hides the old one, as every record has then been checked; its slots are
// cleared in slices before the next lap.
// Threads: one writer; any thread reads, under a shard's lock, so that after the cache's barrier every reader sees what
// was entered.  Owns: nothing; the memory belongs to the cache.
// Errors: `enter` says no when a generation is full.
// Cost: one load where nothing is live; else one probe per claim kind that is; forget O(slots asked for).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "cache/identity.h"
#include "cache/judgement.h"

namespace introspectd::cache {

class LiveClaims {
 public:
  static constexpr std::size_t kSlotsMost = 1U << 19U;   // a generation, of which half are taken
  static constexpr std::size_t kSlotBytes = 20;          // and its place in the list of what is used
  explicit LiveClaims(std::span<std::byte> memory);
  LiveClaims(LiveClaims&&) = delete;
  LiveClaims& operator=(LiveClaims&&) = delete;

  bool empty() const { return kinds_.load(std::memory_order_acquire) == 0; }
  // The newest live purge of any of these tags; 0: none.
  Seq newest(const ClaimTags& tags) const;

  // The single writer. False: the generation is full.
  bool enter(ClaimKind kind, std::uint64_t tag, Seq seq);
  // Only where the generation that was hidden last has been forgotten.
  void begin_lap();
  // What was live when the lap began is so no more.
  void end_lap();
  // Clears as many slots of it at most; true: all are.
  bool forget(std::size_t most);
  std::size_t to_forget() const { return hidden_ ? generations_[current_ ^ 1U].used : 0; }
  std::size_t size() const { return generations_[current_].used + (hidden_ ? 0 : generations_[current_ ^ 1U].used); }
  std::size_t entered() const { return generations_[current_].used; }   // since the lap began
  std::size_t capacity() const { return slots_ / 2; }                   // of one generation

 private:
  // Read by others, and written, only through std::atomic_ref: the memory is the cache's, zero and untouched until used.
  struct Slot {
    std::uint64_t tag;   // 0: empty
    Seq seq;
  };
  struct Generation {
    std::span<Slot> slots;
    std::span<std::uint32_t> taken;   // which slots, so that forgetting costs as much as was entered
    std::size_t used = 0;
  };
  static Seq find(const Generation& generation, std::uint64_t tag);
  void hide(std::size_t generation);
  bool clear(std::size_t generation, std::size_t most);

  std::array<Generation, 2> generations_;
  std::size_t slots_ = 0;
  std::size_t current_ = 0;
  bool hidden_ = false;          // the other one: its lap has ended
  std::atomic<std::uint32_t> kinds_{0};   // bits of ClaimKind: the first generation's from bit 0, the second's from 8
};

}  // namespace introspectd::cache
