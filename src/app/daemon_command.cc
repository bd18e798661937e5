#include "app/daemon_command.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <sstream>
#include <utility>

#include "app/daemon.h"
#include "app/option_documents.h"
#include "app/version.h"

namespace introspectd::app {
namespace {

// An outcome when the command line alone decides: --help, --version, mistakes.
std::optional<CommandOutcome> parse(std::vector<std::string> arguments, DaemonCommand& command) {
  CLI::App cli("introspectd: answers OAuth 2.0 token introspection on this node, from a cache",
               "introspectd");
  cli.set_version_flag("--version", "introspectd " + std::string(kVersion));
  cli.add_option("--config", command.config, "Configuration file")->capture_default_str();
  auto* check = cli.add_flag("--check", command.check, "Tell what is wrong with the configuration, and exit");
  cli.add_flag("--print-config", command.print_config,
               "Print the configuration in force, without secrets, and exit")
      ->excludes(check);
  cli.add_flag("--print-default-config", command.print_default_config)->group("");
  cli.add_flag("--print-options-markdown", command.print_options_markdown)->group("");
  cli.footer(options_help());
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    cli.parse(arguments);
  } catch (const CLI::ParseError& parsed) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = cli.exit(parsed, out, err);
    return CommandOutcome{out.str(), err.str(), status == 0 ? 0 : kExitUsage, std::nullopt};
  }
  return std::nullopt;
}

std::string told(const std::string& path, const std::vector<ConfigProblem>& problems) {
  std::string lines;
  for (const ConfigProblem& problem : problems) lines += format_problem(path, problem) + "\n";
  return lines;
}

CommandOutcome refuse(const std::string& path, const std::vector<ConfigProblem>& problems) {
  CommandOutcome outcome;
  outcome.err = told(path, problems);
  outcome.exit_status = kExitBadConfiguration;
  return outcome;
}

}  // namespace

CommandOutcome run_daemon_command(const std::vector<std::string>& arguments, const ConfigWorld& world) {
  DaemonCommand command;
  if (auto outcome = parse(arguments, command)) return std::move(*outcome);
  if (command.print_default_config) return {documented_conf(), "", 0, std::nullopt};
  if (command.print_options_markdown) return {options_markdown(), "", 0, std::nullopt};
  auto configuration = load_configuration(command.config, world);
  if (!configuration) return refuse(command.config, configuration.error());
  if (command.print_config) return {print_option_sets(configuration->effective), "", 0, std::nullopt};
  if (command.check) return {"", told(command.config, configuration->notices), 0, std::nullopt};
  return {"", "", 0, std::move(*configuration)};
}

}  // namespace introspectd::app
