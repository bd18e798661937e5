#include "oauth/event_type.h"

#include <algorithm>
#include <array>

namespace introspectd::oauth {
namespace {

struct EventType {
  std::string_view name;   // behind kBase
  EventMeaning meaning;
};

constexpr std::string_view kBase = "https://schemas.openid.net/secevent/";
constexpr std::array kTypes{
    EventType{"caep/event-type/session-revoked", EventMeaning::kCutOff},
    EventType{"caep/event-type/token-claims-change", EventMeaning::kHold},
    EventType{"caep/event-type/credential-change", EventMeaning::kCredentialChange},
    EventType{"caep/event-type/assurance-level-change", EventMeaning::kHold},
    EventType{"caep/event-type/device-compliance-change", EventMeaning::kHold},
    EventType{"caep/event-type/risk-level-change", EventMeaning::kHold},
    EventType{"caep/event-type/session-established", EventMeaning::kNothing},
    EventType{"caep/event-type/session-presented", EventMeaning::kNothing},
    EventType{"risc/event-type/account-credential-change-required", EventMeaning::kCutOff},
    EventType{"risc/event-type/account-purged", EventMeaning::kCutOff},
    EventType{"risc/event-type/account-disabled", EventMeaning::kCutOff},
    EventType{"risc/event-type/account-enabled", EventMeaning::kForgetNegatives},
    EventType{"risc/event-type/identifier-changed", EventMeaning::kHold},
    EventType{"risc/event-type/identifier-recycled", EventMeaning::kCutOff},
    EventType{"risc/event-type/credential-compromise", EventMeaning::kCutOff},
    EventType{"risc/event-type/sessions-revoked", EventMeaning::kCutOff},
    EventType{"risc/event-type/opt-in", EventMeaning::kNothing},
    EventType{"risc/event-type/opt-out-initiated", EventMeaning::kNothing},
    EventType{"risc/event-type/opt-out-cancelled", EventMeaning::kNothing},
    EventType{"risc/event-type/opt-out-effective", EventMeaning::kNothing},
    EventType{"risc/event-type/recovery-activated", EventMeaning::kNothing},
    EventType{"risc/event-type/recovery-information-changed", EventMeaning::kNothing},
    EventType{"oauth/event-type/tokens-revoked", EventMeaning::kCutOff},
    EventType{"ssf/event-type/verification", EventMeaning::kVerification},
    EventType{"ssf/event-type/stream-updated", EventMeaning::kStreamUpdated},
    // As the drafts of SSF and as RISC alone called them; still sent.
    EventType{"sse/event-type/verification", EventMeaning::kVerification},
    EventType{"sse/event-type/stream-updated", EventMeaning::kStreamUpdated},
    EventType{"risc/event-type/verification", EventMeaning::kVerification},
};

}  // namespace

std::optional<EventMeaning> find_event_type(std::string_view uri) noexcept {
  if (!uri.starts_with(kBase)) return std::nullopt;
  const auto found = std::ranges::find(kTypes, uri.substr(kBase.size()), &EventType::name);
  return found == kTypes.end() ? std::nullopt : std::optional(found->meaning);
}

}  // namespace introspectd::oauth
