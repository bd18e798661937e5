// ShardIndex: (X, view) → where its record begins, a robin-hood set of 32-bit offsets whose hash and equality look
// into the ring. Sized once: 12 B a bucket, the bucket count never changes.
// Threads: one owner (a shard, under its lock); prefetch_bucket any.  Owns: its buckets, inside the memory given.
// Errors: the caller keeps it below `most`; growth would be a fault (the memory could not hold it).
// Cost: a probe or two; no allocation after construction.  Private to cache/shard.cc and its test.
#pragma once

#include <tsl/robin_set.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>

#include "base/assert.h"
#include "cache/record.h"
#include "cache/ring.h"
#include "cache/slot_memory.h"

namespace introspectd::cache {

// Any bucket count (not only powers of two), placed by the high bits; a table that wants to grow is a fault.
class FixedGrowth {
 public:
  explicit FixedGrowth(std::size_t& buckets) : buckets_(buckets) {}
  std::size_t bucket_for_hash(std::size_t hash) const noexcept { return scale(hash, buckets_); }
  std::size_t next_bucket_count() const {
    constexpr bool kIndexGrows = false;
    CHECK_INVARIANT(kIndexGrows);
    return 0;
  }
  std::size_t max_bucket_count() const { return static_cast<std::size_t>(1) << 40U; }
  void clear() noexcept { buckets_ = 0; }

 private:
  std::size_t buckets_;
};

struct IndexKey {
  const TokenHash& token;
  ViewId view;
};

class ShardIndex {
 public:
  static constexpr std::size_t kBucketBytes = 12;

  ShardIndex(std::span<std::byte> memory, Ring& ring, const BootKey& key)
      : pool_(memory.data(), memory.size(), std::pmr::null_memory_resource()),
        buckets_(memory.data()),
        ring_(&ring),
        set_(memory.size() / kBucketBytes - 1, Hash{&ring, key}, Equal{&ring}, Allocator(&pool_)) {
    set_.max_load_factor(0.95F);
    bucket_count_ = set_.bucket_count();
    most_ = bucket_count_ * 17 / 20;
  }

  RecordHeader* find(std::uint64_t place, const TokenHash& token, ViewId view) {
    const auto found = set_.find(IndexKey{token, view}, place_in_view(place, view));
    return found == set_.end() ? nullptr : record_at(found->unit);
  }
  // Two steps towards a later `find`: its home bucket, then, once that has come, the record it leads to. They read or
  // compute addresses only, and a wrong one costs nothing but time.
  void prefetch_bucket(std::uint64_t place, ViewId view) const {
    __builtin_prefetch(buckets_ + scale(place_in_view(place, view), bucket_count_) * kBucketBytes);
  }
  void prefetch_record(std::uint64_t place, ViewId view) const {
    set_.find(Fetched{ring_}, place_in_view(place, view));
  }
  void insert(std::size_t offset) { set_.insert(Slot{to_unit(offset)}); }
  void erase(std::uint64_t place, const TokenHash& token, ViewId view) {
    const auto found = set_.find(IndexKey{token, view}, place_in_view(place, view));
    CHECK_INVARIANT(found != set_.end());
    set_.erase(found);
  }
  // Where the offset of this key stands, so that a record can be moved: find it before its bytes change.
  std::uint32_t& unit_of(std::uint64_t place, const TokenHash& token, ViewId view) {
    const auto found = set_.find(IndexKey{token, view}, place_in_view(place, view));
    CHECK_INVARIANT(found != set_.end());
    return found->unit;
  }
  static std::uint32_t to_unit(std::size_t offset) { return static_cast<std::uint32_t>(offset / 8); }
  // How far the worst record lies from its home bucket (I41). Robin hood keeps buckets in the order of their homes, so
  // walking them in order tells each one's place. O(buckets): for tests.
  std::size_t longest_probe() const {
    const std::size_t count = set_.bucket_count();
    std::size_t longest = 0;
    std::size_t at = 0;
    for (const Slot& slot : set_) {
      const std::size_t home = scale(set_.hash_function()(slot), count);
      const bool wrapped = home > at && home - at > count / 2;
      if (!wrapped && home > at) at = home;
      longest = std::max(longest, wrapped ? at + count - home : at - home);
      ++at;
    }
    return longest;
  }
  bool full() const { return set_.size() >= most_; }
  std::size_t size() const { return set_.size(); }
  std::size_t buckets() const { return set_.bucket_count(); }

 private:
  // Offsets count units of 8 bytes: 32 bits reach 32 GiB of ring. Mutable: a moved record keeps its place in the set.
  struct Slot {
    mutable std::uint32_t unit = 0;
  };
  static RecordHeader* record_in(Ring& ring, std::uint32_t unit) {
    return std::launder(reinterpret_cast<RecordHeader*>(ring.at(static_cast<std::size_t>(unit) * 8)));
  }
  RecordHeader* record_at(std::uint32_t unit) { return record_in(*ring_, unit); }

  // Taken for equal to the first slot of the same hash, whose record it begins to fetch.
  struct Fetched {
    const Ring* ring;
    static constexpr std::size_t kBytes = 640;   // header, tags and a body of 500 bytes

    bool begin(std::uint32_t unit) const {
      const std::byte* const record = ring->at(static_cast<std::size_t>(unit) * 8);
      for (std::size_t at = 0; at < kBytes; at += 64) __builtin_prefetch(record + at);
      return true;
    }
  };

  struct Hash {
    Ring* ring;
    BootKey key;
    std::size_t operator()(const Fetched&) const { return 0; }   // the caller says the hash
    std::size_t operator()(const Slot& slot) const {
      const RecordHeader* const record = record_in(*ring, slot.unit);
      return place_in_view(place_of(key, record->token), record->view);
    }
    // Only ever called through the precalculated-hash overloads; still the truth.
    std::size_t operator()(const IndexKey& wanted) const {
      return place_in_view(place_of(key, wanted.token), wanted.view);
    }
  };
  struct Equal {
    using is_transparent = void;
    Ring* ring;
    bool operator()(const Slot& a, const Slot& b) const {
      if (a.unit == b.unit) return true;
      const RecordHeader* const record = record_in(*ring, b.unit);
      return operator()(a, IndexKey{record->token, record->view});
    }
    bool operator()(const Slot& slot, const IndexKey& wanted) const {
      const RecordHeader* const record = record_in(*ring, slot.unit);
      return record->view == wanted.view && record->token == wanted.token;
    }
    bool operator()(const IndexKey& wanted, const Slot& slot) const { return operator()(slot, wanted); }
    bool operator()(const Fetched& fetched, const Slot& slot) const { return fetched.begin(slot.unit); }
    bool operator()(const Slot& slot, const Fetched& fetched) const { return fetched.begin(slot.unit); }
  };
  using Allocator = std::pmr::polymorphic_allocator<Slot>;
  using Set = tsl::robin_set<Slot, Hash, Equal, Allocator, true, FixedGrowth>;

  std::pmr::monotonic_buffer_resource pool_;
  const std::byte* buckets_;   // the set takes its one block from the pool's beginning
  Ring* ring_;
  Set set_;
  std::size_t bucket_count_ = 0;   // never changes
  std::size_t most_ = 0;
};

}  // namespace introspectd::cache
