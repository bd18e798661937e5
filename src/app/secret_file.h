// Secret files: a client secret read from where the configuration says, if nobody else can read it there
// (F5). At start and again when an authorization server refuses the secret (F63). Threads: any.  Owns:
// nothing.  Errors: what was expected and what was found, never a byte of the content. Cost: a small file.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "app/config_file.h"
#include "base/secret.h"

namespace introspectd::app {

struct SecretProblem {
  std::string expected;
  std::string got;
};

struct PrivateFile {
  std::string path;
  Secret bytes;
};

// `name`: an absolute path, or without '/' the name of a systemd credential (STD 9.07).
// A file of at most `most` bytes that nobody but the daemon and its group may read, whatever is in it.
tl::expected<PrivateFile, SecretProblem> read_private_file(std::string_view name, const ConfigWorld& world,
                                                           std::size_t most);

// The one line of such a file.
tl::expected<Secret, SecretProblem> read_secret_file(std::string_view name, const ConfigWorld& world);

}  // namespace introspectd::app
