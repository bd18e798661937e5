// RedisServer: a real redis-server on a Unix socket in a directory of its own, and commands to it.
// Threads: the test's.  Owns: the process, ended by its id.  Errors: none; a test without the server stops.
#pragma once

#include <sys/types.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/io/temporary_directory.h"

namespace introspectd::io {

class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> options = {});
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer() { stop(); }

  std::string socket() const { return directory_.path("s"); }
  std::string url() const { return "unix:" + socket(); }
  // Returns once the server answers.
  void start();
  // Ends it without asking; what it held is gone.
  void stop();
  void signal(int number) const;
  // The reply as text: elements separated by blanks.
  std::string command(std::initializer_list<std::string_view> words) const;

 private:
  TemporaryDirectory directory_;
  std::vector<std::string> options_;
  pid_t pid_ = -1;
};

}  // namespace introspectd::io
