// event_type: the types of events of SSF, CAEP, RISC and Google's OAuth profile, and what each means to a cache: one
// table (STD 5.18 to 5.23).
// Threads: functions of values.  Owns: nothing.  Errors: nullopt.  Cost: O(types).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace introspectd::oauth {

enum class EventMeaning : std::uint8_t {
  kNothing,            // known, and nothing of what is cached changes
  kCutOff,             // what was issued to the subject up to then is void
  kHold,               // something of the subject changed: the AS is asked, nothing is patched (STD 5.21)
  kCredentialChange,   // as `change_type` says (STD 5.22)
  kForgetNegatives,    // what was inactive may be active again
  kVerification,       // the stream proves that it lives
  kStreamUpdated,      // the stream itself changed
};

// nullopt: a type that is not known is accepted and ignored (STD 5.25).
std::optional<EventMeaning> find_event_type(std::string_view uri) noexcept;

inline constexpr std::string_view kBackchannelLogoutEvent = "http://schemas.openid.net/event/backchannel-logout";

}  // namespace introspectd::oauth
