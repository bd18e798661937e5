#include "tests/sim/sim_node.h"

#include <cstdlib>
#include <span>
#include <utility>

#include "tests/sim/sim_feed.h"

namespace introspectd::sim {
namespace {

constexpr std::size_t kCacheBytes = cache::TokenCache::kMemoryLeast;

struct Freed {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};

// Pieces that no world of this process uses now.
std::vector<std::unique_ptr<std::byte, Freed>>& spare_memory() {
  static std::vector<std::unique_ptr<std::byte, Freed>> pieces;
  return pieces;
}

service::EventSettings events_of(const ServerSetup& setup) {
  service::EventSettings events;
  events.issuer = "https://" + setup.name + ".example";
  events.has_keys = true;
  events.audience = {"somebody too", SimFeed::audience()};
  events.flush_when_unmappable = setup.feed.flush_when_unmappable;
  if (setup.feed.poll) {
    events.poll.emplace();
    events.poll->bearer_token = Secret("poll of " + setup.name);
    events.poll->events_most = setup.feed.events_most;
  }
  events.has_verification = setup.feed.verification;
  events.stream_id = "stream-1";
  events.verification_bearer = Secret("verification of " + setup.name);
  events.global_revocation_bearer = Secret(SimFeed::bearer_of(setup.name));
  return events;
}

service::WebhookSettings webhook_of(const ServerSetup& setup, std::size_t server) {
  service::WebhookSettings hook;
  hook.name = setup.name;
  hook.authorization_server = static_cast<std::uint16_t>(server);
  hook.secret = Secret(SimFeed::webhook_secret_of(setup.name));
  hook.signature_header = SimFeed::kSignatureField;
  hook.format.sub = oauth::JsonPointer::read("/user/id");
  hook.format.time = oauth::JsonPointer::read("/at");
  return hook;
}

service::AuthorizationServerSettings settings_of(const ServerSetup& setup) {
  service::AuthorizationServerSettings server;
  server.name = setup.name;
  server.introspection_endpoint = "https://" + setup.name + ".example/introspect";
  server.has_revocation_endpoint = setup.has_revocation_endpoint;
  server.credential.method =
      setup.credential_in_body ? oauth::ClientAuth::kClientSecretPost : oauth::ClientAuth::kClientSecretBasic;
  server.credential.client_id = "node-" + setup.name;
  server.credential.client_secret = Secret("secret of " + setup.name);
  server.timeout = setup.timeout;
  server.max_in_flight = setup.max_in_flight;
  if (setup.feed.events) server.events = events_of(setup);
  return server;
}

}  // namespace

SimNode::CacheMemory::CacheMemory() {
  auto& pieces = spare_memory();
  if (pieces.empty()) pieces.emplace_back(static_cast<std::byte*>(std::aligned_alloc(64, kCacheBytes)));
  begin_ = pieces.back().release();
  pieces.pop_back();
}

SimNode::CacheMemory::~CacheMemory() { spare_memory().emplace_back(begin_); }

std::span<std::byte> SimNode::CacheMemory::bytes() const { return {begin_, kCacheBytes}; }

std::vector<std::unique_ptr<SimLoop>> SimNode::end(std::unique_ptr<SimNode> node) {
  SimNode* const ending = node.get();
  ending->end_service();
  std::vector<std::unique_ptr<SimLoop>> loops = std::move(ending->front_loops_);
  loops.push_back(std::move(ending->back_loop_));
  return loops;
}

SimNode::SimNode(SimWorld& world, const WorldKnobs& knobs)
    : world_(&world),
      cache_shards_(knobs.cache_shards),
      boot_key_{world.random().next(), world.random().next()},
      back_loop_(std::make_unique<SimLoop>(world, 1000, knobs.loops)) {
  for (std::size_t i = 0; i < knobs.front_loops; ++i) {
    front_loops_.push_back(std::make_unique<SimLoop>(world, i, knobs.loops));
  }
  build_settings(knobs);
  secret_files_.resize(knobs.servers.size());
}

SimNode::~SimNode() { end_service(); }

void SimNode::end_service() {
  if (node_ == nullptr) return;
  node_->abandon_upstream();
  for (std::size_t i = 0; i < front_loops_.size(); ++i) node_->abandon_front(i);
  node_->abandon_admins();
  back_loop_->close();
  for (const auto& loop : front_loops_) loop->close();
  node_.reset();
  stream_.reset();
  storage_.reset();
}

void SimNode::build_settings(const WorldKnobs& knobs) {
  settings_.listen.request_timeout = knobs.request_timeout;
  settings_.listen.max_connections = knobs.max_connections;
  settings_.cache.ttl = knobs.ttl;
  settings_.cache.ttl_without_exp = knobs.ttl_without_exp;
  settings_.cache.negative_ttl = knobs.negative_ttl;
  settings_.cache.tombstone_ttl = knobs.tombstone_ttl;
  settings_.cache.exp_skew = knobs.exp_skew;
  settings_.cache.ttl_live = knobs.ttl_live;
  settings_.revocation.hold = knobs.hold;
  settings_.fleet.enabled = knobs.in_fleet;
  settings_.fleet.key = Secret(knobs.fleet_key);
  settings_.revocation.on_channel_loss =
      knobs.clear_on_channel_loss ? service::OnChannelLoss::kClear : service::OnChannelLoss::kShorten;
  settings_.revocation.channel_timeout = knobs.channel_timeout;
  settings_.revocation.on_logout = knobs.logout_is_cut_off ? service::OnLogout::kCutOff : service::OnLogout::kAsk;
  for (const ServerSetup& setup : knobs.servers) {
    if (setup.feed.events) {
      settings_.notify.webhooks.push_back(webhook_of(setup, settings_.authorization_servers.size()));
    }
    settings_.authorization_servers.push_back(settings_of(setup));
  }
  for (std::size_t i = 0; i < knobs.callers.size(); ++i) {
    const CallerKnobs& from = knobs.callers[i];
    service::CallerSettings caller;
    caller.id = from.id;
    caller.secrets.emplace_back(from.secret);
    caller.uids = {1000 + static_cast<std::uint32_t>(i)};
    for (const std::string& name : from.audience) caller.audience |= settings_.audiences.add(name).value_or(0);
    caller.authorization_server = static_cast<std::uint16_t>(from.server);
    caller.max_in_flight = from.max_in_flight;
    settings_.callers.push_back(std::move(caller));
  }
}

void SimNode::start(ports::Upstream& upstream, std::unique_ptr<SimEventStream> stream,
                    std::unique_ptr<SimStorage> storage) {
  stream_ = std::move(stream);
  storage_ = std::move(storage);
  std::vector<ports::EventLoop*> fronts;
  for (const auto& loop : front_loops_) fronts.push_back(loop.get());
  node_ = std::make_unique<service::Node>(service::NodeParts{
      .back = *back_loop_,
      .fronts = std::move(fronts),
      .upstream = upstream,
      .settings = settings_,
      .cache_memory = memory_.bytes(),
      .boot_key = boot_key_,
      .jitter_seed = world_->random().next(),
      .cache_shards = cache_shards_,
      .log = Log(log_sink_),
      .version = "simulated",
      .event_stream = stream_.get(),
      .storage = storage_.get(),
      .reload_secret = [this](cache::ServerId server) { return Secret(secret_files_[server]); },
      .log_losses = {},
  });
}

void SimNode::accept(std::size_t front, std::unique_ptr<ports::ByteStream> stream) {
  front_loops_[front]->post([this, front, stream = std::move(stream)]() mutable {
    node_->accept(front, std::move(stream));
  });
}

void SimNode::accept_admin(std::unique_ptr<ports::ByteStream> stream) {
  back_loop_->post([this, stream = std::move(stream)]() mutable { node_->accept_admin(std::move(stream)); });
}

void SimNode::settle(UniqueFunction<void()> done) {
  back_loop_->post([this, done = std::move(done)]() mutable {
    node_->abandon_upstream();
    node_->settle(std::move(done));
  });
}

void SimNode::accept_notify(std::unique_ptr<ports::ByteStream> stream) {
  back_loop_->post([this, stream = std::move(stream)]() mutable { node_->accept_notify(std::move(stream)); });
}

void SimNode::drain(UniqueFunction<void()> drained) {
  back_loop_->post([this, drained = std::move(drained)]() mutable { node_->drain(std::move(drained)); });
}

}  // namespace introspectd::sim
