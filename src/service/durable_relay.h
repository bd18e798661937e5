// DurableRelay: the Relay of a node: cut-offs and logouts are on the disk (purge_journal.h), so is what an AS says of its
// stream (kept_streams.h), and the fleet has the event in its outbox (fleet.h). Any may be missing.
// Threads: the back loop.  Owns: nothing but what waits.  Errors: false where one of them says so.
// Cost: nothing where there is neither a cut-off, a logout, a word of the stream nor a fleet.
#pragma once

#include <utility>

#include "base/unique_function.h"
#include "ports/event_loop.h"
#include "service/kept_streams.h"
#include "service/purge_journal.h"
#include "service/relay.h"

namespace introspectd::service {

class DurableRelay final : public Relay {
 public:
  // `proven` is for a node that is alone; a fleet has its own.
  using Proven = UniqueFunction<void(cache::ServerId, MonoTime dated)>;
  DurableRelay(ports::EventLoop& loop, Proven proven) : loop_(&loop), proven_(std::move(proven)) {}

  // Null: nothing is kept, this node is alone. Before the first event.
  void use(PurgeJournal* journal, KeptStreams* streams, Relay* fleet) {
    journal_ = journal;
    streams_ = streams;
    fleet_ = fleet;
  }
  // Everything that was applied and heard until now is on the disk: then the position of the fleet may be.
  void keep_all(UniqueFunction<void(bool durable)> done);

  void relay_signed(const SignedEvent& event, UniqueFunction<void(bool durable)> done) override;
  void relay_unsigned(cache::ServerId server, EventOrigin origin, const oauth::Signals& signals,
                      UniqueFunction<void(bool durable)> done) override;
  void relay_proof(cache::ServerId server, Duration age) override;

 private:
  // `done` with all answers; the fleet is asked at once, so that all disks work at the same time. `words`: what an AS
  // said of its stream came with this event.
  UniqueFunction<void(bool)> after_disk(UniqueFunction<void(bool durable)> done, bool words);

  ports::EventLoop* loop_;
  Proven proven_;
  PurgeJournal* journal_ = nullptr;
  KeptStreams* streams_ = nullptr;
  Relay* fleet_ = nullptr;
};

}  // namespace introspectd::service
