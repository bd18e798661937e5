// Ctl: what introspectctl does: status, purge, flush, over the admin socket. A token is read from standard
// input, hashed here and dropped; only its SHA-256 crosses the socket, and it never stands on a command line.
// Threads: main.  Owns: its texts.  Errors: exit statuses below, one line on standard error.
// Cost: one exchange with the daemon.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "app/admin_client.h"
#include "app/file_reader.h"
#include "base/secret.h"

namespace introspectd::app {

enum class CtlExit : int { kOk = 0, kRefused = 1, kUsage = 2, kNotReachable = 3, kBadReply = 4 };

// The outside of introspectctl, replaced in tests.
struct CtlWorld {
  FileReader* files = nullptr;
  // Standard input: at most `most` bytes and one more; from a terminal one line, not echoed.
  std::function<tl::expected<Secret, std::string>(std::size_t most)> read_token;
  std::function<tl::expected<AdminReply, AdminError>(const std::string& socket, const AdminRequest& request)>
      ask;
};

struct CtlOutcome {
  std::string out;
  std::string err;
  CtlExit exit = CtlExit::kOk;
};

// `arguments` without the program's name.
CtlOutcome run_ctl(const std::vector<std::string>& arguments, const CtlWorld& world);

// Standard input of this process, as CtlWorld::read_token.
tl::expected<Secret, std::string> read_token_from_stdin(std::size_t most);

}  // namespace introspectd::app
