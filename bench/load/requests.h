// RequestText and ReplyCheck: the request the load sends, and whether a reply to it is complete and right; memcached's
// text is in load/memcached.h.
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

 private:
  void append_http(std::string& out, std::uint64_t index) const;
  void append_memcached(std::string& out, std::uint64_t index) const;

  TokenSet tokens_;
  Protocol protocol_;
  std::string before_token_;  // of an HTTP request
  std::string after_token_;
};

// Whether the mock authorization server says this of token `index`.
bool is_right_answer(std::string_view answer, std::uint64_t index);

class ReplyCheck {
 public:
  explicit ReplyCheck(Protocol protocol = Protocol::kIntrospect) : protocol_(protocol) {}
  enum class Verdict : std::uint8_t { kIncomplete, kRight, kWrong, kMalformed };
  // `consumed` is set unless the reply is incomplete or malformed.
  Verdict judge(std::string_view bytes, std::uint64_t index, std::size_t& consumed);

 private:
  Verdict judge_http(std::string_view bytes, std::uint64_t index, std::size_t& consumed);

  Protocol protocol_;
  // The last active reply's head: as long as the next one begins with it, nothing needs to be parsed again.
  std::string known_head_;
};

}  // namespace introspectd::bench
