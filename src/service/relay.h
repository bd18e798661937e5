// Relay: hands what was applied here to the other nodes of the fleet. The inbox gives it each accepted event; it is
// done when the event is durable in the outbox, not when the stream has it (SPEC §6: apply → outbox → ack → stream).
// Threads: the back loop.  Owns: nothing here.  Errors: false: the outbox is full or cannot be written.
// Cost: one append to a file, grouped.
#pragma once

#include "base/unique_function.h"
#include "cache/identity.h"
#include "oauth/signal.h"
#include "service/event_inbox.h"

namespace introspectd::service {

class Relay {
 public:
  Relay() = default;
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  virtual ~Relay() = default;
  // The original signed bytes: every node verifies them itself.
  virtual void relay_signed(const SignedEvent& event, UniqueFunction<void(bool durable)> done) = 0;
  // Under the fleet's HMAC key; without a key it stays local and is done at once.
  virtual void relay_unsigned(cache::ServerId server, EventOrigin origin, const oauth::Signals& signals,
                              UniqueFunction<void(bool durable)> done) = 0;
  // A channel of the AS was proven alive `age` ago (GUARANTEES, H), as far as this node alone can tell. Whoever has a
  // relay leaves it to that to call Channels::proven, here and elsewhere: in a fleet a proof counts when every node was
  // heard after it.
  virtual void relay_proof(cache::ServerId server, Duration age) = 0;
};

}  // namespace introspectd::service
