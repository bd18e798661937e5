#include "service/sweeper.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/mutant.h"

namespace introspectd::service {

void Sweeper::wake() {
  if (posted_ || (!cache_->sweep_wanted() && watches_.empty())) return;
  if (!may_go_on()) {
    if (!pause_) pause_ = loop_->after(kPause, [this] { go_on(); });
    return;
  }
  pause_.reset();
  posted_ = true;
  loop_->post([this] { turn(); });
}

void Sweeper::go_on() {
  const ports::PendingToken ended = std::move(pause_);
  wake();
}

// Who only waits to be told costs nothing.
bool Sweeper::may_go_on() {
  const Duration passed = loop_->now().mono - filled_;
  const std::int64_t grown = std::min<std::int64_t>(passed.count(), 1'000'000'000) / 1000 * kRecordsASecond / 1'000'000;
  if (grown > 0) {
    allowance_ = std::min(kRecordsASecond, allowance_ + grown);
    filled_ = loop_->now().mono;
  }
  return allowance_ > 0 || !watches_.empty() || !cache_->sweep_wanted() || cache_->sweep_behind() || MUTANT(sweep_never_pauses);
}

void Sweeper::when_swept(cache::Seq first, cache::Seq last, UniqueFunction<void(std::uint64_t)> done) {
  watches_.push_back({first, last, 0, std::move(done)});
  wake();
}

void Sweeper::turn() {
  posted_ = false;
  std::size_t cost = 0;
  for (int slices = 0; slices < kSlicesATurn && cost < kRecordsATurn && cache_->sweep_wanted(); ++slices) {
    cost += slice() + 1;
  }
  // What a storm, or somebody who waits, took beyond it is not owed: the next purge is swept at the usual pace.
  allowance_ = std::max(allowance_ - static_cast<std::int64_t>(cost), -static_cast<std::int64_t>(kRecordsATurn));
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
  return slice.cost();
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
