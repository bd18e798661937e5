#include "service/event_inbox.h"

#include <array>
#include <cstddef>

namespace introspectd::service {
namespace {

constexpr std::array<std::string_view, kEventOrigins> kOriginNames{
    "backchannel_logout", "set_push", "set_poll", "keycloak", "global_token_revocation",
    "webhook", "revocation_endpoint", "admin", "fleet",
};

struct VerdictRow {
  EventVerdict verdict;
  std::string_view name;
  std::string_view description;
  oauth::SetErrorCode set_error = oauth::SetErrorCode::kInvalidRequest;
};

using enum EventVerdict;
using oauth::SetErrorCode;

// Descriptions go to senders who have proven nothing: they never say more than the sender knows itself.
constexpr std::array<VerdictRow, kEventVerdicts> kVerdicts{{
    {kAccepted, "accepted", "accepted"},
    {kMalformed, "malformed", "the event is not well-formed or lacks a required claim"},
    {kWrongType, "wrong_type", "this kind of JWT is not accepted here"},
    {kWrongIssuer, "wrong_issuer", "the issuer is not the one expected here", SetErrorCode::kInvalidIssuer},
    {kWrongAudience, "wrong_audience", "the event is meant for another audience", SetErrorCode::kInvalidAudience},
    {kExpired, "expired", "the event has expired or lies in the future"},
    {kUnsupportedKey, "unsupported_key", "the algorithm or a critical header is not accepted here",
     SetErrorCode::kInvalidKey},
    {kUnknownKey, "unknown_key", "no key of the issuer fits the event's algorithm and key identifier",
     SetErrorCode::kInvalidKey},
    {kBadSignature, "bad_signature", "the signature does not verify", SetErrorCode::kAuthenticationFailed},
    {kKeysUnavailable, "keys_unavailable", "the issuer's keys cannot be had now"},
    {kOutboxFull, "outbox_full", "the event cannot be stored now"},
    {kOverloaded, "overloaded", "too many events are waiting"},
    {kNotConfigured, "not_configured", "signed events are not accepted here", SetErrorCode::kAccessDenied},
}};

constexpr bool rows_stand_in_order() {
  for (std::size_t i = 0; i < kVerdicts.size(); ++i) {
    if (static_cast<std::size_t>(kVerdicts[i].verdict) != i) return false;
  }
  return true;
}
static_assert(rows_stand_in_order());

}  // namespace

std::string_view name_of(EventOrigin origin) noexcept { return kOriginNames[static_cast<std::size_t>(origin)]; }

std::string_view name_of(EventVerdict verdict) noexcept { return kVerdicts[static_cast<std::size_t>(verdict)].name; }

oauth::SetErrorCode set_error_of(EventVerdict verdict) noexcept {
  return kVerdicts[static_cast<std::size_t>(verdict)].set_error;
}

std::string_view describe(EventVerdict verdict) noexcept {
  return kVerdicts[static_cast<std::size_t>(verdict)].description;
}

}  // namespace introspectd::service
