// read_peer: who is at the other end of a connected socket, by SO_PEERCRED and SO_PEERGROUPS; nothing on TCP.
// Threads: any.  Owns: nothing.  Errors: a Unix peer that the kernel will not name gets kUnknownUid, which no policy
// may list (F40).  Cost: two to four system calls.
#pragma once

#include <cstdint>
#include <limits>

#include "ports/byte_stream.h"

namespace introspectd::io {

inline constexpr std::uint32_t kUnknownUid = std::numeric_limits<std::uint32_t>::max();  // (uid_t)-1: never a user

ports::Peer read_peer(int fd);

}  // namespace introspectd::io
