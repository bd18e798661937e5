// form: application/x-www-form-urlencoded (WHATWG URL, RFC 6749 appendix B), reading and writing.
// Threads: functions of values.  Owns: nothing; decoded bytes go to a scratch buffer of the caller.
// Errors: a malformed percent escape.  Cost: O(n); no allocation when nothing is escaped.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace introspectd::codec {

// Walks the pairs of a body: `a=1&b=2`. Names and values are still encoded. Empty pairs (`&&`) are skipped.
class FormPairs {
 public:
  struct Pair {
    std::string_view name;
    std::string_view value;
  };
  explicit FormPairs(std::string_view body) : rest_(body) {}
  std::optional<Pair> next();

 private:
  std::string_view rest_;
};

// True when decoding would change nothing (no '%', no '+').
bool is_plain(std::string_view encoded) noexcept;

// True when every '%' begins an escape of two hexadecimal digits.
bool is_well_formed(std::string_view encoded) noexcept;

// Appends the decoded bytes to `decoded`; nullopt on a bad escape, nothing appended. Returns the view: of `encoded`
// itself when it is plain (no copy), of the bytes appended otherwise (valid until `decoded` moves its block: whoever
// reserved encoded.size() bytes more keeps earlier views valid).
std::optional<std::string_view> decode_component(std::string_view encoded, Secret& decoded);

// Appends `bytes` form-encoded: unreserved characters (RFC 3986 §2.3) stand, a space becomes '+', everything else %XX (STD 2.01).
void encode_component(std::string_view bytes, Secret& encoded);

}  // namespace introspectd::codec
