// Net: the few socket calls that the demo and the black-box tests need; loopback and Unix sockets only.
// Threads: any; no state.  Owns: nothing.  Errors: an invalid Fd, an empty optional or false; errno tells
// why. Cost: system calls; every blocking call takes a deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "support/fd.h"

namespace introspectd::support {

using SteadyTime = std::chrono::steady_clock::time_point;

SteadyTime after(std::chrono::milliseconds delay);

// A listening socket on 127.0.0.1; port 0 lets the kernel choose, `port_of` tells which it was.
Fd listen_on_loopback(std::uint16_t port);
std::uint16_t port_of(const Fd& socket);
// A port that was free a moment ago (for programs that take a port number, not a descriptor).
std::uint16_t free_port();

Fd connect_tcp(std::uint16_t port);
Fd connect_unix(const std::string& path);

// False when the peer is gone or the deadline has passed.
bool send_all(const Fd& socket, std::string_view bytes, SteadyTime deadline);

enum class Received { kBytes, kEof, kReset, kTimedOut };
// Appends what is there to `bytes`; waits for the first byte until the deadline.
Received receive_some(const Fd& socket, std::string& bytes, SteadyTime deadline);

}  // namespace introspectd::support
