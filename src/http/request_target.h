// RequestTarget: the target of a request line taken apart (RFC 9112 §3.2): origin-form, absolute-form reduced to its
// path (STD 7.06), or the asterisk of OPTIONS. The authority-form belongs to CONNECT, which is refused before.
// Threads: a value.  Owns: nothing: views into the text.  Errors: nullopt.  Cost: O(length), no allocation.
#pragma once

#include <optional>
#include <string_view>

namespace introspectd::http {

struct RequestTarget {
  std::string_view path;       // empty for `http://host`, which means "/"
  std::string_view query;
  std::string_view authority;  // of the absolute form: it overrules Host (RFC 9112 §3.2.2)
  bool has_query = false;
  bool is_absolute = false;
};

// The bytes themselves were checked by llhttp; `#` is refused here: a fragment is never sent.
std::optional<RequestTarget> read_target(std::string_view text, bool is_options) noexcept;

}  // namespace introspectd::http
