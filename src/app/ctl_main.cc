// introspectctl: the operator's tool.
#include <cstdio>
#include <string>
#include <vector>

#include "app/ctl.h"
#include "app/environment.h"

int main(int argc, char** argv) {
  namespace app = introspectd::app;
  app::clear_environment();
  app::DiskFileReader files;
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const app::CtlOutcome outcome =
      app::run_ctl(arguments, {&files, app::read_token_from_stdin, app::ask_daemon});
  std::fwrite(outcome.out.data(), 1, outcome.out.size(), stdout);
  std::fwrite(outcome.err.data(), 1, outcome.err.size(), stderr);
  const bool written = std::fflush(stdout) == 0;
  return written ? static_cast<int>(outcome.exit) : static_cast<int>(app::CtlExit::kBadReply);
}
