#include "service/held_events.h"

#include "codec/jose.h"

namespace introspectd::service {

bool HeldEvents::rests(std::string_view jti, MonoTime now) {
  if (held_.empty()) return false;
  const auto found = held_.find(codec::sha256(jti));
  if (found == held_.end()) return false;
  found->second.came = now;
  return now - found->second.judged < kRest;
}

HoldAnswer HeldEvents::hold(std::string_view jti, MonoTime now) {
  const std::string digest = codec::sha256(jti);
  const auto found = held_.find(digest);
  if (found == held_.end()) {
    if (held_.size() >= kHeldMost) return HoldAnswer::kNoRoom;
    held_.emplace(digest, Held{now, now, now});
    return HoldAnswer::kHeld;
  }
  if (now - found->second.since >= kHeldFor) return HoldAnswer::kTooLong;
  found->second.judged = now;
  return HoldAnswer::kHeld;
}

HoldAnswer HeldEvents::await_keys(std::string_view jti, MonoTime now) {
  const std::string digest = codec::sha256(jti);
  if (held_.size() >= kHeldMost && !held_.contains(digest)) return HoldAnswer::kNoRoom;
  held_.insert_or_assign(digest, Held{now, now, now});
  return HoldAnswer::kHeld;
}

void HeldEvents::settled(std::string_view jti) {
  if (!held_.empty()) held_.erase(codec::sha256(jti));
}

bool HeldEvents::forget_old(MonoTime now) {
  return std::erase_if(held_, [now](const auto& entry) { return now - entry.second.came >= kForgottenAfter; }) > 0;
}

}  // namespace introspectd::service
