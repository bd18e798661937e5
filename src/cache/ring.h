// Ring: a log of variable-sized blocks in one span of memory; appended at the head, given back at the tail. Blocks are
// never split by the end of the span. There is no free list and so no fragmentation: memory is flat by construction.
// Threads: one owner (a shard, under its lock).  Owns: nothing; the span belongs to the cache.
// Errors: `append` is a fault when `fits` said no.  Cost: O(1).  Units: bytes, all multiples of 8.
#pragma once

#include <cstddef>
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
    if (wrapped_ && tail_ == wrap_end_) {
      tail_ = 0;
      wrapped_ = false;
    }
    if (used_ == 0) {
      head_ = tail_ = 0;
      wrapped_ = false;
    }
  }

 private:
  std::span<std::byte> memory_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::size_t wrap_end_ = 0;   // where the upper part ends, while wrapped
  std::size_t used_ = 0;
  bool wrapped_ = false;       // the head has passed the end of the span, the tail has not
};

}  // namespace introspectd::cache
