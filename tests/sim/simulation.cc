#include "tests/sim/simulation.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "cache/identity.h"
#include "oauth/signal.h"
#include "tests/sim/form.h"

namespace introspectd::sim {
namespace {

std::string json_purge(const std::string& token, const std::string& server) {
  std::string escaped;
  for (const char c : token) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return R"({"token":")" + escaped + R"(","authorization_server":")" + server + "\"}";
}

oauth::Signal signal_of(const PurgeRecord& purge) {
  constexpr std::array kKinds{oauth::SignalKind::kDead,   oauth::SignalKind::kDead, oauth::SignalKind::kFlush,
                              oauth::SignalKind::kCutOff, oauth::SignalKind::kLogout, oauth::SignalKind::kHold,
                              oauth::SignalKind::kForgetNegatives};
  oauth::Signal signal;
  signal.kind = kKinds[static_cast<std::size_t>(purge.kind)];
  signal.match = {purge.claims.sub, purge.claims.sid, purge.claims.client_id, purge.claims.jti};
  signal.event_time = purge.event_time;
  return signal;
}

}  // namespace

Commons::Commons(std::uint64_t seed, const WorldKnobs& knobs) : world(seed), log(world) {
  for (const ServerSetup& setup : knobs.servers) {
    models.push_back(std::make_unique<ModelAs>(world));
    models.back()->set_replica_lag(setup.replica_lag);
    feeds.push_back(std::make_unique<SimFeed>(world, *models.back(), feeds.size(), setup.name));
  }
}

Simulation::Simulation(std::shared_ptr<Commons> commons, WorldKnobs knobs)
    : commons_(std::move(commons)), knobs_(std::move(knobs)), world_(commons_->world) {
  for (const ServerSetup& setup : knobs_.servers) {
    SimUpstream::Server& server = servers_.emplace_back();
    server.model = commons_->models[servers_.size() - 1].get();
    server.knobs = setup.knobs;
    server.credentials.push_back(credential(servers_.size() - 1, "secret of " + setup.name));
  }
  history_.resize(knobs_.servers.size());
  number_ = commons_->nodes.size();
  commons_->nodes.push_back(this);
  oracle_ = std::make_unique<Oracle>(world_, history_, knobs_, [this] { return excuses(); });
  endpoint_ = std::make_unique<FeedEndpoint>(FeedEndpoint::Parts{
      world_, history_, commons_->feeds,
      [this](ServerIndex server) -> const FeedKnobs& { return knobs_.servers[server].feed; },
      [this] { return out_of_step(); },
      [this](const std::string& sentence) { found(sentence); },
      [this](ServerIndex server, const FeedEvent& event, std::size_t proof) { push(event, server, proof); },
      [this](std::size_t purge) { tell_accepted(purge); }});
  upstream_ = std::make_unique<SimUpstream>(SimUpstream::Parts{
      world_, history_, servers_, [this](const CallRecord& call) { oracle_->on_call_started(call); },
      [this](const CallRecord& call) { oracle_->on_call_ended(call); },
      [this](const std::string& sentence) { found(sentence); }, *endpoint_});
  make_node();
  story_clients_.resize(knobs_.callers.size());
}

void Simulation::make_node() {
  node_ = std::make_unique<SimNode>(world_, knobs_);
  endpoint_->serve(node_->back_loop());
  upstream_->serve(node_->back_loop());
  history_.node_started = world_.moment();
  calls_before_ = history_.calls.size();
  ++lives_;
  read_up_to_ = {};
  ever_connected_ = false;
  auto storage = knobs_.has_disk ? std::make_unique<SimStorage>(node_->back_loop(), disk_, knobs_.disk) : nullptr;
  node_->start(*upstream_, make_stream(), std::move(storage));
}

void Simulation::crash() { end_node(false); }

void Simulation::stop() {
  for (const auto& client : clients_) client->leave();
  bool settled = false;
  node_->settle([&settled] { settled = true; });
  const MonoTime most = world_.mono() + std::chrono::seconds{3};
  while (!settled && world_.mono() < most && world_.step()) {
  }
  end_node(settled);
}

// Of the node that lives and of those before it: what was forgotten before a crash is not on disk either.
Oracle::Excuses Simulation::excuses() {
  const cache::ShardCounts counts = node_->node().cache().counts();
  const cache::TokenCache::PurgeCounts purges = node_->node().cache().purge_counts();
  excuses_.forgot_dead |= counts.dead_forgotten_early != 0;
  excuses_.evicted |= counts.evicted != 0;
  excuses_.forgot_claims |= purges.forgotten_early != 0 || purges.filtered != 0;
  excuses_.raised_floor |= purges.floors_raised != 0 || purges.filtered != 0 || fleet_gaps() != 0;
  return excuses_;
}

void Simulation::end_node(bool clean) {
  excuses();
  history_.restarts.push_back({world_.moment(), {}, clean});
  for (const auto& client : clients_) client->leave();
  admin_ = notifier_ = nullptr;
  for (std::unique_ptr<SimLoop>& loop : SimNode::end(std::move(node_))) ended_loops_.push_back(std::move(loop));
}

void Simulation::start_again() {
  make_node();
  history_.restarts.back().started = history_.node_started;
  const bool remembers = knobs_.has_disk;
  for (ChannelRecord& channel : history_.channel_of) {
    if (!remembers) channel = {};   // that a stream is paused is in the daemon's files, if anywhere
  }
  oracle_->on_restart();
}

SimUpstream::Credential Simulation::credential(ServerIndex server, const std::string& secret) const {
  const ServerSetup& setup = knobs_.servers[server];
  const std::string id = "node-" + setup.name;
  if (setup.credential_in_body) return {"", id, secret};
  Random plain(0);
  std::string halves = form_encode(id, plain, true) + ":" + form_encode(secret, plain, true);
  for (std::size_t at = halves.find("%20"); at != std::string::npos; at = halves.find("%20")) halves.replace(at, 3, "+");
  return {"Basic " + base64(halves), "", ""};
}

// The server takes only the new secret from now on; the daemon finds it in its file when it looks.
void Simulation::rotate_secret(ServerIndex server) {
  const std::string secret = "secret-" + std::to_string(servers_[server].credentials.size());
  servers_[server].credentials.push_back(credential(server, secret));
  history_.credential[server] = servers_[server].credentials.size() - 1;
  node_->write_secret(server, secret);
}

Simulation::~Simulation() {
  clients_.clear();
  node_.reset();
}

std::string Simulation::basic(std::size_t caller) const {
  Random plain(0);
  const CallerKnobs& knobs = knobs_.callers[caller];
  return "Basic " + base64(form_encode(knobs.id, plain, true) + ":" + form_encode(knobs.secret, plain, true));
}

SimClient& Simulation::connect(std::optional<std::size_t> unix_caller) {
  ports::Peer peer;
  if (unix_caller) {
    peer.is_unix = true;
    peer.uid = 1000 + static_cast<std::uint32_t>(*unix_caller);
    peer.gids = {100};
  }
  const std::size_t loop = node_->place(peer).value_or(SIZE_MAX);
  CHECK_INVARIANT(loop != SIZE_MAX);   // worlds stay below the limit of connections
  auto connection =
      std::make_shared<SimConnection>(node_->front_loop(loop), std::move(peer), knobs_.streams, ++next_connection_);
  node_->accept(loop, connection->server_end());
  clients_.push_back(std::make_unique<SimClient>(
      SimClient::Parts{world_, history_, [this](std::uint64_t ask) { on_reply(ask); },
                       [this](const std::string& sentence) { found(sentence); }},
      std::move(connection)));
  return *clients_.back();
}

SimClient& Simulation::admin() {
  if (admin_ != nullptr && admin_->open()) return *admin_;
  ports::Peer peer;
  peer.is_unix = true;
  peer.gids = {0};
  auto connection =
      std::make_shared<SimConnection>(node_->back_loop(), std::move(peer), knobs_.streams, ++next_connection_);
  node_->accept_admin(connection->server_end());
  clients_.push_back(std::make_unique<SimClient>(
      SimClient::Parts{world_, history_, [this](std::uint64_t ask) { on_reply(ask); },
                       [this](const std::string& sentence) { found(sentence); }},
      std::move(connection)));
  admin_ = clients_.back().get();
  return *admin_;
}

void Simulation::on_reply(std::uint64_t id) {
  const AskRecord& ask = ask_record(id);
  if (ask.kind == AskKind::kEvent) {
    judge_event(ask);
    oracle_->on_reply(ask);
    return;
  }
  for (const std::size_t i : ask.purges) {
    PurgeRecord& purge = history_.purges[i];
    const bool quota = ask.status == 503 && ask.body.find("unknown tokens") != std::string::npos;
    const bool understood = ask.status == 200 || ask.status == 400 || ask.status == 503 || ask.status == 504;
    const bool broken = ask.status == 400 && ask.body.find("the authorization server refused") == std::string::npos;
    const bool late = ask.status == 408;     // the oracle judges whether it was
    purge.refused = quota || !understood || broken;
    if (broken || !(understood || late)) found("I25: a well-formed purge got " + std::to_string(ask.status) + " " + ask.body);
  }
  oracle_->on_reply(ask);
}

std::uint64_t Simulation::fleet_gaps() {
  if (!knobs_.in_fleet) return 0;
  std::uint64_t gaps = 0;
  const service::Figures figures = node_->node().figures();
  for (const std::uint64_t count : figures.fleet->gaps) gaps += count;
  return gaps;
}

std::uint64_t Simulation::introspect(SimClient& client, std::size_t caller, const std::string& token,
                                     const AskOptions& options) {
  AskRecord ask;
  ask.caller = caller;
  ask.server = knobs_.callers[caller].server;
  ask.token = token;
  const bool possible = std::all_of(token.begin(), token.end(), [](char c) { return c >= ' ' && c <= '~'; });
  ask.kind = possible ? AskKind::kIntrospect : AskKind::kImpossibleToken;
  if (possible) {
    history_.asked.insert(History::key(ask.server, token));
    if (knobs_.in_fleet) commons_->tokens[cache::hash_token(token).bytes] = token;
  }
  RequestText request;
  request.path = options.path;
  request.chunked = options.chunked;
  request.close = options.close;
  request.body = "token=" + form_encode(token, random(), options.plain_form);
  if (!options.hint.empty()) request.body += "&token_type_hint=" + std::string(options.hint);
  if (client.unix_caller() != caller) {
    if (options.credential_in_form) {
      request.body += "&client_id=" + form_encode(knobs_.callers[caller].id, random(), false) +
                      "&client_secret=" + form_encode(knobs_.callers[caller].secret, random(), false);
    } else {
      request.authorization = basic(caller);
    }
  }
  return client.send(std::move(ask), write_request(request, random()));
}

std::uint64_t Simulation::send_purge(PurgeRecord purge, SimClient& client, AskRecord ask, const RequestText& request) {
  ask.server = purge.server;
  ask.token = purge.token;
  ask.purges.push_back(history_.add(std::move(purge)));
  return client.send(std::move(ask), write_request(request, random()));
}

std::uint64_t Simulation::revoke(SimClient& client, std::size_t caller, const std::string& token,
                                 const AskOptions& options) {
  AskRecord ask;
  ask.kind = AskKind::kRevoke;
  ask.caller = caller;
  PurgeRecord purge;
  purge.server = knobs_.callers[caller].server;
  purge.token = token;
  purge.caller = caller;
  history_.asked.insert(History::key(purge.server, token));
  RequestText request;
  request.path = "/revoke";
  request.chunked = options.chunked;
  request.close = options.close;
  request.body = "token=" + form_encode(token, random(), options.plain_form);
  if (client.unix_caller() != caller) request.authorization = basic(caller);
  return send_purge(std::move(purge), client, std::move(ask), request);
}

std::uint64_t Simulation::operator_purge(const std::string& token, ServerIndex server) {
  AskRecord ask;
  ask.kind = AskKind::kAdmin;
  ask.status_expected = 200;
  PurgeRecord purge;
  purge.kind = PurgeKind::kOperator;
  purge.server = server;
  purge.token = token;
  RequestText request;
  request.path = "/purge";
  request.content_type = "application/json";
  request.body = json_purge(token, knobs_.servers[server].name);
  return send_purge(std::move(purge), admin(), std::move(ask), request);
}

std::uint64_t Simulation::flush(ServerIndex server) {
  AskRecord ask;
  ask.kind = AskKind::kAdmin;
  ask.status_expected = 200;
  PurgeRecord purge;
  purge.kind = PurgeKind::kFlush;
  purge.server = server;
  RequestText request;
  request.path = "/flush";
  request.content_type = "application/json";
  request.body = R"({"authorization_server":")" + knobs_.servers[server].name + "\"}";
  return send_purge(std::move(purge), admin(), std::move(ask), request);
}

std::size_t Simulation::apply(const ClaimPurge& said) {
  PurgeRecord purge;
  purge.kind = said.kind;
  purge.server = said.server;
  purge.claims = said.claims;
  purge.event_time = said.event_time.value_or(model(said.server).true_seconds());
  purge.promised = false;
  purge.sent = world_.moment();
  const oauth::Signal signal = signal_of(purge);
  const std::size_t index = history_.add(std::move(purge));
  node_->back_loop().post([this, index, signal] {
    PurgeRecord& record = history_.purges[index];
    record.received = world_.moment();
    node_->node().purger().apply(static_cast<cache::ServerId>(record.server), {&signal, 1}, true);
    record.acked = world_.moment();
  });
  return index;
}

std::uint64_t Simulation::bad_credential(SimClient& client, const std::string& token, unsigned kind) {
  AskRecord ask;
  ask.kind = AskKind::kBadCredential;
  ask.caller = kind % 4;   // which kind of bad: replies are compared within it (I28)
  ask.token = token;
  ask.status_expected = 401;
  RequestText request;
  request.body = "token=" + form_encode(token, random(), true);
  switch (kind % 4) {
    case 0: break;   // none at all
    case 1: request.authorization = "Basic " + base64(knobs_.callers[0].id + ":not the secret"); break;
    case 2: request.authorization = "Bearer of-nothing"; break;
    default: request.authorization = "Basic %%%"; break;
  }
  return client.send(std::move(ask), write_request(request, random()));
}

std::uint64_t Simulation::raw(SimClient& client, AskKind kind, std::string_view bytes, int status_expected) {
  AskRecord ask;
  ask.kind = kind;
  ask.status_expected = status_expected;
  return client.send(std::move(ask), bytes);
}

}  // namespace introspectd::sim
