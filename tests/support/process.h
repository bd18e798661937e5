// Process: a child program that cannot outlive us, and a directory that removes itself.
// Threads: one (the one that starts a child must live as long as the child: the kernel ties PR_SET_PDEATHSIG
// to it). Owns: the child, until it is reaped; the directory.  Errors: text or false.  Cost: fork, exec,
// wait.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace introspectd::support {

struct ProcessOptions {
  std::vector<std::string> command;                              // program (a path) and arguments
  std::string output_file;                                       // stdout and stderr; "" = /dev/null
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
};

class Process {
 public:
  static tl::expected<Process, std::string> start(const ProcessOptions& options);

  Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Process& operator=(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();  // ends what still runs, and reaps it

  pid_t pid() const { return pid_; }
  bool running();
  void send_signal(int number) const;
  // The wait status once it has ended; nothing when it has not within this time.
  std::optional<int> wait(std::chrono::milliseconds patience);
  // SIGTERM, then SIGKILL after the patience; reaped in any case. True when SIGTERM was enough.
  bool stop(std::chrono::milliseconds patience);

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

class TempDir {
 public:
  TempDir();  // mode 0700
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Creates or replaces a file of mode 0600.
bool write_file(const std::string& path, std::string_view bytes);
std::string read_file(const std::string& path);

}  // namespace introspectd::support
