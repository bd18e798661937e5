// numeric_date: the NumericDate of RFC 7519 §2 (`exp`, `nbf`, `iat`) from the text of a JSON number, exactly: no
// double comes near it, so that neither rounding nor overflow can lengthen a life (I7, F55, F56).
// Threads: a function of values.  Owns: nothing.  Errors: nullopt.  Cost: O(n).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace introspectd::oauth {

// Seconds since 1970, fractions floored; nullopt when negative (a minus sign, even of zero) or at or beyond 2^63.
// `number` is a number by the grammar of JSON.
std::optional<std::int64_t> read_numeric_date(std::string_view number);

}  // namespace introspectd::oauth
