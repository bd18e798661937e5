#include "service/channel_health.h"

#include <algorithm>

#include "base/mutant.h"

namespace introspectd::service {

void ChannelHealth::proven(MonoTime dated) {
  if (!policy_.configured) return;
  // It was sent before the loss, and may have overtaken what was lost.
  if (dated < loss_ && !MUTANT(proof_older_than_the_loss_believed)) return;
  if (!stretch_.contiguous) stretch_ = {.contiguous = true, .since = dated, .proof = dated};
  stretch_.proof = std::max(stretch_.proof, dated);
}

void ChannelHealth::lost(MonoTime now) {
  loss_ = std::max(loss_, now);
  stretch_ = {};
}

bool ChannelHealth::live(MonoTime now) const {
  if (policy_.assume_live) return true;
  return stretch_.contiguous && now - stretch_.proof <= policy_.timeout;
}

}  // namespace introspectd::service
