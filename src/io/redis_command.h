// append_redis_command: one command as Redis reads it (RESP arrays of bulk strings), appended to a buffer.
// Threads: any.  Owns: nothing; the formatted copy in between is overwritten, it may hold a password (I44).
// Errors: none.  Cost: one allocation by hiredis, two copies.
#pragma once

#include <span>
#include <string_view>

#include "base/byte_buffer.h"

namespace introspectd::io {

void append_redis_command(ByteBuffer& out, std::span<const std::string_view> words);

}  // namespace introspectd::io
