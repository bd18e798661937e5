// http_text: finds, in the regular HTTP/1.1 messages that a bench's own peers send, where a message ends and what its
// body is. Content-Length only: the peers of a bench do not chunk.
// Threads: pure.  Owns: nothing, views of the input.  Errors: kMalformed.  Cost: one pass over the head.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace introspectd::bench {

enum class TextStatus : std::uint8_t { kIncomplete, kComplete, kMalformed };

struct MessageText {
  TextStatus status = TextStatus::kIncomplete;
  std::string_view first_line;
  std::string_view body;
  std::size_t total_bytes = 0;
};

MessageText find_message(std::string_view bytes);

// The value of `name` in a form body, still encoded; empty when absent.
std::string_view form_value(std::string_view form, std::string_view name);

}  // namespace introspectd::bench
