#include "cache/ring.h"

#include <doctest/doctest.h>

#include <array>
#include <deque>
#include <set>

#include "base/random.h"

namespace introspectd::cache {

TEST_CASE("ring: takes exactly its capacity and not a byte more") {
  std::array<std::byte, 64> memory{};
  Ring ring(memory);
  CHECK(ring.fits(64));
  CHECK_FALSE(ring.fits(72));
  CHECK(ring.append(64) == 0);
  CHECK_FALSE(ring.fits(8));
  ring.pop(64);
  CHECK(ring.empty());
  CHECK(ring.fits(64));
}

TEST_CASE("ring: a block is never split by the end of the span") {
  std::array<std::byte, 64> memory{};
  Ring ring(memory);
  ring.append(24);
  ring.append(24);
  CHECK_FALSE(ring.fits(24));   // 16 at the end, nothing at the front
  ring.pop(24);
  CHECK(ring.fits(24));
  CHECK(ring.append(24) == 0);
  CHECK_FALSE(ring.fits(8));
  CHECK(ring.tail() == 24);
}

TEST_CASE("ring: the block given back at the tail always fits at the head again") {
  Random random(7);
  std::array<std::byte, 1024> memory{};
  Ring ring(memory);
  std::deque<std::size_t> sizes;
  for (int i = 0; i < 100'000; ++i) {
    const std::size_t size = 8 * (1 + random.below(16));
    while (!ring.fits(size)) {
      if (random.chance(1, 3)) {
        const std::size_t oldest = sizes.front();
        ring.pop(oldest);
        sizes.pop_front();
        REQUIRE(ring.fits(oldest));
        ring.append(oldest);
        sizes.push_back(oldest);
      }
      ring.pop(sizes.front());
      sizes.pop_front();
    }
    ring.append(size);
    sizes.push_back(size);
  }
}

TEST_CASE("ring: blocks in use never overlap (against a model)") {
  Random random(11);
  std::array<std::byte, 512> memory{};
  Ring ring(memory);
  struct Block {
    std::size_t offset, size;
  };
  std::deque<Block> model;
  for (int i = 0; i < 50'000; ++i) {
    const std::size_t size = 8 * (1 + random.below(12));
    if (ring.fits(size)) {
      const std::size_t offset = ring.append(size);
      REQUIRE(offset + size <= memory.size());
      for (const Block& other : model) REQUIRE((offset + size <= other.offset || other.offset + other.size <= offset));
      model.push_back({offset, size});
    } else {
      REQUIRE(ring.tail() == model.front().offset);
      ring.pop(model.front().size);
      model.pop_front();
    }
  }
}

TEST_CASE("ring: a walk by positions sees every block in order, also across the wrap and after pops (against a model)") {
  Random random(12);
  std::array<std::byte, 512> memory{};
  Ring ring(memory);
  struct Block {
    std::uint64_t position;
    std::size_t offset, size;
  };
  std::deque<Block> model;
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t size = 8 * (1 + random.below(12));
    if (ring.fits(size)) {
      const std::uint64_t position = ring.end_position();
      model.push_back({position, ring.append(size), size});
    } else {
      ring.pop(model.front().size);
      model.pop_front();
    }
    REQUIRE(ring.first_position() == (model.empty() ? ring.end_position() : model.front().position));
    for (const Block& block : model) REQUIRE(ring.offset_at(block.position) == block.offset);
  }
}

}  // namespace introspectd::cache
