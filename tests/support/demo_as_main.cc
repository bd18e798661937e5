// demo_as [PORT]: the demo authorization server as a program of its own; prints its address, ends on SIGTERM
// or SIGINT.
#include <signal.h>

#include <charconv>
#include <cstdio>
#include <cstring>

#include "support/demo_as.h"

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  if (argc > 1) std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), port);
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGINT);
  ::sigaddset(&ends, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);  // before the server's thread starts and inherits the mask
  introspectd::support::DemoAs server;
  if (!server.start(port)) {
    std::perror("demo_as: cannot listen");
    return 1;
  }
  std::printf("demo_as ready at %s\n", server.url("").c_str());
  std::fflush(stdout);
  int number = 0;
  ::sigwait(&ends, &number);
  return 0;
}
