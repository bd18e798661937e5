// open_sockets: the listening sockets of the daemon: those that the service manager passed, by their names
// (`introspect`, `admin`, `notify`), and for what it did not pass, those that the configuration names (STD 9.01).
// Threads: main, at start.  Owns: the sockets, given away.  Errors: a sentence for the operator.
// Cost: a few system calls a socket.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "app/configuration.h"
#include "io/listener.h"

namespace introspectd::app {

enum class Purpose : std::uint8_t { kIntrospect, kAdmin, kNotify };

struct OpenSocket {
  Purpose purpose = Purpose::kIntrospect;
  std::string description;   // for the log
  io::ListenSocket socket;
};

tl::expected<std::vector<OpenSocket>, std::string> open_sockets(const Configuration& configuration);

}  // namespace introspectd::app
