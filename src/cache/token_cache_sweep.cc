// TokenCache's sweep: drops in slices what purges by claim made stale (DESIGN §5).
#include "cache/token_cache.h"

namespace introspectd::cache {

TokenCache::SweepSlice TokenCache::sweep_slice(Now now, std::span<Seq, kSliceRecords> dropped_by) {
  if (!sweep_wanted()) return {};
  if (lap_.forgetting) {
    lap_.forgetting = !live_->forget(kSliceSlots);
    return {};
  }
  if (!lap_.under_way) {
    lap_ = {.under_way = true, .begun = seq()};
    live_->begin_lap();
  }
  const Shard::SweepRules rules{marks_, every_token_tags_, *live_, *purges_, tick_of(now.mono)};
  const Shard::Swept swept = shards_[lap_.shard]->with([&](Shard& shard) {
    if (!lap_.shard_begun) shard.begin_sweep();
    return shard.sweep(rules, dropped_by);
  });
  lap_.shard_begun = !swept.done;
  if (swept.done && ++lap_.shard == shards_.size()) end_lap();
  checked_records_ += swept.seen;
  swept_records_ += swept.dropped;
  return {swept.seen, swept.dropped, swept.by_sub};
}

void TokenCache::end_lap() {
  live_->end_lap();
  swept_ = lap_.begun;
  lap_ = {.forgetting = !live_->forget(kSliceSlots)};
  ++laps_;
}

// A generation of live purges is three quarters full at most when its lap ends, and a quarter when it begins.
bool TokenCache::sweep_behind() const {
  const std::size_t shards = shards_.size();
  return sweep_wanted() && 4 * live_->entered() * shards > live_->capacity() * (shards + 2 * lap_.shard);
}

}  // namespace introspectd::cache
