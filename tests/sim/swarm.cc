#include "tests/sim/swarm.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/identity.h"
#include "tests/sim/broken_requests.h"
#include "tests/sim/simulation.h"
#include "tests/sim/swarm_plan.h"

namespace introspectd::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Swarm {
 public:
  Swarm(std::uint64_t seed, std::uint64_t requests, bool feeds)
      : choice_(seed ^ 0x5eedULL), plan_(draw_plan(choice_, feeds)), wanted_(requests), sim_(seed, plan_.world) {}

  SwarmResult run(bool tell);

 private:
  bool one_in(std::uint64_t n) { return n != 0 && choice_.chance(1, n); }
  Duration up_to(Duration most) {
    return Duration{static_cast<std::int64_t>(choice_.below(static_cast<std::uint64_t>(most.count()) + 1))};
  }
  std::string new_token();
  void issue(ServerIndex server, std::string token);
  SimClient& some_client();
  const std::string& some_token(ServerIndex server);
  void act();
  void disturb();
  void ask_something(SimClient& client);
  void introspect(SimClient& client);
  void send_broken(SimClient& client);
  void storm();
  void purge_storm();
  void claim(TokenTruth& truth, std::int64_t now);
  ClaimPurge some_claim_purge(ServerIndex server);
  FeedEvent some_event(ServerIndex server);
  void send_event(ServerIndex server);
  void disturb_feeds(ServerIndex server);
  void rotate_key(ServerIndex server);
  void claim_storm();

  Random choice_;
  SwarmPlan plan_;
  std::uint64_t wanted_;
  Simulation sim_;
  std::vector<std::vector<std::string>> tokens_;   // by server
  std::vector<SimClient*> clients_;
  std::vector<ServerIndex> down_;
  MonoTime outage_ends_;
  std::uint64_t serial_ = 0;
  std::uint64_t strangers_ = 0;
};

std::string Swarm::new_token() {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kOdd = "AZaz09-._~ +%&=/?#\"'\\;:@!$()*,<>[]^`{|}";
  for (;;) {
    std::string token = std::to_string(++serial_) + ".";
    const std::string_view alphabet = plan_.odd_tokens ? kOdd : kPlain;
    const std::size_t size = 1 + choice_.below(42);
    for (std::size_t i = 0; i < size; ++i) token += alphabet[choice_.below(alphabet.size())];
    if (!plan_.tiny_shards) return token;
    const std::uint64_t place = cache::place_of(sim_.node().boot_key(), cache::hash_token(token));
    if (place % plan_.world.cache_shards < 2) return token;
  }
}

// Users have sessions, sessions have tokens of several clients.
void Swarm::claim(TokenTruth& truth, std::int64_t now) {
  const std::string user = std::to_string(choice_.below(5));
  truth.claims.sub = "user" + user;
  truth.claims.client_id = choice_.chance(1, 2) ? "app" : "other app";
  truth.claims.jti = std::to_string(serial_);
  if (!plan_.sessions) return;
  if (choice_.chance(3, 4)) truth.claims.sid = "s" + user + "." + std::to_string(choice_.below(2));
  if (choice_.chance(3, 4)) truth.iat = now - static_cast<std::int64_t>(choice_.below(20));
  truth.offline_access = choice_.chance(1, 4);
}

// Of a user, a session, a client, one token, or all: as real sources name them.
ClaimPurge Swarm::some_claim_purge(ServerIndex server) {
  constexpr std::array kKinds{PurgeKind::kCutOff, PurgeKind::kLogout, PurgeKind::kHold};
  ClaimPurge said;
  said.server = server;
  said.kind = kKinds[choice_.below(kKinds.size())];
  const std::string user = std::to_string(choice_.below(5));
  const std::string session = "s" + user + "." + std::to_string(choice_.below(2));
  switch (choice_.below(12)) {
    case 0: said.claims.client_id = "app"; break;
    case 1: said.claims.jti = std::to_string(choice_.below(serial_ + 1)); break;
    case 2:
    case 3: said.claims.sid = session; break;
    case 4:
    case 5:
    case 6:
      said.claims.sid = session;
      said.claims.sub = "user" + user;
      break;
    case 7:
      said.claims.sub = "user" + user;
      said.claims.client_id = "app";
      break;
    case 8: said.kind = choice_.chance(1, 2) ? PurgeKind::kForgetNegatives : PurgeKind::kCutOff; break;   // of all
    default: said.claims.sub = "user" + user; break;
  }
  const std::int64_t now = sim_.model(server).true_seconds();
  if (choice_.chance(1, 3)) said.event_time = now - static_cast<std::int64_t>(choice_.below(30));   // it comes late
  return said;
}

// More purges by claim than can be remembered, of claims that nobody has: real ones among them stay in force (I6).
void Swarm::claim_storm() {
  const ServerIndex server = choice_.below(tokens_.size());
  sim_.apply(some_claim_purge(server));
  for (int i = 0; i < 200; ++i) {
    ClaimPurge made_up = some_claim_purge(server);
    if (made_up.claims.empty()) continue;
    made_up.claims = {"nobody" + std::to_string(++strangers_), "", "", ""};
    sim_.apply(made_up);
  }
}

FeedEvent Swarm::some_event(ServerIndex server) {
  SimFeed& feed = sim_.feed(server);
  const std::string user = std::to_string(choice_.below(5));
  const std::string session = "s" + user + "." + std::to_string(choice_.below(2));
  const std::int64_t now = sim_.model(server).true_seconds();
  switch (choice_.below(12)) {
    case 10: return feed.global_revocation("user" + user);
    case 11: return feed.webhook("user" + user);
    case 0: return feed.logout_token("user" + user, choice_.chance(1, 3) ? "" : session);
    case 1: return feed.session_revoked({"user" + user, session, "", ""});
    case 2: return feed.session_revoked({"user" + user, "", "", ""}, now - static_cast<std::int64_t>(choice_.below(30)));
    case 3: return feed.claims_changed("user" + user);
    case 4: return feed.account_disabled("user" + user);
    case 5: return feed.account_enabled("user" + user);
    case 6: return feed.credential_changed("user" + user, choice_.chance(1, 2));
    case 7: return feed.keycloak_logout({session});
    case 8: return feed.keycloak_not_before(now - static_cast<std::int64_t>(choice_.below(30)));
    default: return feed.unknown_event("user" + user);
  }
}

// At once or late, so that others overtake it; once or twice; lost sometimes, which only a poll notices.
void Swarm::send_event(ServerIndex server) {
  FeedEvent event = some_event(server);
  if (one_in(plan_.forgery)) {
    const auto forgery = static_cast<Forgery>(choice_.below(kForgeries));
    if (applies_to(forgery, event.route)) event = sim_.feed(server).forge(event, forgery);
  }
  const bool polled = plan_.world.servers[server].feed.poll && event.route == FeedEvent::Route::kSecurityEvent;
  if (polled && choice_.chance(2, 3)) {
    sim_.offer(event, server);
    return;
  }
  if (choice_.chance(1, 10)) return;
  const int times = choice_.chance(1, 5) ? 2 : 1;
  for (int i = 0; i < times; ++i) {
    if (choice_.chance(1, 2)) {
      sim_.push(event, server);
    } else {
      sim_.world().after(up_to(seconds{20}), "late_event", [this, event, server] { sim_.push(event, server); });
    }
  }
}

void Swarm::rotate_key(ServerIndex server) {
  const bool late = plan_.key_rotation % 2 == 0;   // published, in some worlds
  sim_.feed(server).rotate_key(!late);
  if (late) sim_.world().after(up_to(seconds{30}), "key_published", [=, this] { sim_.feed(server).publish_keys(); });
}

void Swarm::disturb_feeds(ServerIndex server) {
  if (one_in(plan_.key_rotation) && sim_.feed(server).key_count() == 1) rotate_key(server);
  if (one_in(plan_.feed_outage)) {
    sim_.feed_knobs(server).down = true;
    sim_.world().after(up_to(seconds{60}), "feed_is_back", [this, server] { sim_.feed_knobs(server).down = false; });
  }
  if (one_in(plan_.pause)) {
    sim_.push(sim_.feed(server).stream_updated(false), server);
    sim_.world().after(up_to(seconds{30}), "stream_goes_on",
                       [this, server] { sim_.push(sim_.feed(server).stream_updated(true), server); });
  }
  if (one_in(plan_.event)) send_event(server);
}

void Swarm::issue(ServerIndex server, std::string token) {
  TokenTruth& truth = sim_.issue(token, server);
  const std::int64_t now = sim_.model(server).true_seconds();
  const auto soon = [&](std::uint64_t most) { return now + static_cast<std::int64_t>(choice_.below(most)); };
  if (!choice_.chance(1, 4)) truth.exp = soon(3600) + 60;
  if (plan_.odd_times) {
    if (choice_.chance(1, 2)) truth.exp = soon(12);
    if (choice_.chance(1, 8)) truth.exp = now - 1;
    if (choice_.chance(1, 8)) truth.nbf = soon(8);
    if (choice_.chance(1, 8)) truth.iat = soon(6) - 1;
    truth.fractional_exp = truth.exp && choice_.chance(1, 4);
    truth.ignores_exp = choice_.chance(1, 4);
    truth.claims_with_inactive = choice_.chance(1, 4);
  }
  constexpr std::array<std::string_view, 4> kAudiences{"api", "mail", "files", "elsewhere"};
  for (const std::string_view name : kAudiences) {
    if (choice_.chance(1, 3)) truth.aud.emplace_back(name);
  }
  claim(truth, now);
  if (plan_.padding_most != 0) truth.padding = choice_.below(plan_.padding_most);
  if (choice_.chance(1, 12)) truth.active_from = sim_.world().mono() + up_to(seconds{3});
  tokens_[server].push_back(std::move(token));
}

SimClient& Swarm::some_client() {
  SimClient*& client = clients_[choice_.below(clients_.size())];
  if (client == nullptr || !client->open() || client->outstanding() >= 40) {
    const bool by_unix = choice_.chance(1, 3);
    client = by_unix ? &sim_.connect(choice_.below(plan_.world.callers.size())) : &sim_.connect();
  }
  return *client;
}

// Some tokens are asked for more often than others.
const std::string& Swarm::some_token(ServerIndex server) {
  const std::size_t count = tokens_[server].size();
  return tokens_[server][std::min(choice_.below(count), choice_.below(count))];
}

void Swarm::introspect(SimClient& client) {
  const std::size_t caller = choice_.below(plan_.world.callers.size());
  const ServerIndex server = plan_.world.callers[caller].server;
  AskOptions options;
  options.chunked = choice_.chance(1, 6);
  options.plain_form = choice_.chance(1, 2);
  options.credential_in_form = choice_.chance(1, 8);
  options.close = choice_.chance(1, 50);
  if (choice_.chance(1, 8)) options.hint = choice_.chance(1, 2) ? "access_token" : "refresh_token";
  if (one_in(plan_.impossible)) {
    sim_.introspect(client, caller, "tok\xc3\xa9n" + std::to_string(++serial_), options);
  } else if (one_in(plan_.made_up)) {
    sim_.introspect(client, caller, new_token(), options);
  } else if (one_in(plan_.revoke)) {
    sim_.revoke(client, caller, choice_.chance(1, 10) ? new_token() : some_token(server), options);
  } else {
    sim_.introspect(client, caller, some_token(server), options);
  }
}

void Swarm::send_broken(SimClient& client) {
  const Broken& broken = kBrokenHttp[choice_.below(kBrokenHttp.size())];
  sim_.raw(client, AskKind::kBrokenHttp, broken.bytes, broken.status);
  client.send_raw("POST /introspect HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\ntoken=x");
}

void Swarm::ask_something(SimClient& client) {
  const bool tcp = client.unix_caller() == SIZE_MAX;
  RequestText request;
  request.authorization = sim_.basic(0);
  if (tcp && one_in(plan_.bad_credential)) {
    sim_.bad_credential(client, choice_.chance(1, 2) ? some_token(0) : new_token(),
                        static_cast<unsigned>(choice_.below(4)));
  } else if (one_in(plan_.broken_form)) {
    request.body = kBrokenForms[choice_.below(kBrokenForms.size())];
    sim_.raw(client, AskKind::kBrokenForm, write_request(request, choice_), 400);
  } else if (one_in(plan_.wrong_route)) {
    const std::uint64_t kind = choice_.below(4);
    request.body = "token=x";
    if (kind == 0) request.path = "/nowhere";
    if (kind == 1) request.method = "GET";
    if (kind == 2) request.content_type = "application/json";
    if (kind == 3) request.path = "/introspect?token=x";
    constexpr std::array<int, 4> kStatuses{404, 405, 415, 405};
    sim_.raw(client, AskKind::kWrongRoute, write_request(request, choice_), kStatuses[kind]);
  } else if (one_in(plan_.broken_http)) {
    send_broken(client);
  } else {
    introspect(client);
  }
}

// Many callers, one token, at once.
void Swarm::storm() {
  const std::size_t caller = choice_.below(plan_.world.callers.size());
  const std::string token = some_token(plan_.world.callers[caller].server);
  const std::size_t count = 5 + choice_.below(30);
  for (std::size_t i = 0; i < count; ++i) sim_.introspect(some_client(), caller, token);
}

// More tokens of one shard are revoked at once than it can remember, while others of it are being asked for: the fill
// floor has to rise, and who asks after that waits for a successor flight.
void Swarm::purge_storm() {
  const std::size_t caller = choice_.below(plan_.world.callers.size());
  const ServerIndex server = plan_.world.callers[caller].server;
  const std::string token = some_token(server);
  sim_.introspect(some_client(), caller, token);
  sim_.pass(up_to(plan_.gap_most));
  for (int i = 0; i < 24; ++i) {
    sim_.operator_purge(some_token(server), server);
    if (i % 6 == 5) sim_.pass(up_to(milliseconds{20}));
    if (i % 8 == 7) sim_.introspect(some_client(), caller, token);
  }
}

void Swarm::disturb() {
  const ServerIndex server = choice_.below(tokens_.size());
  if (one_in(plan_.operator_purge)) sim_.operator_purge(some_token(server), server);
  if (one_in(plan_.flush)) sim_.flush(server);
  if (one_in(plan_.claim_purge)) sim_.apply(some_claim_purge(server));
  if (one_in(plan_.claim_storm)) claim_storm();
  disturb_feeds(server);
  if (one_in(plan_.crash)) {
    if (choice_.chance(1, 2)) {
      sim_.crash();
    } else {
      sim_.stop();
    }
    sim_.pass(up_to(seconds{2}));
    sim_.start_again();
  }
  if (one_in(plan_.leave)) some_client().leave();
  if (one_in(plan_.half_close)) some_client().half_close();
  if (one_in(plan_.slow_reader)) some_client().read_slowly(choice_.chance(1, 2));
  if (one_in(plan_.wall_jump)) {
    const Duration by = up_to(choice_.chance(1, 2) ? Duration{seconds{5}} : Duration{std::chrono::hours{2}});
    sim_.world().set_wall_forward(choice_.chance(1, 2) ? by : -by);
  }
  if (one_in(plan_.suspend)) sim_.world().suspend(up_to(choice_.chance(1, 2) ? Duration{seconds{3}} : Duration{seconds{90}}));
  if (one_in(plan_.stall)) {
    const Duration by = up_to(milliseconds{200});
    sim_.oracle().allow_delay(by);
    const std::size_t loop = choice_.below(sim_.node().front_count() + 1);
    (loop == 0 ? sim_.node().back_loop() : sim_.node().front_loop(loop - 1)).stall(by);
  }
  if (one_in(plan_.outage)) {
    sim_.server(server).down = true;
    down_.push_back(server);
    outage_ends_ = sim_.world().mono() + up_to(seconds{15});
  }
  if (sim_.world().mono() >= outage_ends_) {
    for (const ServerIndex ended : std::exchange(down_, {})) sim_.server(ended).down = false;
  }
  if (one_in(plan_.rotate)) sim_.rotate_secret(server);
  if (one_in(plan_.reissue)) issue(server, new_token());
}

void Swarm::act() {
  disturb();
  if (one_in(plan_.storm)) storm();
  if (one_in(plan_.purge_storm)) purge_storm();
  SimClient& client = some_client();
  const std::uint64_t burst = 1 + choice_.below(plan_.pipeline_most);
  for (std::uint64_t i = 0; i < burst && client.open(); ++i) ask_something(client);
  const bool long_gap = one_in(plan_.one_in_long_gap);
  sim_.pass(up_to(long_gap ? plan_.long_gap_most : plan_.gap_most));
}

SwarmResult Swarm::run(bool tell) {
  tokens_.resize(plan_.world.servers.size());
  clients_.resize(plan_.clients);
  for (ServerIndex server = 0; server < tokens_.size(); ++server) {
    for (std::size_t i = 0; i < plan_.tokens; ++i) issue(server, new_token());
  }
  const History& history = sim_.history();
  while (history.asks.size() < wanted_ && sim_.oracle().clean()) act();
  if (plan_.drain) sim_.drain();
  if (sim_.oracle().clean()) sim_.finish();

  SwarmResult result;
  result.trace_hash = sim_.world().trace().value();
  result.requests = history.asks.size();
  result.steps = sim_.world().steps();
  result.calls = history.calls.size();
  result.purges = history.purges.size();
  for (const AskRecord& ask : history.asks) {
    if (ask.gone) ++result.gone;
    if (ask.status >= 500) ++result.errors;
    if (ask.kind != AskKind::kIntrospect || ask.status != 200) continue;
    ++(ask.body == R"({"active":false})" ? result.falses : result.trues);
  }
  const service::Figures figures = sim_.node().node().figures();
  result.counters = figures.counters;
  result.outcomes = figures.outcomes;
  result.violations = sim_.oracle().violations();
  if (tell || !result.violations.empty()) result.story = plan_.switches;
  return result;
}

}  // namespace

SwarmResult run_seed(std::uint64_t seed, std::uint64_t requests, bool tell, bool feeds) {
  return Swarm(seed, requests, feeds).run(tell);
}

}  // namespace introspectd::sim
