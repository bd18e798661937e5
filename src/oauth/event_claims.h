// event_claims: the checks that all kinds of signed events share: typ, iss, aud, times, and members of the right type.
// Threads: functions of values.  Owns: nothing.  Errors: EventDefect.  Cost: O(n).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/time.h"
#include "codec/json_value.h"
#include "oauth/security_event.h"

namespace introspectd::oauth {

// The last second of the year 9999: a date beyond it counts in milliseconds, or is no date.
inline constexpr std::int64_t kDateMost = 253'402'300'799;

using Judged = tl::expected<void, EventDefect>;

// `typ` names that media type: case does not count, "application/" may stand before it (RFC 7515 §4.1.9).
bool is_type(std::string_view typ, std::string_view lower_case) noexcept;

// The payload as one strict object.
tl::expected<codec::JsonValue, EventDefect> read_claims(std::string_view claims);

// A member that must be there: a string that is not empty; a NumericDate up to kDateMost (STD 3.13).
tl::expected<std::string, EventDefect> read_text(const codec::JsonValue& object, std::string_view name);
tl::expected<std::int64_t, EventDefect> read_date(const codec::JsonValue& object, std::string_view name);
// … that may be absent.
tl::expected<std::optional<std::string>, EventDefect> read_optional_text(const codec::JsonValue& object,
                                                                         std::string_view name);
// An array of strings, none of them empty; `null` counts as absent.
tl::expected<std::optional<std::vector<std::string>>, EventDefect> read_optional_texts(const codec::JsonValue& object,
                                                                                       std::string_view name);

// `iss` is there and the configured issuer, byte for byte.
Judged check_issuer(const codec::JsonValue& claims, const EventPolicy& policy);
// `aud`, a string or an array of strings, names one of the accepted audiences. An absent one does not.
Judged check_audience(const codec::JsonValue& claims, const EventPolicy& policy);
// now < exp + skew, but of what is replayed.
Judged check_not_expired(std::int64_t exp, const EventPolicy& policy, WallTime now);
// Not later than now + skew: what judges iat, and every time that an event claims for itself.
bool lies_ahead(std::int64_t seconds, const EventPolicy& policy, WallTime now);

}  // namespace introspectd::oauth
