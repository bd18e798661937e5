#include "cache/negatives.h"

#include <algorithm>

#include "cache/slot_memory.h"

namespace introspectd::cache {

Negatives::Negatives(std::span<std::byte> memory) : slots_(make_slots<NegativeSlot>(memory, kWays)) {}

std::span<NegativeSlot> Negatives::set_of(std::uint64_t place) { return set_at(slots_, kWays, place); }

NegativeSlot* Negatives::find(std::uint64_t place, const TokenHash& token, ViewId view) {
  for (NegativeSlot& slot : set_of(place_in_view(place, view))) {
    if (slot.dies != 0 && slot.view == view && slot.token == token) return &slot;
  }
  return nullptr;
}

bool Negatives::insert(std::uint64_t place, const NegativeSlot& slot, Tick now) {
  if (NegativeSlot* const same = find(place, slot.token, slot.view)) {
    *same = slot;
    return false;
  }
  const std::span<NegativeSlot> set = set_of(place_in_view(place, slot.view));
  NegativeSlot& victim = *std::min_element(
      set.begin(), set.end(), [](const NegativeSlot& a, const NegativeSlot& b) { return a.dies < b.dies; });
  const bool living_goes = victim.dies > now;
  victim = slot;
  return living_goes;
}

bool Negatives::erase(std::uint64_t place, const TokenHash& token, ViewId view) {
  NegativeSlot* const slot = find(place, token, view);
  if (slot == nullptr) return false;
  *slot = NegativeSlot{};
  return true;
}

}  // namespace introspectd::cache
