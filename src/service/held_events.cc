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

bool HeldEvents::hold(std::string_view jti, MonoTime now) {
  const std::string digest = codec::sha256(jti);
  const auto found = held_.find(digest);
  if (found == held_.end()) {
    if (held_.size() >= kHeldMost) return false;
    held_.emplace(digest, Held{now, now, now});
    return true;
  }
  if (now - found->second.since >= kHeldFor) return false;
  found->second.judged = now;
  return true;
}

void HeldEvents::settled(std::string_view jti) {
  if (!held_.empty()) held_.erase(codec::sha256(jti));
}

bool HeldEvents::forget_old(MonoTime now) {
  return std::erase_if(held_, [now](const auto& entry) { return now - entry.second.came >= kForgottenAfter; }) > 0;
}

}  // namespace introspectd::service
