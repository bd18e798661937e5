#include "cache/hold_filter.h"

#include <algorithm>
#include <bit>

#include "base/mutant.h"
#include "cache/slot_memory.h"

namespace introspectd::cache {
namespace {

constexpr unsigned kProbes = 8;

}  // namespace

HoldFilter::HoldFilter(std::span<std::byte> memory) {
  const std::size_t words = std::min(memory.size(), kBytesMost) / kGenerations / sizeof(std::uint64_t);
  tags_most_ = words * 64 / kBitsATag;
  if (tags_most_ == 0) return;
  for (Generation& generation : generations_) {
    generation.words = make_slots<std::uint64_t>(memory.first(words * sizeof(std::uint64_t)), 1);
    memory = memory.subspan(words * sizeof(std::uint64_t));
  }
}

// Tags are keyed hashes: their bits are as good as any. False as soon as `visit` says so.
template <typename F>
bool HoldFilter::each_bit(std::span<std::uint64_t> words, std::uint64_t tag, F&& visit) {
  const std::uint64_t step = std::rotl(tag * 0x9e3779b97f4a7c15ULL, 32) | 1U;
  std::uint64_t hash = tag;
  for (unsigned probe = 0; probe < kProbes; ++probe, hash += step) {
    const std::size_t bit = scale(hash, words.size() * 64);
    if (!visit(words[bit / 64], std::uint64_t{1} << (bit % 64))) return false;
  }
  return true;
}

bool HoldFilter::is_over(const Generation& generation, Tick now, Seq swept) {
  return generation.tags == 0 || (generation.keep_until <= now && generation.last <= swept);
}

// A generation takes tags for a sixth of their time, so that the first of them are not held much longer than they need;
// where the next is still needed, it goes on until it is full.
bool HoldFilter::make_current(const Hold& hold, Tick now, Seq swept) {
  Generation& current = generations_[current_];
  const bool full = current.tags >= tags_most_;
  const bool old = now - current.begun > (hold.keep_until - now) / static_cast<Tick>(kGenerations - 2);
  if (current.tags != 0 && !full && !old) return true;
  const std::size_t next = current.tags == 0 ? current_ : (current_ + 1) % kGenerations;
  Generation& fresh = generations_[next];
  if (!is_over(fresh, now, swept)) return !full;
  if (fresh.tags != 0) std::fill(fresh.words.begin(), fresh.words.end(), 0);
  fresh = {.words = fresh.words, .first = hold.seq, .begun = now};
  current_ = next;
  return true;
}

bool HoldFilter::has(const Generation& generation, std::uint64_t tag) {
  return each_bit(generation.words, tag,
                  [](const std::uint64_t& word, std::uint64_t bit) { return (word & bit) != 0; });
}

// One that is there takes no room: purges that share a tag fill nothing, however many they are.
bool HoldFilter::enter(const Hold& hold, Tick now, Seq swept) {
  if (tags_most_ == 0) return false;
  const bool room = make_current(hold, now, swept);
  Generation& current = generations_[current_];
  const bool there = current.tags != 0 && has(current, hold.tag) && !MUTANT(repeated_tags_fill_the_filter);
  if (!room && !there) return false;
  if (!there) {
    each_bit(current.words, hold.tag, [](std::uint64_t& word, std::uint64_t bit) {
      word |= bit;
      return true;
    });
    ++current.tags;
  }
  last_ = current.last = hold.seq;
  current.hold_until = std::max(current.hold_until, hold.hold_until);
  current.keep_until = std::max(current.keep_until, hold.keep_until);
  keep_until_ = std::max(keep_until_, current.keep_until);
  return true;
}

MatchingPurge HoldFilter::match(std::uint64_t tag, Seq seq, Tick start, Tick now) const {
  MatchingPurge result;
  if (MUTANT(hold_filter_ignored)) return result;
  for (const Generation& generation : generations_) {
    if (generation.tags == 0) continue;
    const bool remembered = generation.keep_until > now || generation.last > seq;
    const bool within_hold = generation.last > seq || start < generation.hold_until;
    if (!remembered || !within_hold) continue;
    if (!has(generation, tag)) continue;
    MatchingPurge matching{generation.last, false, true};
    if (generation.last > seq) matching.oldest = std::max(generation.first, seq + 1);
    result.add(matching);
  }
  return result;
}

}  // namespace introspectd::cache
