// Config file: TOML text → Configuration, or every problem that it has (F1–F13). Nothing is opened but the
// files that it names, through the FileReader, and no content of a secret appears in a problem. Threads: any.
// Owns: nothing.  Errors: ConfigProblem, at least one.  Cost: O(file + secrets + certificates).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "app/configuration.h"
#include "app/file_reader.h"
#include "app/option_sets.h"

namespace introspectd::app {

// What a configuration is judged against. The two judges are the adapters' own: "got …" where something is wrong,
// and where they are empty nothing is.
struct ConfigWorld {
  FileReader* files = nullptr;
  std::uint32_t gid = 0;                      // the daemon's own group (F5)
  std::optional<std::uint64_t> memory_limit;  // of the cgroup (F13)
  std::string credentials_directory;          // empty: not started with credentials
  std::string state_directory;                // of the systemd unit; empty: none
  std::function<std::optional<std::string>(const std::string& cert_file, const std::string& key_file)> judge_tls;
  std::function<std::optional<std::string>(const std::string& url)> judge_redis;
};

tl::expected<Configuration, std::vector<ConfigProblem>> read_configuration(std::string_view toml,
                                                                           const ConfigWorld& world);

// The file's own problems (missing, too large) come as problems too.
tl::expected<Configuration, std::vector<ConfigProblem>> load_configuration(const std::string& path,
                                                                           const ConfigWorld& world);

// `config: introspectd.conf:12: cache.ttl: expected a duration from 0s to 1d, got "5"`
std::string format_problem(std::string_view path, const ConfigProblem& problem);

// The world as this process finds it.
ConfigWorld own_world(FileReader& files);

}  // namespace introspectd::app
