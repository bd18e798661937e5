// JsonPointer: names one value of a JSON document (RFC 6901), so that a conf can say where in a foreign body a claim
// stands.
// Threads: values.  Owns: its reference tokens.  Errors: nullopt; what is not there is nullptr.
// Cost: O(members on the way).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json_value.h"

namespace introspectd::oauth {

class JsonPointer {
 public:
  static constexpr std::size_t kTokensMost = 16;   // as deep as a document may nest (codec::JsonLimits)

  // "" names the whole document, "/a~1b/0" the first item of member "a/b". nullopt where `text` does not begin with a
  // slash, where a tilde stands for nothing (RFC 6901 §3), or beyond kTokensMost reference tokens.
  static std::optional<JsonPointer> read(std::string_view text);

  // The value, owned by `document`. Array indices have no leading zero and no sign; "-" is never there (§4).
  const codec::JsonValue* find(const codec::JsonValue& document) const;

 private:
  std::vector<std::string> tokens_;   // unescaped
};

}  // namespace introspectd::oauth
