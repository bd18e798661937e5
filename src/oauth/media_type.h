// media_type: whether a Content-Type says JSON (RFC 9110 §8.3.1, RFC 6839 §3.1).
// Threads: a function of values.  Owns: nothing.  Errors: false.  Cost: O(n).
#pragma once

#include <string_view>

namespace introspectd::oauth {

// `application/json` and `application/…+json` in any case; parameters are ignored. `text/json`, an empty field and a
// list of two types are not JSON.
bool is_json_media_type(std::string_view content_type) noexcept;

}  // namespace introspectd::oauth
