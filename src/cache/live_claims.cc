#include "cache/live_claims.h"

#include <algorithm>
#include <atomic>

#include "base/assert.h"
#include "base/mutant.h"
#include "cache/slot_memory.h"

namespace introspectd::cache {
namespace {

std::atomic_ref<std::uint64_t> shared(std::uint64_t& word) { return std::atomic_ref(word); }

constexpr std::uint32_t bit_of(std::size_t generation, std::size_t kind) { return 1U << (generation * 8 + kind); }

}  // namespace

LiveClaims::LiveClaims(std::span<std::byte> memory) {
  slots_ = std::min(memory.size() / 2 / kSlotBytes, kSlotsMost) / 16 * 16;
  for (Generation& generation : generations_) {
    generation.slots = make_slots<Slot>(memory.first(slots_ * sizeof(Slot)), 1);
    memory = memory.subspan(slots_ * sizeof(Slot));
  }
  for (Generation& generation : generations_) {
    generation.taken = make_slots<std::uint32_t>(memory.first(slots_ * sizeof(std::uint32_t)), 1);
    memory = memory.subspan(slots_ * sizeof(std::uint32_t));
  }
}

Seq LiveClaims::find(const Generation& generation, std::uint64_t tag) {
  const std::size_t count = generation.slots.size();
  for (std::size_t at = scale(tag, count);; at = at + 1 == count ? 0 : at + 1) {
    const std::uint64_t there = shared(generation.slots[at].tag).load(std::memory_order_acquire);
    if (there == tag) return shared(generation.slots[at].seq).load(std::memory_order_acquire);
    if (there == 0) return 0;
  }
}

Seq LiveClaims::newest(const ClaimTags& tags) const {
  const std::uint32_t kinds = kinds_.load(std::memory_order_acquire);
  if (kinds == 0 || MUTANT(live_probe_skipped)) return 0;
  Seq newest = 0;
  for (std::size_t generation = 0; generation < generations_.size(); ++generation) {
    for (std::size_t kind = 0; kind < kClaimKinds; ++kind) {
      if ((kinds & bit_of(generation, kind)) == 0 || tags[kind] == 0) continue;
      newest = std::max(newest, find(generations_[generation], tags[kind]));
    }
  }
  return newest;
}

bool LiveClaims::enter(ClaimKind kind, std::uint64_t tag, Seq seq) {
  CHECK_INVARIANT(tag != 0);
  Generation& generation = generations_[current_];
  const std::size_t count = generation.slots.size();
  std::size_t at = scale(tag, count);
  while (generation.slots[at].tag != 0 && generation.slots[at].tag != tag) at = at + 1 == count ? 0 : at + 1;
  Slot& slot = generation.slots[at];   // this thread alone writes
  const bool added = slot.tag == 0;
  if (added && generation.used == capacity()) return false;
  shared(slot.seq).store(seq, std::memory_order_release);
  if (added) {
    shared(slot.tag).store(tag, std::memory_order_release);
    generation.taken[generation.used++] = static_cast<std::uint32_t>(at);
  }
  kinds_.fetch_or(bit_of(current_, static_cast<std::size_t>(kind)), std::memory_order_acq_rel);
  return true;
}

void LiveClaims::begin_lap() {
  if (MUTANT(live_cleared_a_lap_too_early)) {
    hide(current_);
    clear(current_, slots_);
  }
  current_ ^= 1U;
  hidden_ = false;
  CHECK_INVARIANT(generations_[current_].used == 0);
}

void LiveClaims::end_lap() {
  hide(current_ ^ 1U);
  hidden_ = true;
}

bool LiveClaims::forget(std::size_t most) { return clear(current_ ^ 1U, most); }

// Who still reads a slot of it took its lock before the lap's end, and its record has been checked.
void LiveClaims::hide(std::size_t generation) {
  kinds_.fetch_and(~(0xffU << (generation * 8)), std::memory_order_acq_rel);
}

bool LiveClaims::clear(std::size_t generation, std::size_t most) {
  Generation& old = generations_[generation];
  for (; most > 0 && old.used > 0; --most) {
    Slot& slot = old.slots[old.taken[--old.used]];
    shared(slot.tag).store(0, std::memory_order_release);
    shared(slot.seq).store(0, std::memory_order_release);
  }
  return old.used == 0;
}

}  // namespace introspectd::cache
