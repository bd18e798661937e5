// DurableRelay: the Relay of a node: cut-offs and logouts are on the disk (purge_journal.h), and the fleet has the event in
// its outbox (fleet.h). Either may be missing.
// Threads: the back loop.  Owns: nothing but what waits.  Errors: false where either says so.
// Cost: nothing where there is neither a cut-off or logout nor a fleet.
#pragma once

#include <utility>

#include "base/unique_function.h"
#include "ports/event_loop.h"
#include "service/purge_journal.h"
#include "service/relay.h"

namespace introspectd::service {

class DurableRelay final : public Relay {
 public:
  // `proven` is for a node that is alone; a fleet has its own.
  using Proven = UniqueFunction<void(cache::ServerId, MonoTime dated)>;
  DurableRelay(ports::EventLoop& loop, Proven proven) : loop_(&loop), proven_(std::move(proven)) {}

  // Null: nothing is kept, this node is alone. Before the first event.
  void use(PurgeJournal* journal, Relay* fleet) {
    journal_ = journal;
    fleet_ = fleet;
  }

  void relay_signed(const SignedEvent& event, UniqueFunction<void(bool durable)> done) override;
  void relay_unsigned(cache::ServerId server, EventOrigin origin, const oauth::Signals& signals,
                      UniqueFunction<void(bool durable)> done) override;
  void relay_proof(cache::ServerId server, Duration age) override;

 private:
  // `done` with both answers; the fleet is asked at once, so that both disks work at the same time.
  UniqueFunction<void(bool)> after_cut_offs(UniqueFunction<void(bool durable)> done);

  ports::EventLoop* loop_;
  Proven proven_;
  PurgeJournal* journal_ = nullptr;
  Relay* fleet_ = nullptr;
};

}  // namespace introspectd::service
