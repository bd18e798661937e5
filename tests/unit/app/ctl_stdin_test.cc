#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

#include "app/ctl.h"

namespace introspectd::app {
namespace {

// Standard input and error are other descriptors while it lives.
class Redirected {
 public:
  Redirected(int input, int error) : input_(::dup(0)), error_(::dup(2)) {
    ::dup2(input, 0);
    ::dup2(error, 2);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;
  ~Redirected() {
    ::dup2(input_, 0);
    ::dup2(error_, 2);
    ::close(input_);
    ::close(error_);
  }

 private:
  int input_;
  int error_;
};

// A root made by hand may have no pseudo terminals mounted; nothing can be typed there. Anything else is a failure.
bool no_terminals_here() {
  const bool none = ::access("/dev/pts/ptmx", F_OK) != 0;
  if (none) MESSAGE("not tried: no devpts is mounted at /dev/pts");
  return none;
}

struct Terminal {
  Terminal() { REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    ::close(master);
    ::close(slave);
  }
  bool echoes() const {
    termios mode{};
    ::tcgetattr(slave, &mode);
    return (mode.c_lflag & static_cast<tcflag_t>(ECHO)) != 0;
  }
  void wait_until_quiet() const {
    for (int waited = 0; waited < 500 && echoes(); ++waited) ::poll(nullptr, 0, 10);
    ::poll(nullptr, 0, 20);
  }
  std::string shown() const {
    std::string text;
    std::array<char, 4096> block{};
    pollfd entry{master, POLLIN, 0};
    while (::poll(&entry, 1, 100) == 1) {
      const ssize_t got = ::read(master, block.data(), block.size());
      if (got <= 0) break;
      text.append(block.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
  int master = -1;
  int slave = -1;
};

}  // namespace

TEST_CASE("ctl_stdin: a pipe is read to its end, and no further than the most and one block") {
  std::array<int, 2> fds{};
  REQUIRE(::pipe2(fds.data(), O_CLOEXEC) == 0);
  const std::string text(6000, 'a');
  REQUIRE(::write(fds[1], text.data(), text.size()) == 6000);
  {
    const Redirected redirected(fds[0], 2);
    const auto cut = read_token_from_stdin(3000);
    REQUIRE(cut);
    CHECK(cut->size() == 4096);  // more than the most: the caller sees that it is too long
  }
  REQUIRE(::write(fds[1], "b\nc", 3) == 3);
  ::close(fds[1]);
  {
    const Redirected redirected(fds[0], 2);
    CHECK(read_token_from_stdin(100000)->reveal() == text.substr(4096) + "b\nc");
    CHECK(read_token_from_stdin(100000)->empty());
  }
  ::close(fds[0]);
}

TEST_CASE("ctl_stdin: standard input that cannot be read is an error in words") {
  const int directory = ::open("/", O_RDONLY | O_CLOEXEC);
  const Redirected redirected(directory, 2);
  CHECK(read_token_from_stdin(10).error() == "standard input: Is a directory");
  ::close(directory);
}

TEST_CASE("ctl_stdin: a token typed at a terminal is one line and is not shown (I44)") {
  if (no_terminals_here()) return;
  const Terminal terminal;
  std::string typed;
  {
    const Redirected redirected(terminal.slave, terminal.slave);
    std::thread person([&] {
      terminal.wait_until_quiet();
      if (::write(terminal.master, "s3cret-token\n", 13) != 13) return;
    });
    const auto token = read_token_from_stdin(100);
    person.join();
    REQUIRE(token);
    typed = token->reveal();
  }
  CHECK(typed == "s3cret-token\n");
  CHECK(terminal.echoes());
  const std::string shown = terminal.shown();
  CHECK(shown.find("token: ") == 0);
  CHECK(shown.find("s3cret") == std::string::npos);
}

TEST_CASE("ctl_stdin: a signal at the prompt gives the terminal its echo back and then does what it does") {
  if (no_terminals_here()) return;
  const Terminal terminal;
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(terminal.slave, 0);
    ::dup2(terminal.slave, 2);
    ::signal(SIGTERM, SIG_DFL);
    const auto token = read_token_from_stdin(100);
    ::_exit(0);
  }
  terminal.wait_until_quiet();
  CHECK_FALSE(terminal.echoes());
  ::kill(child, SIGTERM);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
  CHECK(terminal.echoes());
}

}  // namespace introspectd::app
