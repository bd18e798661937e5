#include "tests/sim/sim_upstream.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/assert.h"
#include "tests/sim/feed_endpoint.h"
#include "tests/sim/form.h"

namespace introspectd::sim {
namespace {

using ports::TransportOutcome;
using ports::UpstreamReply;

// Two events: the moment at which the AS makes up its mind, and the end of the call. Destroying this gives up both.
class CallToken final : public ports::Pending {
 public:
  CallToken(History& history, std::uint64_t id, SimWorld& world) : history_(&history), id_(id), world_(&world) {}
  ~CallToken() override {
    CallRecord& record = history_->call(id_);
    if (record.ended.happened()) return;
    record.given_up = true;
    record.ended = world_->moment();
    --history_->in_flight[record.server];
    record.verdict = Verdict::kNothing;
  }
  ports::PendingToken decision, end;

 private:
  History* history_;
  std::uint64_t id_;
  SimWorld* world_;
};

// What a circuit breaker may take for a failing server (F63, F66-F68, F76, F77, F84-F88), and what not.
void judge_health(const UpstreamReply& reply, CallRecord& record) {
  const bool refused = reply.status >= 500 || reply.status == 401 || reply.status == 403 || reply.status == 429;
  const bool answered = reply.outcome == TransportOutcome::kOk;
  record.server_in_order = answered && !refused;
  record.server_failed = !record.server_in_order && reply.outcome != TransportOutcome::kIdleConnectionDied;
}

Duration between(Random& random, Duration least, Duration most) {
  const auto width = static_cast<std::uint64_t>((most - least).count());
  return least + Duration{static_cast<std::int64_t>(random.below(width + 1))};
}

}  // namespace

bool SimUpstream::carries(const ports::UpstreamCall& call, const Credential& credential) {
  if (call.authorization.reveal() != credential.authorization) return false;
  const std::string_view body = call.body.reveal();
  return credential.client_id.empty() || (form_value(body, "client_id") == credential.client_id &&
                                          form_value(body, "client_secret") == credential.client_secret);
}

void SimUpstream::judge_bytes(const Server& server, const ports::UpstreamCall& call, CallRecord& record) {
  const std::string_view body = call.body.reveal();
  const auto token = form_value(body, "token");
  if (!token || token->empty()) parts_.violation("I21: a call without exactly one readable token: " + std::string(body));
  record.token = token.value_or("");
  for (std::size_t i = server.credentials.size(); i-- > 0;) {
    if (!carries(call, server.credentials[i])) continue;
    record.credential = i;
    return;
  }
  parts_.violation("I15: a call without a credential of its server: " + std::string(call.authorization.reveal()));
}

SimUpstream::Course SimUpstream::choose_course(const Server& server, const CallRecord& call) {
  for (auto script = scripts_.begin(); script != scripts_.end(); ++script) {
    if (script->first != call.server || call.learns) continue;
    const Course course{script->second.latency, script->second.fault, false};
    scripts_.erase(script);
    return course;
  }
  Random& random = parts_.world.random();
  const ServerKnobs& knobs = server.knobs;
  Course course;
  course.latency = between(random, knobs.latency_least, knobs.latency_most);
  if (knobs.one_in_slow != 0 && random.chance(1, knobs.one_in_slow)) {
    course.latency = between(random, knobs.latency_least, knobs.slow_most);
  }
  course.hangs = knobs.one_in_hang != 0 && random.chance(1, knobs.one_in_hang);
  if (knobs.down || (knobs.one_in_fault != 0 && random.chance(1, knobs.one_in_fault))) {
    course.fault = knobs.faults.empty() ? &all_faults()[random.below(all_faults().size())]
                                        : knobs.faults[random.below(knobs.faults.size())];
  }
  return course;
}

UpstreamReply SimUpstream::answer_revocation(const Server& server, CallRecord& record) {
  Random& random = parts_.world.random();
  const ServerKnobs& knobs = server.knobs;
  if (knobs.one_in_revoke_refused != 0 && random.chance(1, knobs.one_in_revoke_refused)) {
    return {TransportOutcome::kOk, 400, "application/json", "", "", R"({"error":"unsupported_token_type"})"};
  }
  const bool fails = knobs.one_in_revoke_failed != 0 && random.chance(1, knobs.one_in_revoke_failed);
  // A server may fail before or after it revoked.
  if (!fails || random.chance(1, 2)) server.model->revoke(record.token);
  if (fails) return {TransportOutcome::kOk, 500, "text/html", "", "", "<html>oops</html>"};
  return {TransportOutcome::kOk, 200, "", "", "", ""};
}

// What the daemon has learned of a token makes it hold the session's others, before and after the revocation.
void SimUpstream::holds_after(const CallRecord& call) {
  PurgeRecord hold;
  hold.kind = PurgeKind::kHold;
  hold.server = call.server;
  hold.claims = {call.claims.sub, call.claims.sid, call.claims.sid.empty() ? call.claims.client_id : "", ""};
  hold.sent = hold.received = call.ended;
  parts_.history.add(std::move(hold));
}

UpstreamReply SimUpstream::answer_now(ServerIndex index, std::uint64_t id, const Fault* fault) {
  const Server& server = parts_.servers[index];
  CallRecord& record = parts_.history.call(id);
  if (record.credential + 1 != server.credentials.size()) fault = &sim::fault("F63 401 empty");
  if (fault != nullptr) {
    record.verdict = Verdict::kNothing;
    record.fault = fault->name;
    record.caller_status = fault->caller_status;
    return reply_of(*fault);
  }
  if (record.is_revocation) return answer_revocation(server, record);
  std::string body = server.model->answer(record);
  const bool with_charset = parts_.world.random().chance(1, 8);
  return {TransportOutcome::kOk, 200, with_charset ? "application/json;charset=UTF-8" : "application/json", "", "",
          std::move(body)};
}

ports::PendingToken SimUpstream::post(ports::UpstreamCall call, UniqueFunction<void(UpstreamReply)> done) {
  SimWorld& world = parts_.world;
  const ServerIndex index = call.authorization_server;
  CHECK_INVARIANT(index < parts_.servers.size());
  const bool about_tokens = call.endpoint == ports::UpstreamEndpoint::kIntrospection ||
                            call.endpoint == ports::UpstreamEndpoint::kRevocation;
  if (!about_tokens) return parts_.feed.post(std::move(call), std::move(done));
  const Server& server = parts_.servers[index];
  const std::uint64_t id = parts_.history.calls.size() + 1;
  CallRecord& record = parts_.history.calls.emplace_back();
  record.id = id;
  record.server = index;
  record.is_revocation = call.endpoint == ports::UpstreamEndpoint::kRevocation;
  record.learns = !record.is_revocation && form_value(call.body.reveal(), "token_type_hint") == "refresh_token";
  record.retry = call.fresh_connection;
  judge_bytes(server, call, record);
  record.started = world.moment();
  world.trace().add(id);
  world.trace().add(record.token);
  if (!record.is_revocation && !record.learns) parts_.history.calls_of[History::key(index, record.token)].push_back(id - 1);
  ++parts_.history.in_flight[index];
  if (parts_.on_start) parts_.on_start(record);

  const Course course = choose_course(server, record);
  const bool too_late = course.hangs || course.latency >= call.timeout;
  auto token = std::make_unique<CallToken>(parts_.history, id, world);
  auto reply = std::make_shared<UpstreamReply>(UpstreamReply{TransportOutcome::kTimedOut, 0, "", "", "", ""});
  record.fault = "F77 timed out";
  record.caller_status = 504;
  if (!too_late || (record.is_revocation && !course.hangs)) {
    // The AS decides somewhere within the call: what it says may be old when it arrives.
    const Duration decides = between(world.random(), Duration::zero(), course.latency);
    token->decision = world.cancellable(world.mono() + decides, "as_decides", [this, index, id, reply, course, too_late] {
      UpstreamReply answer = answer_now(index, id, course.fault);
      if (!too_late) *reply = std::move(answer);
    });
  }
  const Duration takes = too_late ? call.timeout : course.latency;
  token->end = back_loop_->turn_at(
      world.mono() + takes, "as_answers", [this, id, reply, too_late, done = std::move(done)]() mutable {
        CallRecord& ended = parts_.history.call(id);
        ended.ended = parts_.world.moment();
        if (too_late) ended.verdict = Verdict::kNothing;
        judge_health(*reply, ended);
        --parts_.history.in_flight[ended.server];
        if (ended.learns && ended.verdict == Verdict::kActive) holds_after(ended);
        if (parts_.on_end) parts_.on_end(ended);
        done(std::move(*reply));
      });
  return token;
}

}  // namespace introspectd::sim
