// ShardIndex: (X, view) → where its record begins: robin hood hashing with linear probes over 8-byte buckets, each a
// 32-bit offset and 32 bits of the hash. Those bits tell the home bucket, so distances are computed, not stored, and a
// bucket that is not meant costs no look into the ring. All zero is empty: what was never used is not resident.
// Threads: one owner (a shard, under its lock); prefetch_bucket any.  Owns: nothing; its buckets lie in the memory given,
// all zero at first, whose size fixes their count for good.
// Errors: to insert when full, or a key that is there, is a fault of the caller.
// Cost: a probe or two, one look into the ring where the key is there; no allocation.  Private to the room.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <utility>

#include "base/assert.h"
#include "cache/record.h"
#include "cache/ring.h"
#include "cache/slot_memory.h"

namespace introspectd::cache {

class ShardIndex {
 private:
  struct Bucket {
    std::uint32_t unit = 0;   // 0: empty
    std::uint32_t hash = 0;
  };

 public:
  static constexpr std::size_t kBucketBytes = sizeof(Bucket);
  // So many tenths of the buckets may be taken: then the mean probe of a key that is there is 5 buckets long, within one
  // or two cache lines.
  static constexpr std::size_t kTenthsMost = 9;

  ShardIndex(std::span<std::byte> memory, Ring& ring)
      : buckets_(make_slots<Bucket>(memory, 1)), ring_(&ring), most_(buckets_.size() * kTenthsMost / 10) {
    CHECK_INVARIANT(ring.capacity() / kUnit < std::numeric_limits<std::uint32_t>::max());
    CHECK_INVARIANT(buckets_.size() <= std::numeric_limits<std::uint32_t>::max());
  }

  RecordHeader* find(std::uint64_t place, const TokenHash& token, ViewId view) const {
    const std::size_t at = locate(place, token, view);
    return at == kNowhere ? nullptr : record_at(buckets_[at].unit);
  }
  // Two steps towards a later `find`: its home bucket, then, once that has come, the record it leads to. They read or
  // compute addresses only, and a wrong one costs nothing but time.
  void prefetch_bucket(std::uint64_t place, ViewId view) const {
    __builtin_prefetch(&buckets_[home_of(hash_of(place, view))]);
  }
  void prefetch_record(std::uint64_t place, ViewId view) const {
    const std::size_t at = locate(hash_of(place, view), [](const Bucket&) { return true; });
    if (at == kNowhere) return;
    constexpr std::size_t kBytes = 640;   // header, tags and a body of 500 bytes
    const auto* const record = reinterpret_cast<const std::byte*>(record_at(buckets_[at].unit));
    for (std::size_t byte = 0; byte < kBytes; byte += 64) __builtin_prefetch(record + byte);
  }

  // The key's record stands, or will stand, at `offset`.
  void insert(std::uint64_t place, ViewId view, std::size_t offset) {
    CHECK_INVARIANT(!full());
    Bucket carried{to_unit(offset), hash_of(place, view)};
    std::size_t at = home_of(carried.hash);
    std::size_t distance = 0;
    // Who is further from home stays, who is nearer moves on.
    for (; buckets_[at].unit != 0; at = next(at), ++distance) {
      const std::size_t other = distance_at(at);
      if (other >= distance) continue;
      std::swap(carried, buckets_[at]);
      distance = other;
    }
    buckets_[at] = carried;
    ++size_;
  }
  void erase(std::uint64_t place, const TokenHash& token, ViewId view) {
    std::size_t at = locate(place, token, view);
    CHECK_INVARIANT(at != kNowhere);
    // Those behind it come one bucket nearer to their homes, so that no gap ends a search too early.
    for (std::size_t behind = next(at); buckets_[behind].unit != 0 && distance_at(behind) != 0; behind = next(behind)) {
      buckets_[at] = buckets_[behind];
      at = behind;
    }
    buckets_[at] = {};
    --size_;
  }
  // Where the offset of this key stands, so that a record can be moved: find it before its bytes change.
  std::uint32_t& unit_of(std::uint64_t place, const TokenHash& token, ViewId view) {
    const std::size_t at = locate(place, token, view);
    CHECK_INVARIANT(at != kNowhere);
    return buckets_[at].unit;
  }
  static std::uint32_t to_unit(std::size_t offset) { return static_cast<std::uint32_t>(offset / kUnit) + 1; }

  bool full() const { return size_ >= most_; }
  std::size_t size() const { return size_; }
  std::size_t buckets() const { return buckets_.size(); }
  // How far the worst record lies from its home bucket (I41). O(buckets): for tests.
  std::size_t longest_probe() const {
    std::size_t longest = 0;
    for (std::size_t at = 0; at != buckets_.size(); ++at) {
      if (buckets_[at].unit != 0) longest = std::max(longest, distance_at(at));
    }
    return longest;
  }

 private:
  static constexpr std::size_t kUnit = 8;   // bytes; counted from 1: 32 bits reach 32 GiB of ring
  static constexpr std::size_t kNowhere = ~std::size_t{0};

  // The low bits chose the shard.
  static std::uint32_t hash_of(std::uint64_t place, ViewId view) {
    return static_cast<std::uint32_t>(place_in_view(place, view) >> 32U);
  }
  std::size_t home_of(std::uint32_t hash) const { return (std::size_t{hash} * buckets_.size()) >> 32U; }
  std::size_t next(std::size_t at) const { return at + 1 == buckets_.size() ? 0 : at + 1; }
  // Of what lies there from its home; the buckets are a circle.
  std::size_t distance_at(std::size_t at) const {
    const std::size_t home = home_of(buckets_[at].hash);
    return at >= home ? at - home : at + buckets_.size() - home;
  }
  RecordHeader* record_at(std::uint32_t unit) const {
    return std::launder(reinterpret_cast<RecordHeader*>(ring_->at((std::size_t{unit} - 1) * kUnit)));
  }

  std::size_t locate(std::uint64_t place, const TokenHash& token, ViewId view) const {
    return locate(hash_of(place, view), [&](const Bucket& bucket) {
      const RecordHeader* const record = record_at(bucket.unit);
      return record->view == view && record->token == token;
    });
  }
  // The first bucket of this hash that is meant. A bucket that is empty always comes, as the index is never quite full.
  template <typename Meant>
  std::size_t locate(std::uint32_t hash, const Meant& meant) const {
    std::size_t at = home_of(hash);
    for (std::size_t distance = 0;; ++distance, at = next(at)) {
      const Bucket& bucket = buckets_[at];
      if (bucket.unit == 0) return kNowhere;
      if (bucket.hash == hash && meant(bucket)) return at;
      if (distance_at(at) < distance) return kNowhere;   // ours would have taken its place
    }
  }

  std::span<Bucket> buckets_;
  Ring* ring_;
  std::size_t most_;
  std::size_t size_ = 0;
};

}  // namespace introspectd::cache
