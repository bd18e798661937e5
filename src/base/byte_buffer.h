// ByteBuffer: bytes of a connection on their way in or out; written at the end, consumed from the front.
// What is consumed may hold a token, so it is overwritten before the space is used again (I44).
// Threads: one owner.  Owns: one heap block, grown only on demand.  Errors: none; the caller holds the limits.
// Cost: reserve/commit O(1) while the block suffices; consume O(bytes consumed); no allocation in steady state.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "base/assert.h"
#include "base/secret.h"

namespace introspectd {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(ByteBuffer&&) = delete;
  ByteBuffer& operator=(ByteBuffer&&) = delete;
  ~ByteBuffer() { release(); }

  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::size_t capacity() const { return capacity_; }
  std::string_view view() const { return {block_.get() + begin_, size()}; }

  // Room for at least `room` bytes behind the content. Valid until the next call that is not const.
  std::span<char> reserve(std::size_t room) {
    if (capacity_ - end_ < room) make_room(room);
    return {block_.get() + end_, capacity_ - end_};
  }
  // The first `bytes` of the reserved room are content now.
  void commit(std::size_t bytes) {
    CHECK_INVARIANT(bytes <= capacity_ - end_);
    end_ += bytes;
  }
  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(reserve(bytes.size()).data(), bytes.data(), bytes.size());
    commit(bytes.size());
  }
  // Drops `bytes` from the front and overwrites them.
  void consume(std::size_t bytes) {
    CHECK_INVARIANT(bytes <= size());
    if (bytes != 0) zeroize(block_.get() + begin_, bytes);
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  // Gives the block back (an idle connection keeps no memory).
  void release() noexcept {
    if (block_) zeroize(block_.get(), end_);
    block_.reset();
    capacity_ = begin_ = end_ = 0;
  }

 private:
  void make_room(std::size_t room) {
    const std::size_t content = size();
    if (capacity_ - content >= room) {  // slide the content to the front
      std::memmove(block_.get(), block_.get() + begin_, content);
      zeroize(block_.get() + content, end_ - content);
    } else {
      std::size_t grown = capacity_ == 0 ? 4096 : capacity_ * 2;
      while (grown - content < room) grown *= 2;
      auto block = std::make_unique_for_overwrite<char[]>(grown);
      if (content != 0) std::memcpy(block.get(), block_.get() + begin_, content);
      if (block_) zeroize(block_.get(), end_);
      block_ = std::move(block);
      capacity_ = grown;
    }
    begin_ = 0;
    end_ = content;
  }

  std::unique_ptr<char[]> block_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace introspectd
