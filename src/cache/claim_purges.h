// ClaimPurges: purges by claim, remembered for as long as a determination may still arrive, or be kept, that they match
// (I2, I4, I6). What a flight brings is judged by them, and the sweep judges records by them. Fixed memory: entries on
// chains by tag, and those that last a hold and those that last longer each in the order in which they were last said,
// which is the order in which they end. What finds no room is held by a filter (HoldFilter): more, never less. A hold
// goes there before a cut-off is forgotten early for it, as the filter loses of a hold nothing.
// Threads: the single writer.  Owns: nothing; the memory belongs to the cache.
// Errors: `enter` says no when entries and filter are all still needed: then a floor has to rise.
// Cost: enter O(chain), match O(chains of five tags); no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/mutant.h"
#include "cache/hold_filter.h"
#include "cache/identity.h"
#include "cache/judgement.h"
#include "cache/record.h"

namespace introspectd::cache {

struct ClaimPurge {
  std::uint64_t tag = 0;          // 0: a free entry
  std::uint64_t constraint = 0;   // a second tag that must stand in the answer as well; 0: none
  Seq seq = 0;
  std::uint32_t cut_off = 0;      // the event's time: seconds since 1970, inclusive
  Tick hold_until = 0;
  Tick keep_until = 0;
  ServerId server = 0;
  PurgeKind kind = PurgeKind::kHold;
  bool without_sid = false;       // matches only answers that have no sid (STD 5.29)
};

class ClaimPurges {
 public:
  static constexpr std::size_t kEntriesMost = 1U << 20U;
  static constexpr std::size_t kEntryBytes = 64;   // and its share of the chains' heads
  // The memory is all zero. `flight_ticks`: the longest flight and a second: what started within a hold has ended by
  // then.
  ClaimPurges(std::span<std::byte> memory, std::span<std::byte> filter_memory, Tick flight_ticks);

  // Remembers it; one of the same tag, constraint, kind and reach becomes the later of both: a cut-off only moves
  // forward. `swept`: every purge up to here has been carried out on all records (LiveClaims); younger ones are never
  // forgotten.
  enum class Entered : std::uint8_t {
    kKept,
    kFiltered,   // for want of room only held, and with it whatever the filter takes for it
    kNoRoom,
  };
  Entered enter(const ClaimPurge& purge, Tick now, Seq swept);

  // A determination, as purges by claim see it.
  struct Subject {
    ClaimTags tags{};
    std::uint64_t every_token = 0;   // the AS's every_token_tag
    Issued issued;
    Seq seq = 0;
    Tick start = 0;                  // when its call started
  };
  struct Match {
    MatchingPurge purge;
    bool by_sub = false;             // through without_sid: the answer has no sid, its sub was taken instead
  };
  Match match(const Subject& subject, Tick now) const;

  // What lasts of the entries from `from` up to `end`, by place: nothing changes its place while it is remembered.
  template <typename F>
  void each(std::size_t from, std::size_t end, Tick now, F&& see) const {
    for (const Entry& entry : entries_.subspan(from, end - from)) {
      if (entry.purge.tag != 0 && entry.purge.keep_until > now) see(entry.purge);
    }
  }
  std::size_t places() const { return untouched_; }   // that were ever used
  std::size_t size() const { return size_; }
  // There is no more room, and what is to go first has not been carried out yet: only the sweep can make some.
  bool waits_for_sweep(Seq swept) const;
  std::size_t capacity() const { return entries_.size(); }
  std::uint64_t forgotten_early() const { return forgotten_early_; }
  std::uint64_t filtered() const { return filtered_; }
  std::size_t filter_capacity() const { return filter_.capacity(); }

 private:
  // Entries are numbered from 1, so that the chains' heads are all zero, and not touched, until one is entered.
  static constexpr std::uint32_t kNone = 0;
  struct Entry {
    ClaimPurge purge;
    std::uint32_t chain = kNone;   // the next of the same chain, or of the free ones
    std::uint32_t older = kNone;
    std::uint32_t newer = kNone;
    std::uint32_t since = 0;       // so many seqs before purge.seq was the first of those that became one
  };
  static_assert(sizeof(Entry) + sizeof(std::uint32_t) <= kEntryBytes);

  // Ends in the order of saying, as all of them last equally long: holds and logouts, and cut-offs.
  struct Order {
    std::uint32_t oldest = kNone;
    std::uint32_t newest = kNone;
  };

  Order& order_of(const ClaimPurge& purge) {
    return orders_[purge.kind == PurgeKind::kCutOff && !MUTANT(ended_holds_kept_behind_a_cut_off) ? 1 : 0];
  }
  Entry& entry(std::uint32_t number) { return entries_[number - 1]; }
  const Entry& entry(std::uint32_t number) const { return entries_[number - 1]; }
  std::uint32_t& chain_of(std::uint64_t tag);
  std::uint32_t find(const ClaimPurge& purge);
  void say_again(std::uint32_t at, const ClaimPurge& purge);
  std::uint32_t take_free();
  void append(std::uint32_t at);
  void unlink(std::uint32_t at);
  void forget(std::uint32_t at);
  void forget_ended(const Order& order, Tick now, Seq swept);
  bool make_room(Tick now, Seq swept);
  bool filter(const ClaimPurge& purge, Tick now, Seq swept);
  bool forget_early(const Order& order, Tick now, Seq swept);
  bool matches(const ClaimPurge& purge, const Subject& subject, Tick now) const;
  void judge(std::uint64_t tag, const Subject& subject, Tick now, Match& result) const;

  std::span<Entry> entries_;
  std::span<std::uint32_t> chains_;
  std::size_t size_ = 0;
  std::size_t untouched_ = 0;      // entries from here on were never used: their memory is not touched
  std::uint32_t free_ = kNone;
  std::array<Order, 2> orders_;
  HoldFilter filter_;
  Tick flight_ticks_;
  std::uint64_t forgotten_early_ = 0;
  std::uint64_t filtered_ = 0;
};

}  // namespace introspectd::cache
