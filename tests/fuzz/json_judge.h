// json_judge: a second opinion on what one strict JSON object is, written from RFC 8259 without RapidJSON, so that a
// fuzz target can hold our reader against it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace introspectd::fuzz {

struct JsonVerdict {
  bool accepted = false;
  // Of the top object: what stands at `active`: "true", "false", or "" for anything else or nothing.
  std::string active;
};

JsonVerdict judge_json(std::string_view text, std::size_t bytes_most, std::size_t depth_most);

}  // namespace introspectd::fuzz
