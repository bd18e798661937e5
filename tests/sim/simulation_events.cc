// Events on their way to the daemon: pushed to its notify listener or offered to its polls, and what it answers.
#include <utility>

#include "tests/sim/form.h"
#include "tests/sim/simulation.h"

namespace introspectd::sim {
namespace {

// What an event is refused for, though it is genuine: a clock that is off by more than the skew of 60 s. A key that is new
// is no reason, nor is one that is published late.
constexpr Duration kClocksApart = std::chrono::seconds{50};

int status_of_success(FeedEvent::Route route) {
  if (route == FeedEvent::Route::kLogoutToken) return 200;
  if (route == FeedEvent::Route::kWebhook) return 200;
  return route == FeedEvent::Route::kSecurityEvent ? 202 : 204;
}

RequestText request_of(const FeedEvent& event, Random& random) {
  RequestText request;
  request.body = event.jws;
  request.content_type = "text/plain; charset=UTF-8";
  switch (event.route) {
    case FeedEvent::Route::kLogoutToken:
      request.path = "/backchannel-logout/";
      request.content_type = "application/x-www-form-urlencoded";
      request.body = "logout_token=" + form_encode(event.jws, random, random.chance(1, 2));
      break;
    case FeedEvent::Route::kSecurityEvent:
      request.path = "/events/";
      request.content_type = "application/secevent+jwt";
      break;
    case FeedEvent::Route::kKeycloakLogout: request.path = "/k_logout"; break;
    case FeedEvent::Route::kKeycloakNotBefore: request.path = "/k_push_not_before"; break;
    case FeedEvent::Route::kKeycloakTest: request.path = "/k_test_available"; break;
    case FeedEvent::Route::kGlobalRevocation:
      request.path = "/global-token-revocation/";
      request.content_type = "application/json";
      request.authorization = event.sender;
      break;
    case FeedEvent::Route::kWebhook:
      request.path = "/webhook/";
      request.content_type = "application/json";
      request.signature = event.sender;
      break;
  }
  return request;
}

}  // namespace

SimClient& Simulation::notifier() {
  if (notifier_ != nullptr && notifier_->open()) return *notifier_;
  auto connection =
      std::make_shared<SimConnection>(node_->back_loop(), ports::Peer{}, knobs_.streams, ++next_connection_);
  node_->accept_notify(connection->server_end());
  clients_.push_back(std::make_unique<SimClient>(
      SimClient::Parts{world_, history_, [this](std::uint64_t ask) { on_reply(ask); },
                       [this](const std::string& sentence) { found(sentence); }},
      std::move(connection)));
  notifier_ = clients_.back().get();
  return *notifier_;
}

std::vector<std::size_t> Simulation::record(const FeedEvent& event) {
  std::vector<std::size_t> purges;
  for (const ClaimPurge& said : event.says) {
    PurgeRecord purge;
    purge.kind = said.kind;
    if (said.kind == PurgeKind::kLogout && !knobs_.logout_is_cut_off) purge.kind = PurgeKind::kHold;
    purge.server = said.server;
    purge.claims = said.claims;
    purge.event_time = said.event_time.value_or(0);
    purge.undated = said.undated;
    purge.sent = world_.moment();
    purges.push_back(history_.add(std::move(purge)));
  }
  if (event.genuine && event.sender.empty()) commons_->said[event.jws] = event.says;   // what is relayed as it is
  return purges;
}

std::uint64_t Simulation::push(const FeedEvent& event, ServerIndex server, std::size_t proof) {
  if (node_ == nullptr || draining_) return 0;   // nobody is there to hear it
  AskRecord ask;
  ask.kind = AskKind::kEvent;
  ask.server = server;
  ask.genuine = event.genuine;
  ask.proof = proof;
  ask.event = event.name;
  ask.stream = event.stream;
  ask.said_at = event.said_at;
  ask.status_of_success = status_of_success(event.route);
  if (event.genuine && event.stream == StreamSaid::kEnabled) {
    history_.channel_of[server].enabled_sent = world_.moment();
    history_.channel_of[server].enabled_said_at = event.said_at;
  }
  ask.purges = record(event);
  RequestText request = request_of(event, random());
  const std::string name = knobs_.servers[server].name;
  const bool keycloak = request.path.starts_with("/k_");
  std::string path(request.path);
  const bool hook = event.route == FeedEvent::Route::kWebhook;   // its name is that of its server here
  const bool named = hook || knobs_.servers.size() > 1 || random().chance(1, 2);
  if (keycloak) {
    path = "/keycloak" + (named ? "/" + name : "") + path;
  } else if (named) {
    path += name;
  } else {
    path.pop_back();
  }
  request.path = path;
  return notifier().send(std::move(ask), write_request(request, random()));
}

void Simulation::offer(const FeedEvent& event, ServerIndex server) {
  endpoint_->enqueue(server, event, record(event));
}

// May a genuine event be refused, because clocks are out of step?
bool Simulation::out_of_step() const {
  const Duration apart = world_.wall() - world_.true_wall();
  return apart > kClocksApart || apart < -kClocksApart;
}

void Simulation::judge_event(const AskRecord& ask) {
  const bool accepted = ask.status == ask.status_of_success;
  const bool later = ask.status == 503 || ask.status == 408 || ask.status == 504;
  const bool refused = ask.status == 400 || ask.status == 401;
  if (!accepted && !later && !refused) {
    found("I25: an event (" + ask.event + ") got " + std::to_string(ask.status) + " " + ask.body);
  }
  if (!ask.genuine && accepted) found("F98: a forged event was accepted: " + ask.event);
  if (ask.genuine && refused && !out_of_step()) {
    found("F95: a genuine event was refused: " + ask.event + ": " + ask.body);
  }
  for (const std::size_t i : ask.purges) history_.purges[i].refused = refused;
  if (!accepted) return;
  for (const std::size_t i : ask.purges) tell_accepted(i);
  if (ask.proof != SIZE_MAX) {
    ProofRecord& proof = history_.proofs_of[ask.server][ask.proof];
    proof.open = 0;
    proof.complete = ask.replied;
  }
  if (ask.stream != StreamSaid::kNothing) hear(ask);
}

// An older word says nothing, nor does the same once more; of two of one second the pause holds.
void Simulation::hear(const AskRecord& ask) {
  ChannelRecord& channel = history_.channel_of[ask.server];
  const bool paused = ask.stream == StreamSaid::kPaused;
  if (ask.said_at < channel.said_at || (ask.said_at == channel.said_at && !paused)) return;
  const bool again = ask.said_at > channel.said_at && paused;   // it may have been seen to go on meanwhile
  channel.said_at = ask.said_at;
  if (paused == channel.paused && !again) return;
  if (paused) channel.heard = ask.received;
  channel.paused = paused;
  channel.lost_before = channel.lost;
  channel.lost = paused ? ask.replied : ask.received;
}

}  // namespace introspectd::sim
