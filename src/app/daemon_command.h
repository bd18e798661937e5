// DaemonCommand: the command line of introspectd, and everything it does short of running: --check,
// --print-config,
// --help, --version and the documents generated from the option table.
// Threads: main.  Owns: its texts.  Errors: exit statuses: 78 for a configuration that is refused
// (EX_CONFIG), 2 for a command line that is not understood.  Cost: reads the configuration once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/config_file.h"
#include "app/configuration.h"

namespace introspectd::app {

inline constexpr int kExitUsage = 2;

struct DaemonCommand {
  std::string config = "/etc/introspectd/introspectd.conf";
  bool check = false;
  bool print_config = false;
  bool print_default_config = false;
  bool print_options_markdown = false;
};

// What is left to do: to write and exit, or to run.
struct CommandOutcome {
  std::string out;
  std::string err;
  int exit_status = 0;
  std::optional<Configuration> to_run;
};

// `arguments` without the program's name.
CommandOutcome run_daemon_command(const std::vector<std::string>& arguments, const ConfigWorld& world);

}  // namespace introspectd::app
