#include "app/configuration_builder.h"

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>
#include <utility>

namespace introspectd::app {
namespace {

std::vector<std::uint32_t> ids(const OptionSet& set, std::string_view key) {
  std::vector<std::uint32_t> all;
  for (const std::int64_t id : set.value(key).numbers) all.push_back(static_cast<std::uint32_t>(id));
  return all;
}

std::size_t count(const OptionSet& set, std::string_view key) {
  return static_cast<std::size_t>(set.number(key));
}
Duration duration(const OptionSet& set, std::string_view key) {
  return Duration(set.number(key));
}

LogLevel level_of(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "warning") return LogLevel::kWarning;
  return text == "error" ? LogLevel::kError : LogLevel::kInfo;
}

// An alias is matched byte by byte against the request's path, beside our own routes (SPEC §3).
bool is_possible_alias(std::string_view path) {
  constexpr std::array<std::string_view, 4> kOwn{"/introspect", "/revoke", "/auth", "/.well-known"};
  const bool plain = std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!plain || !path.starts_with('/') || path.find_first_of("?#%") != std::string_view::npos) return false;
  return std::none_of(kOwn.begin(), kOwn.end(), [&](std::string_view own) {
    return path.starts_with(own) && (path.size() == own.size() || path[own.size()] == '/');
  });
}

}  // namespace

ConfigurationBuilder::ConfigurationBuilder(const ConfigWorld& world, OptionSets sets)
    : world_(world), problems_(std::move(sets.problems)) {
  sets.problems.clear();
  configuration_.effective = std::move(sets);
}

Configuration ConfigurationBuilder::build() {
  read_listen();
  read_admin();
  read_notify();
  read_cache();
  read_revocation();
  read_fleet();
  read_log();
  read_authorization_servers();
  read_callers();
  read_webhooks();
  check_callers_can_authenticate();
  note_unused_events();
  note_unused_ttl_live();
  std::sort(configuration_.notices.begin(), configuration_.notices.end(),
            [](const ConfigProblem& a, const ConfigProblem& b) { return std::tie(a.line, a.key) < std::tie(b.line, b.key); });
  return std::move(configuration_);
}

std::vector<ConfigProblem> ConfigurationBuilder::take_problems() {
  const auto by_line = [](const ConfigProblem& a, const ConfigProblem& b) {
    return std::tie(a.line, a.key) < std::tie(b.line, b.key);
  };
  std::sort(problems_.begin(), problems_.end(), by_line);
  return std::move(problems_);
}

void ConfigurationBuilder::report(const OptionSet& set, std::string_view key, std::string_view expected,
                                  std::string_view got) {
  const std::uint32_t line = set.line_of(key);
  std::string path = set.section + "." + std::string(key);
  // A value that could not be read has its problem already; what follows from its default would only confuse.
  const bool known = std::any_of(problems_.begin(), problems_.end(),
                                 [&](const ConfigProblem& p) { return p.line == line && p.key == path; });
  if (known) return;
  problems_.push_back(
      {line, std::move(path), "expected " + std::string(expected) + ", got " + std::string(got)});
}

void ConfigurationBuilder::note(const OptionSet& set, std::string_view key, std::string_view message) {
  configuration_.notices.push_back(
      {set.line_of(key), set.section + "." + std::string(key), "notice: " + std::string(message)});
}

void ConfigurationBuilder::read_listen() {
  const OptionSet& set = configuration_.effective.only("listen");
  service::ListenSettings& listen = configuration_.settings.listen;
  configuration_.listen_unix = read_unix_listener(set);
  listen.unix_allow_uids = ids(set, "unix_allow_uid");
  listen.unix_allow_gids = ids(set, "unix_allow_gid");
  listen.caller_auth =
      set.text("caller_auth") == "none" ? service::CallerAuth::kNone : service::CallerAuth::kRequired;
  listen.header_timeout = duration(set, "header_timeout");
  listen.idle_timeout = duration(set, "idle_timeout");
  listen.write_timeout = duration(set, "write_timeout");
  listen.request_timeout = duration(set, "request_timeout");
  listen.max_connections = count(set, "max_connections");
  listen.max_connections_per_uid = count(set, "max_connections_per_uid");
  configuration_.threads = count(set, "threads");
  check_paths(set);
  check_tcp_listeners(set);
  if (!configuration_.listen_unix && configuration_.listen_tcp.empty()) {
    report(set, "unix", "a Unix socket or a TCP address to listen on", "neither");
  }
}

void ConfigurationBuilder::check_paths(const OptionSet& listen) {
  std::vector<std::string>& paths = configuration_.settings.listen.paths;
  for (const std::string& path : listen.texts("paths")) {
    if (!is_possible_alias(path)) {
      report(listen, "paths",
             "paths that begin with '/', without query or escapes, and are none of the daemon's own",
             quote(path));
    } else if (std::find(paths.begin(), paths.end(), path) != paths.end()) {
      report(listen, "paths", "each path once", quote(path) + " twice");
    }
    paths.push_back(path);
  }
}

void ConfigurationBuilder::check_tcp_listeners(const OptionSet& listen) {
  for (const std::string& text : listen.texts("tcp")) {
    const auto address = parse_tcp_address(text);
    if (!address) continue;  // never: its syntax was checked
    std::vector<TcpAddress>& all = configuration_.listen_tcp;
    if (!is_loopback_address(address->address)) {
      report(listen, "tcp", "loopback addresses, as there is no TLS for callers", quote(text));  // F10
    } else if (std::find(all.begin(), all.end(), *address) != all.end()) {
      report(listen, "tcp", "each address once", quote(text) + " twice");
    }
    all.push_back(*address);
  }
}

std::optional<UnixListener> ConfigurationBuilder::read_unix_listener(const OptionSet& set) {
  const std::string path(set.text("unix"));
  if (path.empty()) return std::nullopt;
  if (world_.files->kind(path) == FileKind::kOther) {
    report(set, "unix", "a path that is free or a socket", quote(path) + ", which is something else");  // F9
  }
  return UnixListener{path, static_cast<std::uint32_t>(set.number("unix_mode"))};
}

void ConfigurationBuilder::read_admin() {
  const OptionSet& set = configuration_.effective.only("admin");
  configuration_.admin_unix = read_unix_listener(set);
  if (configuration_.admin_unix && configuration_.listen_unix &&
      configuration_.admin_unix->path == configuration_.listen_unix->path) {
    report(set, "unix", "another socket than listen.unix", "the same");
  }
  const std::string_view text = set.text("tcp");
  configuration_.admin_tcp = parse_tcp_address(text);
  if (!configuration_.admin_tcp) return;
  if (!is_loopback_address(configuration_.admin_tcp->address)) {
    report(set, "tcp", "a loopback address, as anybody who reaches it may read", quote(text));
  }
  const std::vector<TcpAddress>& callers = configuration_.listen_tcp;
  if (std::find(callers.begin(), callers.end(), *configuration_.admin_tcp) != callers.end()) {
    report(set, "tcp", "another address than those of listen.tcp", quote(text));
  }
}

void ConfigurationBuilder::lower_default(OptionSet& set, std::string_view key, std::int64_t ceiling) {
  OptionValue& value = set.value(key);
  if (value.numbers.front() <= ceiling) return;
  if (!value.given()) {
    value.numbers.front() = ceiling;
    return;
  }
  report(set, key, "at most ttl, " + format_duration(ceiling),
         quote(format_duration(value.numbers.front())));  // F8
}

void ConfigurationBuilder::read_cache() {
  OptionSet& set = configuration_.effective.only("cache");
  const std::int64_t ttl = set.number("ttl");
  lower_default(set, "negative_ttl", ttl);
  lower_default(set, "ttl_without_exp", ttl);
  service::CacheSettings& cache = configuration_.settings.cache;
  cache.memory_bytes = count(set, "memory");
  cache.ttl = Duration(ttl);
  cache.ttl_without_exp = duration(set, "ttl_without_exp");
  cache.negative_ttl = duration(set, "negative_ttl");
  cache.tombstone_ttl = duration(set, "tombstone_ttl");
  cache.exp_skew = duration(set, "exp_skew");
  read_ttl_live(set);
  if (world_.memory_limit && cache.memory_bytes > *world_.memory_limit) {  // F13
    const auto limit =
        std::min<std::uint64_t>(*world_.memory_limit, std::numeric_limits<std::int64_t>::max());
    report(set, "memory",
           "at most the memory limit of the control group, " + format_size(static_cast<std::int64_t>(limit)),
           quote(format_size(set.number("memory"))));
  }
}

void ConfigurationBuilder::read_ttl_live(OptionSet& set) {
  const std::int64_t ttl = set.number("ttl");
  OptionValue& live = set.value("ttl_live");
  if (live.numbers.front() < ttl) {
    if (live.given()) {
      report(set, "ttl_live", "at least ttl, " + format_duration(ttl),
             quote(format_duration(live.numbers.front())));  // F8
    }
    live.numbers.front() = ttl;
  }
  configuration_.settings.cache.ttl_live = Duration(live.numbers.front());
}

void ConfigurationBuilder::read_log() {
  const OptionSet& set = configuration_.effective.only("log");
  configuration_.log = {level_of(set.text("level")), count(set, "lines_per_second")};
}

void ConfigurationBuilder::read_authorization_servers() {
  const auto sets = configuration_.effective.all("authorization_server");
  if (sets.empty()) {
    problems_.push_back(
        {1, "authorization_server", "expected at least one [[authorization_server]], got none"});
  }
  for (const OptionSet* server : sets) {
    const OptionSet& set = *server;
    check_name(set, configuration_.settings.authorization_servers.size());
    check_endpoint(set, "introspection_endpoint");
    check_endpoint(set, "revocation_endpoint");
    check_times(set);
    check_ca_file(set);
    AuthorizationServerIo io;
    service::AuthorizationServerSettings settings;
    settings.name = set.text("name");
    settings.introspection_endpoint = set.text("introspection_endpoint");
    settings.has_revocation_endpoint = !set.text("revocation_endpoint").empty();
    settings.credential = read_credential(set);
    settings.token_type_hint = set.text("token_type_hint");
    settings.timeout = duration(set, "timeout");
    settings.max_in_flight = count(set, "max_in_flight");
    settings.events = read_events(set, io);
    configuration_.settings.authorization_servers.push_back(std::move(settings));
    io.introspection_endpoint = set.text("introspection_endpoint");
    io.revocation_endpoint = set.text("revocation_endpoint");
    io.ca_file = set.text("ca_file");
    io.client_secret_file = set.text("client_secret_file");
    io.connect_timeout = duration(set, "connect_timeout");
    io.max_connections = count(set, "max_connections");
    configuration_.authorization_servers.push_back(std::move(io));
  }
}

void ConfigurationBuilder::read_callers() {
  for (const OptionSet* set : configuration_.effective.all("caller")) read_caller(*set);
}

void ConfigurationBuilder::read_caller(const OptionSet& set) {
  service::CallerSettings caller;
  caller.id = set.text("id");
  caller.uids = ids(set, "uid");
  caller.gids = ids(set, "gid");
  read_caller_secrets(set, caller);
  read_caller_audience(set, caller);
  read_caller_server(set, caller);
  check_caller_ids(set, caller);
  configuration_.settings.callers.push_back(std::move(caller));
}

void ConfigurationBuilder::check_callers_can_authenticate() {
  const auto& settings = configuration_.settings;
  if (configuration_.listen_tcp.empty() || settings.listen.caller_auth == service::CallerAuth::kNone) return;
  const bool any = std::any_of(settings.callers.begin(), settings.callers.end(),
                               [](const service::CallerSettings& caller) { return !caller.secrets.empty(); });
  if (any) return;
  report(configuration_.effective.only("listen"), "tcp",
         "a [[caller]] with a secret_file, as callers over TCP must authenticate", "none");  // F10
}

}  // namespace introspectd::app
