#include "service/durable_relay.h"

#include <memory>
#include <utility>

namespace introspectd::service {
namespace {

struct BothAnswers {
  UniqueFunction<void(bool)> done;
  int missing = 2;
  bool all = true;
  void one(bool durable) {
    all = all && durable;
    if (--missing == 0) done(all);
  }
};

}  // namespace

UniqueFunction<void(bool)> DurableRelay::after_cut_offs(UniqueFunction<void(bool durable)> done) {
  if (journal_ == nullptr || !journal_->has_cut_offs()) return done;
  const auto both = std::make_shared<BothAnswers>(BothAnswers{std::move(done)});
  journal_->keep_cut_offs([both](bool durable) { both->one(durable); });
  return [both](bool durable) { both->one(durable); };
}

void DurableRelay::relay_signed(const SignedEvent& event, UniqueFunction<void(bool durable)> done) {
  UniqueFunction<void(bool)> both = after_cut_offs(std::move(done));
  if (fleet_ == nullptr) return both(true);
  fleet_->relay_signed(event, std::move(both));
}

void DurableRelay::relay_unsigned(cache::ServerId server, EventOrigin origin, const oauth::Signals& signals,
                                  UniqueFunction<void(bool durable)> done) {
  UniqueFunction<void(bool)> both = after_cut_offs(std::move(done));
  if (fleet_ == nullptr) return both(true);
  fleet_->relay_unsigned(server, origin, signals, std::move(both));
}

void DurableRelay::relay_proof(cache::ServerId server, Duration age) {
  if (fleet_ != nullptr) return fleet_->relay_proof(server, age);
  proven_(server, loop_->now().mono - age);
}

}  // namespace introspectd::service
