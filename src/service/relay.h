// Relay: what stands between "applied here" and "acknowledged": what has to outlive the process is on the disk, what the
// fleet has to hear is durable in the outbox, not yet in the stream (SPEC §6: apply → outbox → ack → stream). Where there
// is neither disk nor fleet there is no relay.
// Threads: the back loop.  Owns: nothing here.  Errors: false: neither accepted nor refused, as the outbox is full, the
// disk fails or does not answer (EventVerdict::kOutboxFull); the event is applied here, and is to be sent again.
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
  // Under the fleet's HMAC key; without one, or a fleet, it stays local.
  virtual void relay_unsigned(cache::ServerId server, EventOrigin origin, const oauth::Signals& signals,
                              UniqueFunction<void(bool durable)> done) = 0;
  // A channel of the AS was proven alive `age` ago (GUARANTEES, H), as far as this node alone can tell. Whoever has a
  // relay leaves it to that to call Channels::proven, here and elsewhere: in a fleet a proof counts when every node was
  // heard after it, in one without a key never; a node that is alone believes it at once.
  virtual void relay_proof(cache::ServerId server, Duration age) = 0;
};

}  // namespace introspectd::service
