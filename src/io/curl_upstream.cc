#include "io/curl_upstream.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "io/curl_pool.h"
#include "io/endpoint_url.h"
#include "io/zeroing_allocator.h"

namespace introspectd::io {

namespace {

constexpr std::size_t kEndpoints = 5;
constexpr std::size_t kKinds = 3;

struct EndpointTraits {
  RequestKind kind = RequestKind::kFormPost;
  std::size_t reply_body_most = 0;
};
constexpr std::size_t kKiB = 1024;
// In the order of ports::UpstreamEndpoint.
constexpr std::array<EndpointTraits, kEndpoints> kEndpointTraits{{
    {RequestKind::kFormPost, 64 * kKiB},    // kIntrospection
    {RequestKind::kFormPost, 64 * kKiB},    // kRevocation
    {RequestKind::kGet, 256 * kKiB},        // kKeys
    {RequestKind::kJsonPost, 1024 * kKiB},  // kPoll
    {RequestKind::kJsonPost, 64 * kKiB},    // kVerification
}};

}  // namespace

struct CurlUpstream::Server {
  // The pools of one kind of request, one a credential, the one used last in front.
  struct PoolGroup {
    CurlPool::Settings settings;
    std::vector<std::unique_ptr<CurlPool>> pools;

    CurlPool& pool_for(UvLoop& loop, Resolver& resolver, const Secret& authorization);
  };
  std::array<std::optional<EndpointUrl>, kEndpoints> endpoints;
  std::array<PoolGroup, kKinds> groups;

  void keep_names(Resolver& resolver) const {
    if (!groups.front().settings.connection.unix_socket_path.empty()) return;
    for (const auto& endpoint : endpoints) {
      if (endpoint && !endpoint->is_numeric) resolver.keep(endpoint->host);
    }
  }
  bool idle() const {
    return std::ranges::all_of(groups, [](const PoolGroup& group) {
      return std::ranges::all_of(group.pools, [](const auto& pool) { return pool->idle(); });
    });
  }
};

CurlPool& CurlUpstream::Server::PoolGroup::pool_for(UvLoop& loop, Resolver& resolver, const Secret& authorization) {
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

CurlPool::Settings pool_settings(const AuthorizationServerEndpoints& from, RequestKind kind,
                                 const std::string& user_agent) {
  CurlPool::Settings settings;
  settings.max_connections = kind == RequestKind::kFormPost ? std::max(from.max_connections, 1U)
                                                            : CurlUpstream::kMaxEventConnections;
  settings.kind = kind;
  settings.connection = {.unix_socket_path = from.unix_socket_path,
                         .client_cert_file = from.client_cert_file,
                         .client_key_file = from.client_key_file,
                         .connect_timeout = from.connect_timeout};
  settings.ca_file = from.ca_file;
  settings.user_agent = user_agent;
  return settings;
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
    // In the order of ports::UpstreamEndpoint; only the first is a must.
    const std::array<const std::string*, kEndpoints> urls{&from.introspection_url, &from.revocation_url, &from.keys_url,
                                                          &from.poll_url, &from.verification_url};
    for (std::size_t i = 0; i < kEndpoints; ++i) {
      if (i != 0 && urls[i]->empty()) continue;
      tl::expected<EndpointUrl, std::string> endpoint = parse_allowed_url(*urls[i], from);
      if (!endpoint) return tl::unexpected<std::string>(endpoint.error());
      server->endpoints[i] = *std::move(endpoint);
    }
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      server->groups[kind].settings = pool_settings(from, static_cast<RequestKind>(kind), user_agent_);
    }
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
  const auto index = static_cast<std::size_t>(call.endpoint);
  const std::optional<EndpointUrl>& endpoint = server.endpoints.at(index);
  if (!endpoint) {
    return loop_.after(Duration::zero(), [done = std::move(done)]() mutable {
      ports::UpstreamReply reply;
      reply.outcome = ports::TransportOutcome::kRefused;
      done(std::move(reply));
    });
  }
  const EndpointTraits& traits = kEndpointTraits[index];
  return server.groups[static_cast<std::size_t>(traits.kind)]
      .pool_for(loop_, resolver_, call.authorization)
      .post(*endpoint,
            {.body = std::move(call.body),
             .reply_body_most = traits.reply_body_most,
             .fresh_connection = call.fresh_connection},
            call.timeout, std::move(done));
}

void CurlUpstream::sweep_retired() {
  std::erase_if(retired_, [](const std::unique_ptr<Server>& server) { return server->idle(); });
}

}  // namespace introspectd::io
