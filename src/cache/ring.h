// Ring: a log of variable-sized blocks in one span of memory; appended at the head, given back at the tail. Blocks are
// never split by the end of the span. There is no free list and so no fragmentation: memory is flat by construction.
// A block's position counts the bytes of all blocks ever appended before it: a walk by positions survives pops.
// Threads: one owner (a shard, under its lock).  Owns: nothing; the span belongs to the cache.
// Errors: `append` is a fault when `fits` said no.  Cost: O(1).  Units: bytes, all multiples of 8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/assert.h"

namespace introspectd::cache {

class Ring {
 public:
  explicit Ring(std::span<std::byte> memory) : memory_(memory) {}

  std::size_t capacity() const { return memory_.size(); }
  std::size_t used() const { return used_; }
  bool empty() const { return used_ == 0; }
  std::byte* at(std::size_t offset) { return memory_.data() + offset; }
  const std::byte* at(std::size_t offset) const { return memory_.data() + offset; }

  bool fits(std::size_t size) const {
    if (wrapped_) return tail_ - head_ >= size;
    return memory_.size() - head_ >= size || tail_ >= size;
  }
  // The offset of a new block at the head.
  std::size_t append(std::size_t size) {
    CHECK_INVARIANT(fits(size));
    if (!wrapped_ && memory_.size() - head_ < size) {
      wrap_end_ = head_;
      head_ = 0;
      wrapped_ = true;
    }
    const std::size_t offset = head_;
    head_ += size;
    used_ += size;
    return offset;
  }
  // The oldest block; only when not empty.
  std::size_t tail() const { return tail_; }
  // Gives back the oldest block, whose size the caller knows. Its bytes stay readable until the next append.
  void pop(std::size_t size) {
    CHECK_INVARIANT(used_ >= size);
    tail_ += size;
    used_ -= size;
    popped_ += size;
    if (wrapped_ && tail_ == wrap_end_) {
      tail_ = 0;
      wrapped_ = false;
    }
    if (used_ == 0) {
      head_ = tail_ = 0;
      wrapped_ = false;
    }
  }

  // Positions of the oldest block and of the end, where the next one will be.
  std::uint64_t first_position() const { return popped_; }
  std::uint64_t end_position() const { return popped_ + used_; }
  // The offset of the block that begins at this position; only from first_position to before end_position.
  std::size_t offset_at(std::uint64_t position) const {
    CHECK_INVARIANT(position >= first_position() && position < end_position());
    const std::size_t offset = tail_ + static_cast<std::size_t>(position - popped_);
    return wrapped_ && offset >= wrap_end_ ? offset - wrap_end_ : offset;
  }

 private:
  std::span<std::byte> memory_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::size_t wrap_end_ = 0;   // where the upper part ends, while wrapped
  std::size_t used_ = 0;
  std::uint64_t popped_ = 0;   // bytes given back, ever
  bool wrapped_ = false;       // the head has passed the end of the span, the tail has not
};

}  // namespace introspectd::cache
