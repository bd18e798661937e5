// TokenCache's purges as values that outlive the process, slice by slice (SPEC §4).
#include <algorithm>
#include <utility>
#include <vector>

#include "cache/token_cache.h"

namespace introspectd::cache {
// The least that is left of what ends at this tick.
Duration TokenCache::left_of(Tick end, MonoTime now) const {
  const Tick tick = tick_of(now);
  return end <= tick ? Duration::zero() : Duration{static_cast<std::int64_t>(end - tick) * kTickNs};
}

bool TokenCache::export_slice(PurgeExport& at, UniqueFunction<void(const KeptPurge&)>& visit) {
  if (at.shard < shards_.size()) {
    export_dead(at, visit);
    return true;
  }
  if (at.claim < at.claims) {
    export_claims(at, visit);
    return true;
  }
  export_servers(at, visit);
  return false;
}

void TokenCache::export_dead(PurgeExport& at, UniqueFunction<void(const KeptPurge&)>& visit) {
  std::vector<DeadSlot> dead;
  const bool more = shards_[at.shard]->with([&](Shard& shard) {
    return shard.copy_dead(dead, at.slot, kExportSlots, tick_of(at.begun.mono));
  });
  at.slot = more ? at.slot + kExportSlots : 0;
  if (!more) ++at.shard;
  for (const DeadSlot& slot : dead) visit(KeptDeadToken{slot.token, slot.server, left_of(slot.until, at.begun.mono)});
}

void TokenCache::export_claims(PurgeExport& at, UniqueFunction<void(const KeptPurge&)>& visit) {
  const MonoTime begun = at.begun.mono;
  const std::size_t end = std::min(at.claim + kExportSlots, at.claims);
  purges_->each(std::exchange(at.claim, end), end, tick_of(begun), [&](const ClaimPurge& purge) {
    visit(KeptClaimPurge{purge.tag, purge.constraint, purge.server, purge.kind, purge.without_sid, purge.cut_off,
                         left_of(purge.hold_until, begun), left_of(purge.keep_until, begun)});
  });
}

void TokenCache::export_servers(const PurgeExport& at, UniqueFunction<void(const KeptPurge&)>& visit) const {
  for (std::size_t i = 0; i < marks_.size(); ++i) {
    const auto server = static_cast<ServerId>(i);
    const std::uint32_t before = marks_[i].issued_before.load(std::memory_order_relaxed);
    if (before != 0) visit(KeptIssuedBefore{server, before});
    // Which tokens the filter holds cannot be told: in another process all of the AS are, until the last of them ends.
    const Duration held = left_of(std::max(hold_all_until_[i], filtered_until_[i]), at.begun.mono);
    if (held > Duration::zero()) visit(KeptHoldOfAll{server, held});
  }
}

}  // namespace introspectd::cache
