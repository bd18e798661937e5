#include "service/outcomes.h"

#include <array>

namespace introspectd::service {
namespace {

using enum Outcome;
using Kind = OutcomeKind;

constexpr std::string_view kInvalidRequest = "invalid_request";
constexpr std::string_view kUnavailable = "temporarily_unavailable";
constexpr std::string_view kTimeout = "upstream_timeout";
constexpr LogLevel kQuiet = LogLevel::kDebug;
constexpr LogLevel kWarn = LogLevel::kWarning;

// outcome, status, kind, label, error, description, Retry-After, log level
constexpr std::array<OutcomeRow, kOutcomes> kTable{{
    {kActive, 200, Kind::kTrue, "active", "", "", false, kQuiet},
    {kInactive, 200, Kind::kFalse, "inactive", "", "", false, kQuiet},
    {kInactiveDead, 200, Kind::kFalse, "inactive_revoked", "", "", false, kQuiet},
    {kInactiveNotCurrent, 200, Kind::kFalse, "inactive_not_current", "", "", false, kQuiet},
    {kInactiveAudience, 200, Kind::kFalse, "inactive_audience", "", "", false, kQuiet},
    {kInactiveImpossible, 200, Kind::kFalse, "inactive_impossible", "", "", false, kQuiet},
    {kRevoked, 200, Kind::kDone, "revoked", "", "", false, kQuiet},
    {kAdminDone, 200, Kind::kDone, "admin", "", "", false, kQuiet},
    {kEventAccepted, 200, Kind::kDone, "event_accepted", "", "", false, kQuiet},
    {kTokenMissing, 400, Kind::kClientError, "token_missing", kInvalidRequest,
     "the token parameter is missing or empty", false, kQuiet},
    {kParameterRepeated, 400, Kind::kClientError, "parameter_repeated", kInvalidRequest,
     "a parameter is there more than once", false, kQuiet},
    {kTokenTooLong, 400, Kind::kClientError, "token_too_long", kInvalidRequest, "the token is longer than 16384 bytes",
     false, kQuiet},
    {kFormMalformed, 400, Kind::kClientError, "form_malformed", kInvalidRequest,
     "the body is not a well-formed form", false, kQuiet},
    {kTwoMechanisms, 400, Kind::kClientError, "two_mechanisms", kInvalidRequest,
     "more than one mechanism of client authentication was used", false, kQuiet},
    {kCallerUnknown, 401, Kind::kClientError, "caller_unknown", "invalid_client", "client authentication failed",
     false, kQuiet},
    {kPeerRefused, 403, Kind::kClientError, "peer_refused", "access_denied", "this peer may not use the socket", false,
     kQuiet},
    {kForeignOrigin, 403, Kind::kClientError, "foreign_origin", "access_denied",
     "requests with an Origin or a foreign Host are refused here", false, kQuiet},
    {kNoSuchRoute, 404, Kind::kClientError, "no_such_route", kInvalidRequest, "there is nothing at this path", false,
     kQuiet},
    {kMethodNotAllowed, 405, Kind::kClientError, "method_not_allowed", kInvalidRequest,
     "this path takes another method", false, kQuiet},
    {kMediaType, 415, Kind::kClientError, "media_type", kInvalidRequest,
     "the Content-Type must be application/x-www-form-urlencoded", false, kQuiet},
    {kFraming, 400, Kind::kClientError, "framing", kInvalidRequest, "the request is not well-formed HTTP", false,
     kQuiet},
    {kRequestTimeout, 408, Kind::kClientError, "request_timeout", kInvalidRequest,
     "the request did not arrive in time", false, kQuiet},
    {kAdminBadRequest, 400, Kind::kClientError, "admin_bad_request", kInvalidRequest,
     "the body is not what this path takes", false, kQuiet},
    {kRevocationRefused, 400, Kind::kClientError, "revocation_refused", kInvalidRequest,
     "the authorization server refused the revocation", false, kQuiet},
    {kEventRefused, 400, Kind::kClientError, "event_refused", kInvalidRequest, "the event is not accepted", false,
     kQuiet},
    {kEventSenderUnknown, 401, Kind::kClientError, "event_sender_unknown", "invalid_client",
     "the sender is not authenticated", false, kWarn},
    {kEventUnmappable, 422, Kind::kClientError, "event_unmappable", kInvalidRequest,
     "the subject names nothing that tokens are known by", false, kQuiet},
    {kBadUpstream, 502, Kind::kServerError, "bad_upstream", "bad_upstream",
     "the authorization server's answer was not usable", false, kWarn},
    {kUpstreamCredential, 503, Kind::kServerError, "upstream_auth", kUnavailable,
     "the authorization server refused this node's credential", true, LogLevel::kError},
    {kUpstreamRefusedUs, 503, Kind::kServerError, "upstream_refused", kUnavailable,
     "the authorization server refused this node's request", true, LogLevel::kError},
    {kUpstreamRateLimited, 503, Kind::kServerError, "upstream_rate_limited", kUnavailable,
     "the authorization server limits the rate of requests", true, kWarn},
    {kUpstreamError, 503, Kind::kServerError, "upstream_error", kUnavailable,
     "the authorization server failed to answer", true, kWarn},
    {kUpstreamUnreachable, 503, Kind::kServerError, "upstream_unreachable", kUnavailable,
     "the authorization server cannot be reached", true, kWarn},
    {kBreakerOpen, 503, Kind::kServerError, "breaker_open", kUnavailable,
     "the authorization server has failed repeatedly and is left alone for a moment", true, kQuiet},
    {kOverloaded, 503, Kind::kServerError, "overloaded", kUnavailable,
     "too many requests to the authorization server are under way", true, kQuiet},
    {kCallerOverloaded, 503, Kind::kServerError, "caller_overloaded", kUnavailable,
     "too many requests of this caller are under way", true, kQuiet},
    {kRevocationQuota, 503, Kind::kServerError, "revocation_quota", kUnavailable,
     "too many unknown tokens were revoked by this caller", true, kWarn},
    {kRevocationUnknown, 503, Kind::kServerError, "revocation_unconfirmed", kUnavailable,
     "the authorization server did not confirm the revocation", true, kWarn},
    {kEventKeysUnavailable, 503, Kind::kServerError, "event_keys_unavailable", kUnavailable,
     "a key of the issuer that verifies the event cannot be had now", true, kWarn},
    {kEventOutboxFull, 503, Kind::kServerError, "event_outbox_full", kUnavailable,
     "the event cannot be stored for the other nodes now", true, kWarn},
    {kEventOverloaded, 503, Kind::kServerError, "event_overloaded", kUnavailable, "too many events are waiting", true,
     kWarn},
    {kShuttingDown, 503, Kind::kServerError, "shutting_down", kUnavailable, "the service is stopping", true, kQuiet},
    {kUpstreamTimeout, 504, Kind::kServerError, "upstream_timeout", kTimeout,
     "the authorization server did not answer in time", false, kWarn},
    {kDeadline, 504, Kind::kServerError, "deadline", kTimeout, "no answer was found in time", false, kQuiet},
}};

constexpr bool rows_stand_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (index_of(kTable[i].outcome) != i) return false;
  }
  return true;
}
static_assert(rows_stand_in_order());

}  // namespace

const OutcomeRow& describe(Outcome outcome) noexcept { return kTable[index_of(outcome)]; }

std::span<const OutcomeRow> outcome_table() noexcept { return kTable; }

}  // namespace introspectd::service
