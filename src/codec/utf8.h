// utf8: where one well-formed UTF-8 sequence ends (RFC 3629 §4: no overlong forms, no surrogates, ≤ U+10FFFF).
// Threads: functions of values.  Owns: nothing.  Errors: 0.  Cost: O(1).
#pragma once

#include <cstddef>
#include <string_view>

namespace introspectd::codec {

// Bytes of the sequence at the front of `text`, 1 to 4; 0 when it is not well-formed or `text` is empty.
std::size_t utf8_sequence_size(std::string_view text) noexcept;

}  // namespace introspectd::codec
