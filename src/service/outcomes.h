// Outcomes: how a request can end, and the one table from an outcome to status, OAuth error, log level and metric
// label. Everything that answers a caller looks here; nothing else knows a status code.
// Threads: constants.  Owns: nothing.  Errors: none.  Cost: an array index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/log.h"

namespace introspectd::service {

enum class Outcome : std::uint8_t {
  // determinations
  kActive,
  kInactive,             // the AS said so
  kInactiveDead,         // revoked by token (I4)
  kInactiveNotCurrent,   // the AS said active, but exp has passed or nbf has not come (F57–F59)
  kInactiveAudience,     // for none of the caller's audiences (STD 1.24)
  kInactiveImpossible,   // bytes that no token has (F18)
  kRevoked,              // RFC 7009: 200
  kAdminDone,            // an admin route answered
  kEventAccepted,        // a revocation event is applied and durable
  // the caller's mistakes
  kTokenMissing,
  kParameterRepeated,
  kTokenTooLong,
  kFormMalformed,
  kTwoMechanisms,        // more than one way of client authentication (STD 2.03)
  kCallerUnknown,        // 401
  kPeerRefused,          // 403, uid (F40)
  kForeignOrigin,        // 403, Host or Origin where nobody authenticates (F29)
  kNoSuchRoute,
  kMethodNotAllowed,
  kMediaType,
  kFraming,              // the parser's own status (F21–F28, F41)
  kRequestTimeout,       // 408 (F33)
  kAdminBadRequest,
  kRevocationRefused,    // the AS refused; the token lives (STD 4.06)
  kEventRefused,         // malformed, forged, expired, meant for somebody else (F98, F99)
  kEventSenderUnknown,   // 401: a bearer or webhook signature that is none of ours
  kEventUnmappable,      // 422: its subject names nothing that tokens carry
  // the AS answered badly: 502
  kBadUpstream,
  // the AS, or we, cannot answer now: 503
  kUpstreamCredential,   // 401, 403 from the AS: ours failed (F63)
  kUpstreamRefusedUs,    // 400, 404, 405 (F64, F65)
  kUpstreamRateLimited,  // F66, F67
  kUpstreamError,        // 5xx (F68)
  kUpstreamUnreachable,  // refused, DNS, TLS, died (F78, F84–F88)
  kBreakerOpen,
  kOverloaded,           // in-flight limit of the AS, or waiters (I32)
  kCallerOverloaded,     // the caller's own limit
  kRevocationQuota,      // too many unknown tokens revoked by one caller (F102)
  kRevocationUnknown,    // the AS did not confirm; dead here it stays
  kEventKeysUnavailable, // the AS's keys cannot be had now, or the one that is wanted may come yet
  kEventOutboxFull,      // applied here, but the fleet cannot be told now
  kEventOverloaded,      // too many events wait
  kShuttingDown,
  // 504
  kUpstreamTimeout,
  kDeadline,             // the request's own time is over (I29)
};
inline constexpr std::size_t kOutcomes = static_cast<std::size_t>(Outcome::kDeadline) + 1;

enum class OutcomeKind : std::uint8_t { kTrue, kFalse, kDone, kClientError, kServerError };

struct OutcomeRow {
  Outcome outcome;
  int status;
  OutcomeKind kind;
  std::string_view label;         // metric label and log value
  std::string_view error;         // OAuth error code; empty for 200
  std::string_view description;   // error_description: static, never input
  bool retry_after;
  LogLevel level;                 // kDebug: not worth a line
};

const OutcomeRow& describe(Outcome outcome) noexcept;
std::span<const OutcomeRow> outcome_table() noexcept;

constexpr std::size_t index_of(Outcome outcome) { return static_cast<std::size_t>(outcome); }

}  // namespace introspectd::service
