// ChannelHealth: is a revocation channel of this authorization server provably alive (GUARANTEES, H; I13, I14)? It keeps
// G, the start of the current contiguous stretch, and L, its last proof, and tells the cache, which judges every read by
// them. Proofs: an answered SET poll; a verification event whose state we sent, dated at sending; either relayed,
// together with a contiguous, live fleet stream. Back-channel logout and Keycloak actions prove nothing.
// Pure: values and `now`.  Threads: the back loop.  Owns: a few instants.  Errors: none.  Cost: comparisons.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace introspectd::service {

enum class OnChannelLoss : std::uint8_t { kShorten, kClear };

struct ChannelPolicy {
  bool configured = false;                     // some channel can prove itself; else never live
  bool assume_live = false;                    // said out loud: proven at every read
  OnChannelLoss on_loss = OnChannelLoss::kShorten;
  Duration timeout = std::chrono::seconds{30};
};

class ChannelHealth {
 public:
  explicit ChannelHealth(const ChannelPolicy& policy) : policy_(policy) {}

  // Everything that was said until `dated` has been received and applied. Begins a stretch where none is; dated before
  // the last loss it says nothing any more.
  void proven(MonoTime dated);
  // Nothing may be concluded from proofs dated before `now` any more (a stream paused, a gap, an unanswered
  // verification). What was missed may be delivered later: a new stretch begins with the next proof (I14).
  void lost(MonoTime now);

  bool live(MonoTime now) const;
  struct Stretch {
    bool contiguous = false;
    MonoTime since;   // G
    MonoTime proof;   // L
  };
  Stretch stretch() const { return stretch_; }
  const ChannelPolicy& policy() const { return policy_; }

 private:
  ChannelPolicy policy_;
  Stretch stretch_;
  MonoTime loss_;   // the last one
};

}  // namespace introspectd::service
