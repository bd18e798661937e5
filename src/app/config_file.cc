#include "app/config_file.h"

#include <algorithm>
#include <utility>

#include "app/configuration_builder.h"
#include "app/environment.h"

namespace introspectd::app {
namespace {

constexpr std::size_t kProblemsMost = 50;

void cut(std::vector<ConfigProblem>& problems) {
  if (problems.size() <= kProblemsMost) return;
  const std::size_t more = problems.size() - kProblemsMost;
  problems.resize(kProblemsMost);
  problems.push_back({problems.back().line, "syntax",
                      "expected a configuration, got " + std::to_string(more) + " more problems"});
}

}  // namespace

tl::expected<Configuration, std::vector<ConfigProblem>> read_configuration(std::string_view toml,
                                                                           const ConfigWorld& world) {
  OptionSets sets = read_option_sets(toml);
  if (!sets.readable) return tl::unexpected(std::move(sets.problems));
  ConfigurationBuilder builder(world, std::move(sets));
  Configuration configuration = builder.build();
  std::vector<ConfigProblem> problems = builder.take_problems();
  if (problems.empty()) return configuration;
  cut(problems);
  return tl::unexpected(std::move(problems));
}

tl::expected<Configuration, std::vector<ConfigProblem>> load_configuration(const std::string& path,
                                                                           const ConfigWorld& world) {
  auto file = world.files->read(path, kConfigBytesMost);
  if (!file) {
    return tl::unexpected(
        std::vector<ConfigProblem>{{1, "file", "expected a readable configuration, got " + file.error()}});
  }
  return read_configuration(file->bytes.reveal(), world);
}

std::string format_problem(std::string_view path, const ConfigProblem& problem) {
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return "config: " + std::string(name) + ":" + std::to_string(problem.line) + ": " + problem.key + ": " +
         problem.message;
}

ConfigWorld own_world(FileReader& files) {
  ConfigWorld world;
  world.files = &files;
  world.gid = own_gid();
  world.memory_limit = own_memory_limit();
  world.credentials_directory = environment_value("CREDENTIALS_DIRECTORY").value_or("");
  const std::string directories = environment_value("STATE_DIRECTORY").value_or("");
  world.state_directory = directories.substr(0, directories.find(':'));
  return world;
}

}  // namespace introspectd::app
