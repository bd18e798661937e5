// RequestText and ReplyCheck: the request the load sends, and whether a reply to it is complete and right.
// Threads: one owner.  Owns: the text.  Errors: ReplyCheck tells a wrong reply.  Cost: a copy; no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "load/plan.h"
#include "support/token_set.h"

namespace introspectd::bench {

class RequestText {
 public:
  explicit RequestText(const Plan& plan);
  void append(std::string& out, std::uint64_t index) const;
  std::size_t request_bytes() const { return before_token_.size() + kTokenBytes; }

 private:
  TokenSet tokens_;
  std::string before_token_;
};

class ReplyCheck {
 public:
  enum class Verdict : std::uint8_t { kIncomplete, kRight, kWrong, kMalformed };
  // `consumed` is set unless the reply is incomplete or malformed.
  Verdict judge(std::string_view bytes, std::uint64_t index, std::size_t& consumed);

 private:
  // The last active reply's head: as long as the next one begins with it, nothing needs to be parsed again.
  std::string known_head_;
};

}  // namespace introspectd::bench
