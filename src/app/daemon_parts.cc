#include "app/daemon_parts.h"

#include <sys/resource.h>

#include <utility>

#include "io/redis_address.h"
#include "io/tls_context.h"
#include "service/node.h"

namespace introspectd::app {

std::size_t descriptors_kept(const Configuration& configuration, std::size_t fronts) {
  constexpr std::size_t kSpare = 64;
  constexpr std::size_t kOfALoop = 8;
  constexpr std::size_t kOfChannels = 8;   // keys, polls, verification; one that ends beside each that begins
  constexpr std::size_t kOfAConnection = 3;   // to an AS: its socket, and two with which libcurl would wake itself
  constexpr std::size_t kOfAFleet = 4;
  std::size_t kept = kSpare + service::Node::kAdminConnectionsMost + kOfALoop * (fronts + 1) +
                     configuration.listen_tcp.size() + configuration.notify_tcp.size() + 16;
  for (const AuthorizationServerIo& server : configuration.authorization_servers) {
    kept += kOfAConnection * (server.max_connections + kOfChannels);
  }
  if (!configuration.notify_tcp.empty()) kept += configuration.settings.notify.limits.max_connections;
  if (configuration.fleet) kept += kOfAFleet;
  return kept;
}

std::size_t connections_that_fit(std::size_t kept) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur > kept ? limit.rlim_cur - kept : 1;
}

std::vector<io::AuthorizationServerEndpoints> endpoints_of(const Configuration& configuration) {
  std::vector<io::AuthorizationServerEndpoints> endpoints;
  for (const AuthorizationServerIo& server : configuration.authorization_servers) {
    io::AuthorizationServerEndpoints& one = endpoints.emplace_back();
    one.introspection_url = server.introspection_endpoint;
    one.revocation_url = server.revocation_endpoint;
    one.keys_url = server.jwks_uri;
    one.poll_url = server.poll_endpoint;
    one.verification_url = server.verification_endpoint;
    one.ca_file = server.ca_file;
    one.connect_timeout = server.connect_timeout;
    one.max_connections = static_cast<unsigned>(server.max_connections);
  }
  return endpoints;
}

tl::expected<std::unique_ptr<io::RedisStream>, std::string> make_stream(const FleetIo& fleet, io::UvLoop& loop,
                                                                       io::Resolver& resolver,
                                                                       std::uint64_t jitter_seed, const Log& log) {
  auto address = io::parse_redis_url(fleet.redis);
  if (!address) return tl::unexpected(address.error());
  address->user = fleet.user;
  address->password = Secret(fleet.password.reveal());
  io::RedisStreamOptions options;
  options.address = std::move(*address);
  options.key = fleet.stream;
  options.entries_most = fleet.max_entries;
  options.jitter_seed = jitter_seed;
  options.on_append_trouble = [log](std::string_view why) { log.warning("fleet cannot be told", {{"why", why}}); };
  return std::make_unique<io::RedisStream>(loop, resolver, std::move(options));
}

std::optional<std::string> judge_tls(const std::string& cert_file, const std::string& key_file) {
  const auto context = io::TlsServerContext::load(cert_file, key_file);
  return context ? std::nullopt : std::optional(context.error());
}

std::optional<std::string> judge_redis(const std::string& url) {
  const auto address = io::parse_redis_url(url);
  return address ? std::nullopt : std::optional(address.error());
}

}  // namespace introspectd::app
