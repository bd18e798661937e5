// base64: RFC 4648 §4 (with padding, for Basic) and §5 (base64url without padding), and hexadecimal digests.
// Strict: no white space, no foreign characters, no non-zero trailing bits.
// Threads: functions of values.  Owns: nothing.  Errors: false, the output then holds nothing new.  Cost: O(n).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace introspectd::codec {

// Padding may be left out (clients do); where it is present it must be right.
bool decode_base64(std::string_view text, Secret& decoded);
void encode_base64(std::string_view bytes, Secret& text);
std::string encode_base64url(std::string_view bytes);
// No padding, no second spelling of the same bytes (RFC 7515 §2).
std::optional<std::string> decode_base64url(std::string_view text);

// 64 hexadecimal digits of either case.
std::optional<std::array<std::uint8_t, 32>> decode_sha256_hex(std::string_view text);
std::string encode_hex(std::string_view bytes);

}  // namespace introspectd::codec
