// Daemon parts: the adapters that a configuration asks for, made before the node is: endpoints, state directory, the
// fleet's stream, TLS, and how many descriptors they take.
// Threads: main, at start.  Owns: nothing, gives all away.  Errors: a sentence for the operator.
// Cost: small files, a few system calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "app/configuration.h"
#include "base/log.h"
#include "io/curl_upstream.h"
#include "io/redis_stream.h"
#include "io/resolver.h"
#include "io/uv_loop.h"

namespace introspectd::app {

// What is not for callers' connections (I39): upstream, channels, senders, admins, loops, listeners, 64 to spare.
std::size_t descriptors_kept(const Configuration& configuration, std::size_t fronts);
// The soft limit becomes the hard one; what remains of it for callers' connections, at least one.
std::size_t connections_that_fit(std::size_t kept);

std::vector<io::AuthorizationServerEndpoints> endpoints_of(const Configuration& configuration);

tl::expected<std::unique_ptr<io::RedisStream>, std::string> make_stream(const FleetIo& fleet, io::UvLoop& loop,
                                                                       io::Resolver& resolver,
                                                                       std::uint64_t jitter_seed, const Log& log);

// As ConfigWorld::judge_tls and judge_redis.
std::optional<std::string> judge_tls(const std::string& cert_file, const std::string& key_file);
std::optional<std::string> judge_redis(const std::string& url);

}  // namespace introspectd::app
