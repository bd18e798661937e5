// introspectd: the daemon's main: a clean environment first, then the command line, then the loops.
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "app/daemon.h"
#include "app/daemon_command.h"
#include "app/daemon_parts.h"
#include "app/environment.h"
#include "app/file_reader.h"

int main(int argc, char** argv) {
  namespace app = introspectd::app;
  app::clear_environment();  // I47, before any library looks
  app::DiskFileReader files;
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  app::ConfigWorld world = app::own_world(files);
  world.judge_tls = app::judge_tls;
  world.judge_redis = app::judge_redis;
  app::CommandOutcome outcome = app::run_daemon_command(arguments, world);
  std::fwrite(outcome.out.data(), 1, outcome.out.size(), stdout);
  std::fwrite(outcome.err.data(), 1, outcome.err.size(), stderr);
  if (!outcome.to_run) return std::fflush(stdout) == 0 ? outcome.exit_status : 1;
  return app::run_daemon(std::move(*outcome.to_run));
}
