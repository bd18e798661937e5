// Ctl: the token from standard input.
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "app/ctl.h"

namespace introspectd::app {
namespace {

// Signals that end or stop the program wait while it lives: Ctrl-C must not leave a terminal without echo.
class SignalsWait {
 public:
  SignalsWait() {
    ::sigemptyset(&waiting_);
    for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP}) ::sigaddset(&waiting_, signal);
    ::sigprocmask(SIG_BLOCK, &waiting_, &before_);
    fd_ = ::signalfd(-1, &waiting_, SFD_CLOEXEC);
  }
  SignalsWait(const SignalsWait&) = delete;
  SignalsWait& operator=(const SignalsWait&) = delete;
  ~SignalsWait() {
    if (fd_ >= 0) ::close(fd_);
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);  // what came meanwhile is delivered here
  }
  // False: a signal came before input did.
  bool wait_for_input() const {
    std::array<pollfd, 2> entries{{{STDIN_FILENO, POLLIN, 0}, {fd_, POLLIN, 0}}};
    while (::poll(entries.data(), entries.size(), -1) < 0 && errno == EINTR) {
    }
    return entries[1].revents == 0;
  }

 private:
  sigset_t waiting_{};
  sigset_t before_{};
  int fd_ = -1;
};

// A token typed at a terminal does not stand on the screen; the terminal gets its echo back.
class EchoOff {
 public:
  EchoOff() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    is_off_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
    if (is_off_) prompt("token: ");
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  ~EchoOff() {
    if (!is_off_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    prompt("\n");
  }

 private:
  static void prompt(std::string_view text) {
    if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;  // a prompt nobody sees is no error
  }
  termios before_{};
  bool is_off_ = false;
};

}  // namespace

tl::expected<Secret, std::string> read_token_from_stdin(std::size_t most) {
  const bool is_terminal = ::isatty(STDIN_FILENO) == 1;
  const SignalsWait signals_wait;
  const EchoOff echo_off;
  Secret token;
  std::array<char, 4096> block{};
  while (token.size() <= most) {
    if (!signals_wait.wait_for_input()) return tl::unexpected(std::string("interrupted"));
    const ssize_t got = ::read(STDIN_FILENO, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return tl::unexpected("standard input: " + std::error_code(errno, std::generic_category()).message());
    }
    if (got == 0) break;
    token.append(std::string_view(block.data(), static_cast<std::size_t>(got)));
    if (is_terminal && token.reveal().ends_with('\n')) break;
  }
  zeroize(block.data(), block.size());
  return token;
}

}  // namespace introspectd::app
