#include "cache/dead_tokens.h"

#include <algorithm>
#include <iterator>

#include "base/assert.h"
#include "base/mutant.h"
#include "cache/slot_memory.h"

namespace introspectd::cache {
namespace {

// The slot to use for a new dead token; nullptr when an unknown one finds no place.
DeadSlot* choose(std::span<DeadSlot> set, bool unknown, Tick now) {
  DeadSlot* first_known = nullptr;
  DeadSlot* first_unknown = nullptr;
  DeadSlot* ended = nullptr;
  std::size_t unknowns = 0;
  for (DeadSlot& slot : set) {
    if (slot.until <= now) {
      ended = &slot;
      continue;
    }
    DeadSlot*& first = slot.unknown != 0 ? first_unknown : first_known;
    if (slot.unknown != 0) ++unknowns;
    if (first == nullptr || slot.until < first->until) first = &slot;
  }
  if (unknown) {
    if (unknowns >= DeadTokens::kUnknownWays) return first_unknown;
    return ended != nullptr ? ended : first_unknown;
  }
  if (ended != nullptr) return ended;
  return first_unknown != nullptr ? first_unknown : first_known;
}

}  // namespace

DeadTokens::DeadTokens(std::span<std::byte> memory) : slots_(make_slots<DeadSlot>(memory, kWays)) {}

std::span<DeadSlot> DeadTokens::set_of(std::uint64_t place, ServerId server) {
  return set_at(slots_, kWays, place_in_view(place, server));
}

DeadSlot* DeadTokens::find(std::uint64_t place, const TokenHash& token, ServerId server, Tick now) {
  if (MUTANT(dead_token_forgotten)) return nullptr;
  for (DeadSlot& slot : set_of(place, server)) {
    if (slot.until > now && slot.server == server && slot.token == token) return &slot;
  }
  return nullptr;
}

DeadTokens::KeepResult DeadTokens::keep(std::uint64_t place, const DeadSlot& slot, Tick now) {
  if (DeadSlot* const same = find(place, slot.token, slot.server, now)) {
    const Seq before = same->seq;
    same->seq = slot.seq;
    same->until = std::max(same->until, slot.until);
    same->unknown = same->unknown != 0 && slot.unknown != 0 ? 1 : 0;
    return {Kept::kExtended, {}, before};
  }
  DeadSlot* const place_taken = choose(set_of(place, slot.server), slot.unknown != 0, now);
  if (place_taken == nullptr) return {Kept::kNoRoom, {}, 0};
  KeepResult result;
  if (place_taken->until > now) result = {Kept::kForgotAnother, *place_taken, 0};
  *place_taken = slot;
  return result;
}

void DeadTokens::copy(std::vector<DeadSlot>& into, std::size_t from, std::size_t count, Tick now) const {
  CHECK_INVARIANT(from % kWays == 0 && count % kWays == 0);
  const std::span<const DeadSlot> all = slots_;
  const std::span<const DeadSlot> some = all.subspan(std::min(from, all.size()));
  std::ranges::copy_if(some.first(std::min(count, some.size())), std::back_inserter(into),
                       [now](const DeadSlot& slot) { return slot.until > now; });
}

bool DeadTokens::lift(std::uint64_t place, const TokenHash& token, ServerId server, Seq seq) {
  for (DeadSlot& slot : set_of(place, server)) {
    if (slot.until != 0 && slot.seq == seq && slot.server == server && slot.token == token) {
      slot = DeadSlot{};
      return true;
    }
  }
  return false;
}

}  // namespace introspectd::cache
