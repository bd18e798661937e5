// memcached: the load generator's requests in memcached's text protocol, and whether a reply to one is complete and
// right. The key is the token itself, the value what the mock authorization server says of it.
// Threads: pure.  Owns: nothing.  Errors: a miss and an error line are wrong replies, anything else malformed.
// Cost: a copy; no allocation beyond `out`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "load/requests.h"

namespace introspectd::bench {

void append_get(std::string& out, std::string_view key);
// Without flags and for ever.
void append_set(std::string& out, std::string_view key, std::string_view value);
// `consumed` is set unless the reply is incomplete or malformed.
ReplyCheck::Verdict judge_get(std::string_view bytes, std::uint64_t index, std::size_t& consumed);
ReplyCheck::Verdict judge_set(std::string_view bytes, std::size_t& consumed);

}  // namespace introspectd::bench
