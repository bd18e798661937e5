#include "tests/sim/feed_endpoint.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "codec/json_value.h"
#include "tests/sim/faults.h"

namespace introspectd::sim {
namespace {

using codec::JsonValue;
using ports::TransportOutcome;
using ports::UpstreamEndpoint;
using ports::UpstreamReply;

UpstreamReply ok(int status, std::string body, std::string cache_control = "") {
  return {TransportOutcome::kOk, status, body.empty() ? "" : "application/json", "", std::move(cache_control),
          std::move(body)};
}

UpstreamReply timed_out() { return {TransportOutcome::kTimedOut, 0, "", "", "", ""}; }

std::optional<JsonValue> read_json(std::string_view text) {
  auto value = JsonValue::read(text, codec::JsonLimits{});
  if (!value) return std::nullopt;
  return std::move(*value);
}

// What a poll says of events that came before: which, and whether they were refused.
std::vector<std::pair<std::string, bool>> acknowledgements(std::string_view text) {
  std::vector<std::pair<std::string, bool>> said;
  const auto body = read_json(text);
  if (!body) return said;
  if (const JsonValue* const acks = body->find("ack")) {
    for (const JsonValue& jti : acks->items()) said.emplace_back(jti.string().value_or(""), false);
  }
  if (const JsonValue* const errors = body->find("setErrs")) {
    for (const JsonValue::Member& error : errors->members()) said.emplace_back(error.name, true);
  }
  return said;
}

}  // namespace

// A poll under way: answered at once, when an event comes, when it was held long enough, or never.
struct FeedEndpoint::Poll final : ports::Pending {
  Poll(FeedEndpoint& of, ServerIndex at, Done to) : owner(&of), server(at), done(std::move(to)) {}
  ~Poll() override { std::erase(owner->queues_[server].held, this); }

  FeedEndpoint* owner;
  ServerIndex server;
  Done done;
  std::size_t proof = kNoProof;
  std::size_t events_most = 100;
  ports::PendingToken end, gives_up;
};

FeedEndpoint::FeedEndpoint(Parts parts) : parts_(std::move(parts)), queues_(parts_.feeds.size()) {}

bool FeedEndpoint::chance_of(std::uint64_t one_in) {
  return one_in != 0 && parts_.world.random().chance(1, one_in);
}

Duration FeedEndpoint::latency(ServerIndex server) {
  const auto most = static_cast<std::uint64_t>(parts_.knobs(server).latency_most.count());
  return Duration{static_cast<std::int64_t>(parts_.world.random().below(most + 1))};
}

ports::PendingToken FeedEndpoint::post(ports::UpstreamCall call, Done done) {
  switch (call.endpoint) {
    case UpstreamEndpoint::kKeys: return keys(call, std::move(done));
    case UpstreamEndpoint::kVerification: return verification(call, std::move(done));
    case UpstreamEndpoint::kPoll:
    case UpstreamEndpoint::kIntrospection:
    case UpstreamEndpoint::kRevocation: break;
  }
  return poll(call, std::move(done));
}

ports::PendingToken FeedEndpoint::answer_later(Duration delay, UpstreamReply reply, Done done) {
  SimWorld& world = parts_.world;
  return loop_->turn_at(world.mono() + delay, "feed_answers",
                             [reply = std::move(reply), done = std::move(done)]() mutable { done(std::move(reply)); });
}

ports::PendingToken FeedEndpoint::keys(const ports::UpstreamCall& call, Done done) {
  const FeedKnobs& knobs = parts_.knobs(call.authorization_server);
  if (knobs.down) return answer_later(call.timeout, timed_out(), std::move(done));
  const Duration takes = latency(call.authorization_server);
  if (chance_of(knobs.one_in_keys_fault)) {
    const auto faults = all_faults();
    const Fault& fault = faults[parts_.world.random().below(faults.size())];
    return answer_later(takes, reply_of(fault), std::move(done));
  }
  const std::string jwks = parts_.feeds[call.authorization_server]->jwks();
  return answer_later(takes, ok(200, jwks, "max-age=600"), std::move(done));
}

ports::PendingToken FeedEndpoint::verification(const ports::UpstreamCall& call, Done done) {
  const ServerIndex server = call.authorization_server;
  const FeedKnobs& knobs = parts_.knobs(server);
  if (knobs.down) return answer_later(call.timeout, timed_out(), std::move(done));
  const auto body = read_json(call.body.reveal());
  const JsonValue* const state = body ? body->find("state") : nullptr;
  if (state == nullptr || !state->string()) {
    parts_.violation("STD 5.18: a verification request without a state");
    return answer_later(latency(server), ok(400, "{}"), std::move(done));
  }
  if (parts_.feeds[server]->paused()) return answer_later(latency(server), ok(400, "{}"), std::move(done));
  if (!chance_of(knobs.one_in_verification_lost)) {
    SimWorld& world = parts_.world;
    std::vector<ProofRecord>& proofs = parts_.history.proofs_of[server];
    const std::size_t proof = proofs.size();
    proofs.push_back({world.moment(), {}, {}, 1, true});
    world.after(latency(server), "verification", [this, server, proof, text = std::string(*state->string())] {
      FeedEvent event = parts_.feeds[server]->verification(text);
      parts_.history.proofs_of[server][proof].answered = parts_.world.moment();
      if (parts_.knobs(server).poll) {
        enqueue(server, std::move(event), {}, proof);
      } else {
        parts_.push(server, std::move(event), proof);
      }
    });
  }
  return answer_later(latency(server), ok(204, ""), std::move(done));
}

void FeedEndpoint::settle_proof(ServerIndex server, std::size_t proof) {
  ProofRecord& record = parts_.history.proofs_of[server][proof];
  if (record.open != 0) --record.open;
  if (record.open == 0 && record.answered.happened()) record.complete = parts_.world.moment();
}

void FeedEndpoint::acknowledged(ServerIndex server, const std::string& jti, bool refused) {
  std::deque<Item>& items = queues_[server].items;
  const auto item = std::find_if(items.begin(), items.end(), [&](const Item& i) { return i.event.jti == jti; });
  if (item == items.end()) return;   // acknowledgements repeat
  if (!item->delivered) parts_.violation("RFC 8936: acknowledged what was never delivered: " + jti);
  if (refused && item->event.genuine && !parts_.may_refuse()) {
    parts_.violation("STD 5.08: a genuine event was refused: " + item->event.name);
  }
  if (!refused && !item->event.genuine) parts_.violation("F98: a forged event was accepted: " + item->event.name);
  for (const std::size_t i : item->purges) {
    PurgeRecord& purge = parts_.history.purges[i];
    if (refused) {
      purge.refused = true;
    } else if (!purge.acked.happened()) {
      purge.acked = parts_.world.moment();
      parts_.on_accepted(i);
    }
  }
  for (const std::size_t proof : item->proofs) settle_proof(server, proof);
  items.erase(item);
}

void FeedEndpoint::take_acknowledgements(ServerIndex server, std::string_view text) {
  for (const auto& [jti, refused] : acknowledgements(text)) acknowledged(server, jti, refused);
}

// The node has done with them, as we see; the server never learns it, and sends them again.
void FeedEndpoint::lose_acknowledgements(ServerIndex server, std::string_view text) {
  for (const auto& [jti, refused] : acknowledgements(text)) {
    for (Item& item : queues_[server].items) {
      if (item.event.jti != jti) continue;
      for (const std::size_t proof : std::exchange(item.proofs, {})) settle_proof(server, proof);
    }
  }
}

ports::PendingToken FeedEndpoint::poll(const ports::UpstreamCall& call, Done done) {
  const ServerIndex server = call.authorization_server;
  const FeedKnobs& knobs = parts_.knobs(server);
  const auto body = read_json(call.body.reveal());
  if (!body) {
    parts_.violation("RFC 8936: a poll that is no JSON object: " + std::string(call.body.reveal()));
    return answer_later(latency(server), ok(400, "{}"), std::move(done));
  }
  // A request that is lost acknowledges nothing, and what it acknowledges comes again.
  const bool lost = knobs.down || chance_of(knobs.one_in_poll_hang);
  if (lost) {
    lose_acknowledgements(server, call.body.reveal());
    return answer_later(call.timeout, timed_out(), std::move(done));
  }
  take_acknowledgements(server, call.body.reveal());
  if (chance_of(knobs.one_in_poll_fault)) {
    const auto faults = all_faults();
    return answer_later(latency(server), reply_of(faults[parts_.world.random().below(faults.size())]), std::move(done));
  }
  auto poll = std::make_unique<Poll>(*this, server, std::move(done));
  const JsonValue* const most = body->find("maxEvents");
  if (most != nullptr) poll->events_most = static_cast<std::size_t>(most->integer().value_or(100));
  const JsonValue* const immediately = body->find("returnImmediately");
  return hold_poll(call, std::move(poll), immediately != nullptr && immediately->boolean().value_or(false));
}

ports::PendingToken FeedEndpoint::hold_poll(const ports::UpstreamCall& call, std::unique_ptr<Poll> poll, bool at_once) {
  const ServerIndex server = poll->server;
  SimWorld& world = parts_.world;
  if (poll->events_most != 0) {
    poll->proof = parts_.history.proofs_of[server].size();
    parts_.history.proofs_of[server].push_back({world.moment(), {}, {}, 0});
  }
  Poll* const held = poll.get();
  const bool answers_now = at_once || poll->events_most == 0 || !queues_[server].items.empty();
  if (!answers_now) queues_[server].held.push_back(held);
  held->gives_up = loop_->turn_at(world.mono() + call.timeout, "poll_times_out", [this, held] {
    std::erase(queues_[held->server].held, held);
    held->end.reset();
    Done done = std::move(held->done);
    done(timed_out());
  });
  const Duration until = answers_now ? latency(server) : parts_.knobs(server).long_poll;
  held->end = loop_->turn_at(world.mono() + until, "poll_answered", [this, held] { answer_poll(*held); });
  return poll;
}

std::string FeedEndpoint::sets(Poll& poll) {
  std::string json;
  std::size_t count = 0;
  Queue& queue = queues_[poll.server];
  std::vector<std::string_view> named;
  for (Item& item : queue.items) {
    if (count == poll.events_most) break;
    // One that was sent twice waits for its first acknowledgement.
    if (std::find(named.begin(), named.end(), item.event.jti) != named.end()) continue;
    named.push_back(item.event.jti);
    ++count;
    json += (json.empty() ? "\"" : ",\"") + item.event.jti + "\":\"" + item.event.jws + "\"";
    item.delivered = true;
    const Moment now = parts_.world.moment();
    for (const std::size_t i : item.purges) {
      PurgeRecord& purge = parts_.history.purges[i];
      if (!purge.received.happened()) purge.received = now;
      purge.delivered_last = now;
    }
    if (poll.proof != kNoProof) {
      item.proofs.push_back(poll.proof);
      ++parts_.history.proofs_of[poll.server][poll.proof].open;
    }
  }
  const bool more = count < queue.items.size() && count != 0;
  return R"({"sets":{)" + json + "}" + (more ? R"(,"moreAvailable":true)" : "") + "}";
}

void FeedEndpoint::answer_poll(Poll& poll) {
  std::erase(queues_[poll.server].held, &poll);
  poll.gives_up.reset();
  UpstreamReply reply = ok(200, sets(poll));
  if (poll.proof != kNoProof) {
    ProofRecord& proof = parts_.history.proofs_of[poll.server][poll.proof];
    proof.answered = parts_.world.moment();
    if (proof.open == 0) proof.complete = proof.answered;
  }
  Done done = std::move(poll.done);
  done(std::move(reply));
}

void FeedEndpoint::enqueue(ServerIndex server, FeedEvent event, std::vector<std::size_t> purges, std::size_t proof) {
  Item item{std::move(event), std::move(purges), {}, false};
  if (proof != kNoProof) item.proofs.push_back(proof);
  queues_[server].items.push_back(std::move(item));
  SimWorld& world = parts_.world;
  for (Poll* const held : std::exchange(queues_[server].held, {})) {
    held->end = loop_->turn_at(world.mono() + latency(server), "poll_answered", [this, held] { answer_poll(*held); });
  }
}

}  // namespace introspectd::sim
