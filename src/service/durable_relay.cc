#include "service/durable_relay.h"

#include <memory>
#include <utility>

namespace introspectd::service {
namespace {

struct Answers {
  UniqueFunction<void(bool)> done;
  int missing = 1;
  bool all = true;
  void one(bool durable) {
    all = all && durable;
    if (--missing == 0) done(all);
  }
};

}  // namespace

UniqueFunction<void(bool)> DurableRelay::after_disk(UniqueFunction<void(bool durable)> done, bool words) {
  const bool cut_offs = journal_ != nullptr && journal_->has_cut_offs();
  const bool of_the_stream = words && streams_ != nullptr && streams_->has_words();
  if (!cut_offs && !of_the_stream) return done;
  const auto answers = std::make_shared<Answers>(Answers{std::move(done)});
  answers->missing += (cut_offs ? 1 : 0) + (of_the_stream ? 1 : 0);
  if (cut_offs) journal_->keep_cut_offs([answers](bool durable) { answers->one(durable); });
  if (of_the_stream) streams_->keep([answers](bool durable) { answers->one(durable); });
  return [answers](bool durable) { answers->one(durable); };
}

void DurableRelay::keep_all(UniqueFunction<void(bool durable)> done) {
  const auto answers = std::make_shared<Answers>(Answers{std::move(done)});
  const auto one = [answers](bool durable) { answers->one(durable); };
  answers->missing += (journal_ != nullptr ? 1 : 0) + (streams_ != nullptr ? 1 : 0);
  if (journal_ != nullptr) journal_->keep_all(one);
  if (streams_ != nullptr) streams_->keep(one);
  one(true);
}

void DurableRelay::relay_signed(const SignedEvent& event, UniqueFunction<void(bool durable)> done) {
  UniqueFunction<void(bool)> kept = after_disk(std::move(done), true);
  if (fleet_ == nullptr) return kept(true);
  fleet_->relay_signed(event, std::move(kept));
}

void DurableRelay::relay_unsigned(cache::ServerId server, EventOrigin origin, const oauth::Signals& signals,
                                  UniqueFunction<void(bool durable)> done) {
  UniqueFunction<void(bool)> kept = after_disk(std::move(done), false);
  if (fleet_ == nullptr) return kept(true);
  fleet_->relay_unsigned(server, origin, signals, std::move(kept));
}

void DurableRelay::relay_proof(cache::ServerId server, Duration age) {
  if (fleet_ != nullptr) return fleet_->relay_proof(server, age);
  proven_(server, loop_->now().mono - age);
}

}  // namespace introspectd::service
