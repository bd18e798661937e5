// Answer: what the mock authorization server says of a token, always of the same size: one active answer of
// kAnswerBytes, with the members that real servers give, or the inactive one (RFC 7662 §2.2).
// Threads: pure.  Owns: nothing.  Errors: none.  Cost: one snprintf.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace introspectd::bench {

constexpr std::size_t kAnswerBytes = 450;
constexpr std::string_view kInactiveAnswer = "{\"active\":false}";

using AnswerBuffer = std::array<char, kAnswerBytes + 1>;

// The active answer of token `index`, in `buffer`.
std::string_view active_answer(std::uint64_t index, AnswerBuffer& buffer);

}  // namespace introspectd::bench
