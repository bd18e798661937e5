// event_kinds: one reader for each kind of signed event, behind read_security_event; its typ was judged before.
// Threads: functions of values.  Owns: nothing.  Errors: EventDefect.  Cost: O(n).
#pragma once

#include <tl/expected.hpp>

#include "base/time.h"
#include "codec/json_value.h"
#include "oauth/security_event.h"

namespace introspectd::oauth {

using EventRead = tl::expected<SecurityEvent, EventDefect>;

EventRead read_logout_token(const codec::JsonValue& claims, const EventPolicy& policy, WallTime now);
EventRead read_event_token(const codec::JsonValue& claims, const EventPolicy& policy, WallTime now);
EventRead read_keycloak_action(const codec::JsonValue& claims, const EventPolicy& policy, WallTime now);

}  // namespace introspectd::oauth
