// TokenCache's sweep: drops in slices what purges by claim made stale (DESIGN §5).
#include "cache/token_cache.h"

namespace introspectd::cache {

TokenCache::SweepSlice TokenCache::sweep_slice(Now now, std::span<Seq, kSliceRecords> dropped_by) {
  if (!sweep_wanted()) return {};
  if (lap_.forgetting) {
    SweepSlice slice;
    slice.forgotten = forget_live();
    return slice;
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
  SweepSlice slice{swept.seen, swept.dropped, swept.by_sub, 0};
  if (swept.done && ++lap_.shard == shards_.size()) {
    end_lap();
    slice.forgotten = forget_live();
  }
  checked_records_ += swept.seen;
  swept_records_ += swept.dropped;
  return slice;
}

void TokenCache::end_lap() {
  live_->end_lap();
  swept_ = lap_.begun;
  lap_ = {};
  ++laps_;
}

std::size_t TokenCache::forget_live() {
  const std::size_t before = live_->to_forget();
  lap_.forgetting = !live_->forget(kSliceSlots);
  return before - live_->to_forget();
}

// A generation of live purges is three quarters full at most when its lap ends, and a quarter when it begins. Many
// purges may share one live tag, but each has an entry among those that are remembered.
bool TokenCache::sweep_behind() const {
  if (!sweep_wanted()) return false;
  const std::size_t shards = shards_.size();
  const bool live_fills_up = 4 * live_->entered() * shards > live_->capacity() * (shards + 2 * lap_.shard);
  return live_fills_up || purges_->waits_for_sweep(swept_);
}

}  // namespace introspectd::cache
