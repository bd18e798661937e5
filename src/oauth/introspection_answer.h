// IntrospectionAnswer: what an authorization server's HTTP reply says about a token (RFC 7662 §2.2), or why it says
// nothing. Only HTTP 200 with a JSON media type and one strict object with a boolean `active` is a determination
// (I17); everything else is a defect and never becomes `active:false` (I18).
// Threads: values.  Owns: its strings.  Errors: AnswerDefect.  Cost: O(n), on a miss only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "oauth/audience.h"

namespace introspectd::oauth {

struct IntrospectionAnswer {
  bool active = false;
  std::string body;                     // the AS's JSON as sent; empty when not active (claims are dropped, F60)
  std::optional<std::int64_t> exp;      // seconds since 1970, fractions floored (F56); absent when null or missing
  std::optional<std::int64_t> nbf;
  std::optional<std::int64_t> iat;
  // Claims by which revocations name tokens; empty when absent, or neither a string nor a number (its digits).
  std::string sub;
  std::string sid;
  std::string client_id;
  std::string jti;
  bool offline_access = false;          // a word of `scope`: the token outlives its session (OIDC Core §11)
  AudienceMask audience = 0;            // which configured names stand in `aud` (a string or an array)
};

enum class AnswerDefect : std::uint8_t {
  kCredentialRefused,   // 401, 403: our own credential failed (F63, STD 1.19)
  kBadRequest,          // 400 (F64)
  kNotAnEndpoint,       // 404, 405 (F65)
  kRateLimited,         // 429 (F66, F67)
  kServerError,         // 5xx (F68)
  kUnexpectedStatus,    // 1xx final, other 2xx, 3xx, other 4xx (F69, F70)
  kMediaType,           // 200 that is not JSON (F46)
  kMalformed,           // empty, truncated, not JSON, bad UTF-8, too deep, trailing bytes (F47, F48, F51, F52)
  kDuplicateMember,     // F49
  kActiveMissing,       // `active` missing or not a boolean (F50)
  kBadTime,             // exp, nbf, iat: string, negative, beyond 2^63 (F55)
  kTooLarge,            // F53
};
std::string_view describe(AnswerDefect defect) noexcept;

// JSON media types are `application/json` and `application/…+json`, in any case, parameters ignored. Times are judged
// where active is true only: beside active:false nothing else is read.
tl::expected<IntrospectionAnswer, AnswerDefect> read_introspection_answer(int status, std::string_view content_type,
                                                                          std::string_view body,
                                                                          const AudienceNames& audiences);

// Retry-After as a delay: seconds or an IMF-fixdate (RFC 9110 §10.2.3), a date gone by is 0; nullopt when absent, not
// readable or beyond 2^63. Not clamped.
std::optional<std::int64_t> read_retry_after_seconds(std::string_view field, std::int64_t wall_seconds);

}  // namespace introspectd::oauth
