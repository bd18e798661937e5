#include "io/curl_upstream.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "io/curl_pool.h"
#include "io/endpoint_url.h"
#include "io/zeroing_allocator.h"

namespace introspectd::io {

struct CurlUpstream::Server {
  EndpointUrl introspection;
  std::optional<EndpointUrl> revocation;
  CurlPool::Settings settings;
  std::vector<std::unique_ptr<CurlPool>> pools;  // one a credential, the one used last in front

  void keep_names(Resolver& resolver) const {
    if (!settings.transfer.unix_socket_path.empty()) return;
    if (!introspection.is_numeric) resolver.keep(introspection.host);
    if (revocation && !revocation->is_numeric) resolver.keep(revocation->host);
  }
  bool idle() const {
    return std::all_of(pools.begin(), pools.end(), [](const auto& pool) { return pool->idle(); });
  }

  CurlPool& pool_for(UvLoop& loop, Resolver& resolver, const Secret& authorization);
};

CurlPool& CurlUpstream::Server::pool_for(UvLoop& loop, Resolver& resolver, const Secret& authorization) {
  const auto found = std::find_if(pools.begin(), pools.end(), [&authorization](const auto& pool) {
    return equal_in_constant_time(pool->authorization().reveal(), authorization.reveal());
  });
  if (found != pools.end()) {
    std::rotate(pools.begin(), found, found + 1);
  } else {
    pools.insert(pools.begin(), std::make_unique<CurlPool>(loop, resolver, settings, authorization.copy()));
    // Busy pools stay, however many: the calls in flight bound them. Of the others the ones used longest ago go.
    for (std::size_t at = pools.size(); at-- > kMaxIdleCredentials;) {
      if (pools[at]->idle()) pools.erase(pools.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  return *pools.front();
}

namespace {

tl::expected<EndpointUrl, std::string> parse_allowed_url(const std::string& url,
                                                         const AuthorizationServerEndpoints& server) {
  tl::expected<EndpointUrl, std::string> endpoint = parse_endpoint_url(url);
  if (!endpoint) return endpoint;
  const bool stays_here = endpoint->is_loopback || !server.unix_socket_path.empty();
  if (!endpoint->is_https && !stays_here && !server.insecure_http_allowed) {
    return tl::unexpected<std::string>(url + ": expected an https URL (http only to loopback)");
  }
  return endpoint;
}

}  // namespace

CurlUpstream::CurlUpstream(UvLoop& loop, Resolver& resolver, std::string user_agent)
    : loop_(loop), resolver_(resolver), user_agent_(std::move(user_agent)) {
  CHECK_INVARIANT(start_curl_zeroing());
}

CurlUpstream::~CurlUpstream() {
  servers_.clear();
  retired_.clear();
  curl_global_cleanup();
}

tl::expected<void, std::string> CurlUpstream::configure(
    const std::vector<AuthorizationServerEndpoints>& configured) {
  std::vector<std::unique_ptr<Server>> servers;
  for (const AuthorizationServerEndpoints& from : configured) {
    auto server = std::make_unique<Server>();
    tl::expected<EndpointUrl, std::string> introspection = parse_allowed_url(from.introspection_url, from);
    if (!introspection) return tl::unexpected<std::string>(introspection.error());
    server->introspection = *std::move(introspection);
    if (!from.revocation_url.empty()) {
      tl::expected<EndpointUrl, std::string> revocation = parse_allowed_url(from.revocation_url, from);
      if (!revocation) return tl::unexpected<std::string>(revocation.error());
      server->revocation = *std::move(revocation);
    }
    server->settings.max_connections = std::max(from.max_connections, 1U);
    server->settings.transfer = {.unix_socket_path = from.unix_socket_path,
                                 .ca_file = from.ca_file,
                                 .client_cert_file = from.client_cert_file,
                                 .client_key_file = from.client_key_file,
                                 .user_agent = user_agent_,
                                 .connect_timeout = from.connect_timeout};
    servers.push_back(std::move(server));
  }
  for (std::unique_ptr<Server>& server : servers_) retired_.push_back(std::move(server));
  servers_ = std::move(servers);
  sweep_retired();
  for (const std::unique_ptr<Server>& server : servers_) server->keep_names(resolver_);
  return {};
}

ports::PendingToken CurlUpstream::post(ports::UpstreamCall call, UniqueFunction<void(ports::UpstreamReply)> done) {
  sweep_retired();
  Server& server = *servers_.at(call.authorization_server);
  const bool revokes = call.endpoint == ports::UpstreamEndpoint::kRevocation;
  if (revokes && !server.revocation) {
    return loop_.after(Duration::zero(), [done = std::move(done)]() mutable {
      ports::UpstreamReply reply;
      reply.outcome = ports::TransportOutcome::kRefused;
      done(std::move(reply));
    });
  }
  const EndpointUrl& endpoint = revokes ? *server.revocation : server.introspection;
  return server.pool_for(loop_, resolver_, call.authorization)
      .post(endpoint, {.body = std::move(call.body), .fresh_connection = call.fresh_connection}, call.timeout,
            std::move(done));
}

void CurlUpstream::sweep_retired() {
  std::erase_if(retired_, [](const std::unique_ptr<Server>& server) { return server->idle(); });
}

}  // namespace introspectd::io
