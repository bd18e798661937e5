#include "tests/sim/sim_node.h"

#include <cstdlib>
#include <utility>

#include "base/assert.h"

namespace introspectd::sim {
namespace {

constexpr std::size_t kCacheBytes = cache::TokenCache::kMemoryLeast;

// One piece of memory for all worlds of this process, one after the other: a cache writes before it reads.
std::span<std::byte> cache_memory() {
  struct Freed {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  static const std::unique_ptr<std::byte, Freed> memory(static_cast<std::byte*>(std::aligned_alloc(64, kCacheBytes)));
  return {memory.get(), kCacheBytes};
}

std::uint32_t uid_of_caller(std::size_t caller) { return 1000 + static_cast<std::uint32_t>(caller); }

}  // namespace

struct SimNode::FrontParts {
  std::unique_ptr<SimLoop> loop;
  service::LoopCounters counters;
  http::ResponseWriter writer;
  std::unique_ptr<service::Introspect> application;
  std::unique_ptr<service::Front> front;
};

class SimNode::PostedReplies final : public service::Replies {
 public:
  explicit PostedReplies(SimNode& node) : node_(&node) {}
  void deliver(const service::WaiterId& waiter, service::Reply reply) override {
    FrontParts& parts = *node_->fronts_[waiter.loop];
    parts.loop->post([&parts, waiter, reply = std::move(reply)] { parts.front->deliver(waiter, reply); });
  }

 private:
  SimNode* node_;
};

class SimNode::PostedBack final : public service::BackLink {
 public:
  explicit PostedBack(SimNode& node) : node_(&node) {}
  void fetch(service::FetchRequest request) override {
    node_->back_loop_->post(
        [node = node_, request = std::move(request)]() mutable { node->fetcher_->fetch(std::move(request)); });
  }
  void revoke(service::RevokeRequest request) override {
    node_->back_loop_->post(
        [node = node_, request = std::move(request)]() mutable { node->revoker_->revoke(std::move(request)); });
  }

 private:
  SimNode* node_;
};

SimNode::SimNode(SimWorld& world, const WorldKnobs& knobs)
    : world_(&world),
      caller_routes_(http::Routes::for_callers({})),
      admin_routes_(http::Routes::for_admins()),
      back_loop_(std::make_unique<SimLoop>(world, 1000, knobs.loops)) {
  build_settings(knobs);
  build_cache(knobs);
  for (const service::AuthorizationServerSettings& server : settings_.authorization_servers) {
    servers_.push_back(std::make_unique<service::ServerLink>(server, world.random().next(), nullptr));
  }
  replies_ = std::make_unique<PostedReplies>(*this);
  back_ = std::make_unique<PostedBack>(*this);
  for (std::size_t i = 0; i < knobs.front_loops; ++i) {
    auto parts = std::make_unique<FrontParts>();
    parts->loop = std::make_unique<SimLoop>(world, i, knobs.loops);
    parts->application = std::make_unique<service::Introspect>(
        service::IntrospectParts{settings_, caller_routes_, view_of_server_, *cache_, *back_, parts->writer,
                                 parts->counters, static_cast<std::uint16_t>(i)});
    parts->front = std::make_unique<service::Front>(*parts->loop, *parts->application, settings_.listen,
                                                    parts->writer, parts->counters, nullptr);
    fronts_.push_back(std::move(parts));
  }
}

SimNode::~SimNode() {
  if (fetcher_) fetcher_->shut_down();
  if (revoker_) revoker_->shut_down();
  back_loop_->close();
  for (const auto& parts : fronts_) parts->loop->close();
}

void SimNode::build_settings(const WorldKnobs& knobs) {
  settings_.listen.request_timeout = knobs.request_timeout;
  settings_.cache.ttl = knobs.ttl;
  settings_.cache.ttl_without_exp = knobs.ttl_without_exp;
  settings_.cache.negative_ttl = knobs.negative_ttl;
  settings_.cache.tombstone_ttl = knobs.tombstone_ttl;
  settings_.cache.exp_skew = knobs.exp_skew;
  settings_.cache.hold = knobs.hold;
  for (const ServerSetup& setup : knobs.servers) {
    service::AuthorizationServerSettings server;
    server.name = setup.name;
    server.introspection_endpoint = "https://" + setup.name + ".example/introspect";
    server.has_revocation_endpoint = setup.has_revocation_endpoint;
    server.credential.method = setup.credential_in_body ? oauth::ClientAuth::kClientSecretPost
                                                        : oauth::ClientAuth::kClientSecretBasic;
    server.credential.client_id = "node-" + setup.name;
    server.credential.client_secret = Secret("secret of " + setup.name);
    server.timeout = setup.timeout;
    server.max_in_flight = setup.max_in_flight;
    settings_.authorization_servers.push_back(std::move(server));
  }
  for (std::size_t i = 0; i < knobs.callers.size(); ++i) {
    const CallerKnobs& from = knobs.callers[i];
    service::CallerSettings caller;
    caller.id = from.id;
    caller.secrets.emplace_back(from.secret);
    caller.uids = {uid_of_caller(i)};
    for (const std::string& name : from.audience) caller.audience |= settings_.audiences.add(name).value_or(0);
    caller.authorization_server = static_cast<std::uint16_t>(from.server);
    caller.max_in_flight = from.max_in_flight;
    settings_.callers.push_back(std::move(caller));
  }
}

void SimNode::build_cache(const WorldKnobs& knobs) {
  for (std::size_t i = 0; i < settings_.authorization_servers.size(); ++i) {
    const service::AuthorizationServerSettings& server = settings_.authorization_servers[i];
    cache::ViewBytes view;
    view.add(server.name).add(server.introspection_endpoint).add(server.credential.client_id);
    view.add(server.credential.client_secret.reveal()).add("").add(server.token_type_hint);
    view_of_server_.push_back(views_.intern(view, static_cast<cache::ServerId>(i)).value());
  }
  cache::CacheOptions options;
  options.boot_key = {world_->random().next(), world_->random().next()};
  options.freshness = {knobs.ttl, knobs.ttl_without_exp, knobs.negative_ttl, knobs.exp_skew};
  options.tombstone_ttl = knobs.tombstone_ttl;
  options.unknown_ttl = knobs.unknown_ttl();
  options.longest_flight = knobs.longest_flight();
  options.servers = settings_.authorization_servers.size();
  options.shards = knobs.cache_shards;
  cache_ = std::make_unique<cache::TokenCache>(cache_memory(), options, views_, back_loop_->now().mono);
}

void SimNode::start(ports::Upstream& upstream) {
  const Log log(log_sink_);
  fetcher_ = std::make_unique<service::Fetcher>(service::FetcherParts{
      *back_loop_, upstream, *cache_, settings_, servers_, *replies_, back_counters_, log});
  purger_ = std::make_unique<service::Purger>(*back_loop_, *cache_, *fetcher_, back_counters_);
  revoker_ = std::make_unique<service::Revoker>(service::RevokerParts{
      *back_loop_, upstream, *purger_, settings_, servers_, *replies_, back_counters_, log});
  admin_ = std::make_unique<service::Admin>(service::AdminParts{
      settings_, admin_routes_, *purger_, back_writer_, [this] { return figures(); }, log});
  admin_front_ = std::make_unique<service::Front>(*back_loop_, *admin_, settings_.listen, back_writer_,
                                                  back_counters_, nullptr);
}

void SimNode::accept(std::size_t front, std::unique_ptr<ports::ByteStream> stream) {
  FrontParts& parts = *fronts_[front];
  parts.loop->post([&parts, stream = std::move(stream)]() mutable { parts.front->accept(std::move(stream)); });
}

void SimNode::accept_admin(std::unique_ptr<ports::ByteStream> stream) {
  back_loop_->post([this, stream = std::move(stream)]() mutable { admin_front_->accept(std::move(stream)); });
}

void SimNode::drain() {
  draining_ = true;
  for (const auto& parts : fronts_) {
    parts->loop->post([front = parts->front.get()] { front->drain([] {}); });
  }
}

service::Figures SimNode::figures() {
  service::Figures figures;
  figures.draining = draining_;
  const auto add = [&](const service::LoopCounters& counters) {
    for (std::size_t i = 0; i < figures.counters.size(); ++i) {
      figures.counters[i] += counters.get(static_cast<service::Counter>(i));
    }
    for (std::size_t i = 0; i < figures.outcomes.size(); ++i) {
      figures.outcomes[i] += counters.get(static_cast<service::Outcome>(i));
    }
  };
  add(back_counters_);
  for (const auto& parts : fronts_) {
    add(parts->counters);
    figures.connections_of_loop.push_back(parts->front->sessions());
  }
  figures.cache = cache_->counts();
  figures.flights = fetcher_->flights();
  figures.waiters = fetcher_->waiters();
  for (const auto& link : servers_) {
    service::ServerFigures& server = figures.servers.emplace_back();
    server.name = link->settings().name;
    server.breaker = link->breaker().state();
    server.in_flight = link->in_flight();
    for (std::size_t i = 0; i < server.calls.size(); ++i) {
      server.calls[i] = link->count(static_cast<service::CallCounter>(i));
    }
  }
  return figures;
}

}  // namespace introspectd::sim
