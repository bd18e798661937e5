#include "service/sweeper.h"

#include <array>
#include <utility>

namespace introspectd::service {

void Sweeper::wake() {
  if (posted_ || (!cache_->sweep_wanted() && watches_.empty())) return;
  posted_ = true;
  loop_->post([this] { turn(); });
}

void Sweeper::when_swept(cache::Seq first, cache::Seq last, UniqueFunction<void(std::uint64_t)> done) {
  watches_.push_back({first, last, 0, std::move(done)});
  wake();
}

void Sweeper::turn() {
  posted_ = false;
  std::size_t seen = 0;
  for (int slices = 0; slices < kSlicesATurn && seen < kRecordsATurn && cache_->sweep_wanted(); ++slices) {
    seen += slice();
  }
  tell();
  wake();
}

std::size_t Sweeper::slice() {
  std::array<cache::Seq, cache::TokenCache::kSliceRecords> dropped_by{};
  const cache::TokenCache::SweepSlice slice = cache_->sweep_slice(loop_->now(), dropped_by);
  counters_->add(Counter::kSweptRecords, slice.dropped);
  counters_->add(Counter::kMatchedBySub, slice.by_sub);
  for (Watch& watch : watches_) {
    const auto end = dropped_by.begin() + static_cast<std::ptrdiff_t>(slice.dropped);
    watch.records += static_cast<std::uint64_t>(std::count_if(dropped_by.begin(), end, [&](cache::Seq seq) {
      return watch.first <= seq && seq <= watch.last;
    }));
  }
  return slice.seen;
}

// Where no lap is wanted, all that is waited for has been carried out: floors leave nothing to a sweep.
void Sweeper::tell() {
  const bool all = !cache_->sweep_wanted();
  std::vector<Watch> waiting;
  std::vector<Watch> ended;
  for (Watch& watch : watches_) {
    const bool swept = all || watch.last <= cache_->swept();
    (swept ? ended : waiting).push_back(std::move(watch));
  }
  watches_ = std::move(waiting);
  for (Watch& watch : ended) watch.done(watch.records);
}

}  // namespace introspectd::service
