// Ctl: the token from standard input.
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "app/ctl.h"

namespace introspectd::app {
namespace {

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
  const EchoOff echo_off;
  Secret token;
  std::array<char, 4096> block{};
  while (token.size() <= most) {
    const ssize_t got = ::read(STDIN_FILENO, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return tl::unexpected("standard input: " + std::error_code(errno, std::generic_category()).message());
    if (got == 0) break;
    token.append(std::string_view(block.data(), static_cast<std::size_t>(got)));
    if (is_terminal && token.reveal().ends_with('\n')) break;
  }
  zeroize(block.data(), block.size());
  return token;
}

}  // namespace introspectd::app
