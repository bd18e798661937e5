#include "service/node.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"
#include "base/random.h"

namespace introspectd::service {
namespace {

// Admins get the same patience as callers, and never wait for an AS.
const ListenSettings& admin_limits() {
  static const ListenSettings kLimits;
  return kLimits;
}

Duration longest_flight(const Settings& settings) {
  Duration longest{};
  for (const AuthorizationServerSettings& server : settings.authorization_servers) {
    longest = std::max(longest, server.timeout);
  }
  return longest;
}

cache::CacheOptions cache_options(const NodeParts& parts) {
  const CacheSettings& cache = parts.settings.cache;
  cache::CacheOptions options;
  options.boot_key = parts.boot_key;
  options.claim_key = parts.claim_key;
  options.freshness = {cache.ttl, cache.ttl_without_exp, cache.negative_ttl, cache.exp_skew, cache.ttl_live};
  options.tombstone_ttl = cache.tombstone_ttl;
  options.longest_flight = longest_flight(parts.settings);
  options.unknown_ttl = parts.settings.revocation.hold + options.longest_flight + std::chrono::seconds{1};
  options.hold = parts.settings.revocation.hold;
  options.servers = parts.settings.authorization_servers.size();
  for (std::size_t i = 0; i < options.servers; ++i) {
    const ChannelPolicy channel = channel_policy(parts.settings, static_cast<cache::ServerId>(i));
    options.traits.push_back({parts.settings.authorization_servers[i].name, channel.configured || channel.assume_live});
  }
  options.shards = parts.cache_shards;
  options.memory_is_zero = parts.cache_memory_is_zero;
  return options;
}

}  // namespace

// One front loop's half: its application, sessions and counters.
struct Node::FrontSide {
  ports::EventLoop& loop;
  LoopCounters counters;
  http::ResponseWriter writer;
  Introspect introspect;
  Front front;

  FrontSide(ports::EventLoop& on, const Settings& settings, const IntrospectParts& shared, Front::Closed closed)
      : loop(on),
        introspect({settings, shared.routes, shared.view_of_server, shared.cache, shared.back, writer, counters,
                    shared.loop_index}),
        front(on, introspect, settings.listen, writer, counters, std::move(closed)) {}
};

// Answers go to the loop of the session that waits.
class Node::ReplyPost final : public Replies {
 public:
  explicit ReplyPost(Node& node) : node_(&node) {}
  void deliver(const WaiterId& waiter, Reply reply) override {
    if (waiter.loop == node_->fronts_.size()) {   // the back loop's own listener
      node_->parts_.back.post([node = node_, waiter, reply = std::move(reply)] {
        node->notify_front_->deliver(waiter, reply);
      });
      return;
    }
    FrontSide& side = *node_->fronts_[waiter.loop];
    node_->parts_.back.send(side.loop, [&side, waiter, reply = std::move(reply)] { side.front.deliver(waiter, reply); });
  }

 private:
  Node* node_;
};

// Requests go to the back loop, from that of the session that will wait.
class Node::BackPost final : public BackLink {
 public:
  explicit BackPost(Node& node) : node_(&node) {}
  void fetch(FetchRequest request) override {
    ports::EventLoop& from = loop_of(request.waiter);
    from.send(node_->parts_.back, [node = node_, request = std::move(request)]() mutable {
      node->fetcher_->fetch(std::move(request));
    });
  }
  void revoke(RevokeRequest request) override {
    ports::EventLoop& from = loop_of(request.waiter);
    from.send(node_->parts_.back, [node = node_, request = std::move(request)]() mutable {
      node->revoker_->revoke(std::move(request));
    });
  }

 private:
  ports::EventLoop& loop_of(const WaiterId& waiter) const {
    return waiter.loop == node_->fronts_.size() ? node_->parts_.back : node_->fronts_[waiter.loop]->loop;
  }

  Node* node_;
};

Node::Node(NodeParts parts)
    : parts_(std::move(parts)),
      started_(parts_.back.now().mono),
      caller_routes_(http::Routes::for_callers(parts_.settings.listen.paths)),
      admin_routes_(http::Routes::for_admins()),
      book_(parts_.fronts.size(), parts_.settings.listen.max_connections,
            parts_.settings.listen.max_connections_per_uid),
      replies_(std::make_unique<ReplyPost>(*this)),
      back_link_(std::make_unique<BackPost>(*this)),
      back_counters_(std::make_unique<LoopCounters>()),
      notify_routes_(http::Routes::for_notify()) {
  CHECK_INVARIANT(!parts_.fronts.empty() && !parts_.settings.authorization_servers.empty());
  make_views();
  read_claim_key();
  cache_ = std::make_unique<cache::TokenCache>(parts_.cache_memory, cache_options(parts_), views_, started_);
  make_back();
  make_notify();
  for (std::size_t i = 0; i < parts_.fronts.size(); ++i) make_front(i);
}

Node::~Node() = default;

// A view is all that an AS's answer may depend on, by its exact bytes (I15, I16, STD 1.23). Callers share the view of
// their AS, because all are answered with this node's credential; what differs between them is policy, judged on hits.
void Node::make_views() {
  for (std::size_t i = 0; i < parts_.settings.authorization_servers.size(); ++i) {
    const AuthorizationServerSettings& server = parts_.settings.authorization_servers[i];
    const oauth::ClientCredential& credential = server.credential;
    cache::ViewBytes view;
    view.add("introspection").add(server.name).add(server.introspection_endpoint).add(server.token_type_hint);
    view.add(std::to_string(static_cast<int>(credential.method))).add(credential.client_id);
    if (MUTANT(view_forgets_the_server)) view = cache::ViewBytes{}.add("introspection");
    const auto id = views_.intern(view, MUTANT(view_forgets_the_server) ? cache::ServerId{0}
                                                                        : static_cast<cache::ServerId>(i));
    CHECK_INVARIANT(id.has_value());
    view_of_server_.push_back(*id);
  }
}

void Node::make_back() {
  Random seeds(parts_.jitter_seed);
  const std::size_t servers = parts_.settings.authorization_servers.size();
  for (std::size_t i = 0; i < servers; ++i) {
    const auto id = static_cast<cache::ServerId>(i);
    ServerLink::ReloadSecret reload;
    if (parts_.reload_secret) reload = [this, id] { return parts_.reload_secret(id); };
    servers_.push_back(std::make_unique<ServerLink>(parts_.settings.authorization_servers[i], seeds.next(),
                                                    std::move(reload)));
  }
  fetcher_ = std::make_unique<Fetcher>(FetcherParts{parts_.back, parts_.upstream, *cache_, parts_.settings, servers_,
                                                    *replies_, *back_counters_, parts_.log});
  purger_ = std::make_unique<Purger>(parts_.back, *cache_, *fetcher_, parts_.settings, *back_counters_);
  make_relay();
  revoker_ = std::make_unique<Revoker>(RevokerParts{parts_.back, parts_.upstream, *purger_, parts_.settings, servers_,
                                                    *replies_, *back_counters_, parts_.log, relay_.get()});
  make_events(seeds.next());
  make_fleet();
  admin_ = std::make_unique<Admin>(AdminParts{
      parts_.back, parts_.settings, admin_routes_, *purger_, *desk_, admin_writer_, [this] { return figures(); },
      [this](const WaiterId& waiter, const Reply& reply) {
        parts_.back.post([this, waiter, reply] { admin_front_->deliver(waiter, reply); });
      },
      parts_.log});
  admin_front_ =
      std::make_unique<Front>(parts_.back, *admin_, admin_limits(), admin_writer_, *back_counters_, Front::Closed{});
}

void Node::make_front(std::size_t index) {
  // Only the shared parts are read; writer and counters are the front's own.
  const IntrospectParts shared{parts_.settings, caller_routes_, view_of_server_, *cache_, *back_link_,
                               admin_writer_, *back_counters_, static_cast<std::uint16_t>(index)};
  fronts_.push_back(std::make_unique<FrontSide>(
      *parts_.fronts[index], parts_.settings, shared,
      [this, index](const ports::Peer& peer) { book_.give_back(peer, index); }));
}

void Node::make_notify() {
  const IntrospectParts revocation{parts_.settings, notify_routes_, view_of_server_, *cache_, *back_link_,
                                   notify_writer_, *back_counters_, static_cast<std::uint16_t>(parts_.fronts.size()),
                                   PeerProof::kNever};
  notify_ = std::make_unique<Notify>(NotifyParts{parts_.settings, *desk_, *replies_, revocation, parts_.log});
  notify_front_ = std::make_unique<Front>(parts_.back, *notify_, parts_.settings.notify.limits, notify_writer_,
                                          *back_counters_, Front::Closed{});
}

std::optional<std::size_t> Node::place_connection(const ports::Peer& peer) {
  const std::optional<std::size_t> front = book_.take(peer);
  if (!front) back_counters_->add(Counter::kConnectionsRefused);
  return front;
}

void Node::accept(std::size_t front, std::unique_ptr<ports::ByteStream> stream) {
  fronts_[front]->front.accept(std::move(stream));
}

void Node::accept_admin(std::unique_ptr<ports::ByteStream> stream) {
  if (admin_front_->sessions() >= kAdminConnectionsMost) {
    back_counters_->add(Counter::kConnectionsRefused);
    return;
  }
  admin_front_->accept(std::move(stream));
}

void Node::accept_notify(std::unique_ptr<ports::ByteStream> stream) {
  if (notify_front_->sessions() >= parts_.settings.notify.limits.max_connections) {
    back_counters_->add(Counter::kConnectionsRefused);
    return;
  }
  notify_front_->accept(std::move(stream));
}

void Node::drain(UniqueFunction<void()> drained) {
  if (draining_) return;
  draining_ = true;
  drained_ = std::move(drained);
  fronts_draining_ = fronts_.size() + 1;
  for (const std::unique_ptr<SetPoller>& poller : pollers_) {
    if (poller) poller->stop();
  }
  notify_front_->drain([this] { front_drained(); });
  for (const std::unique_ptr<FrontSide>& side : fronts_) {
    side->loop.post([this, front = side.get()] { drain_front(*front); });
  }
}

// On the front's loop.
void Node::drain_front(FrontSide& side) {
  side.front.drain([this] { parts_.back.post([this] { front_drained(); }); });
}

void Node::front_drained() {
  CHECK_INVARIANT(fronts_draining_ > 0);
  if (--fronts_draining_ == 0 && drained_) std::exchange(drained_, {})();
}

void Node::abandon_upstream() {
  fetcher_->shut_down();
  revoker_->shut_down();
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    if (pollers_[i]) pollers_[i]->shut_down();
    if (verifiers_[i]) verifiers_[i]->shut_down();
    if (keys_[i]) keys_[i]->shut_down();
  }
  channels_->shut_down();
  desk_->shut_down();
}

void Node::abandon_front(std::size_t front) { fronts_[front]->front.abandon(); }

void Node::abandon_admins() {
  admin_front_->abandon();
  notify_front_->abandon();
}

Figures Node::figures() {
  Figures figures;
  figures.version = parts_.version;
  figures.uptime_seconds = std::chrono::duration<double>(parts_.back.now().mono - started_).count();
  figures.draining = draining_;
  const auto add = [&figures](const LoopCounters& counters) {
    for (std::size_t i = 0; i < kCounters; ++i) figures.counters[i] += counters.get(static_cast<Counter>(i));
    for (std::size_t i = 0; i < kOutcomes; ++i) figures.outcomes[i] += counters.get(static_cast<Outcome>(i));
  };
  add(*back_counters_);
  for (const std::unique_ptr<FrontSide>& side : fronts_) add(side->counters);
  figures.cache = cache_->counts();
  figures.purges = cache_->purge_counts();
  figures.cache_memory_bytes = cache_->memory_bytes();
  figures.flights = fetcher_->flights();
  figures.waiters = fetcher_->waiters();
  figures.connections_of_loop = book_.by_front();
  figures.admin_connections = admin_front_->sessions();
  figures.notify_connections = notify_front_->sessions();
  if (parts_.log_losses) {
    const LogLosses losses = parts_.log_losses();
    figures.log_lines_dropped = losses.dropped;
    figures.log_lines_suppressed = losses.suppressed;
  }
  for (const std::unique_ptr<ServerLink>& link : servers_) figures.servers.push_back(figures_of(*link));
  add_event_figures(figures);
  add_fleet_figures(figures);
  return figures;
}

}  // namespace introspectd::service
