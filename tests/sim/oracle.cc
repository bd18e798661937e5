#include "tests/sim/oracle.h"

#include <algorithm>
#include <array>
#include <utility>

namespace introspectd::sim {
namespace {

// A request that takes longer than 5 s to arrive is answered by 408 (F33); the daemon looks ten times a second.
constexpr Duration kHeaderTimeout = std::chrono::milliseconds{4800};
constexpr std::size_t kViolationsKept = 8;
// Loops see things a little late: posts, turns, would-block for no reason.
constexpr Duration kLateness = std::chrono::milliseconds{600};

std::string at(const Moment& moment) {
  if (!moment.happened()) return "never";
  constexpr std::int64_t kStartNs = 86'400'000'000'123;
  return std::to_string((moment.mono.ns() - kStartNs) / 1000) + "us#" + std::to_string(moment.stamp);
}

std::string describe(const CallRecord& call) {
  const char* const verdict = call.given_up                       ? "given up"
                              : call.verdict == Verdict::kActive   ? "active"
                              : call.verdict == Verdict::kInactive ? "inactive"
                              : call.is_revocation                 ? "revocation"
                                                                   : "no determination: ";
  std::string text = "  call " + std::to_string(call.id) + (call.retry ? " (retry) " : " ") + at(call.started) +
                     " .. " + at(call.ended) + " " + verdict;
  if (call.verdict == Verdict::kNothing && !call.given_up) text += call.fault;
  if (call.exp) text += " exp=" + std::to_string(*call.exp);
  if (call.iat) text += " iat=" + std::to_string(*call.iat);
  if (call.offline_access) text += " offline_access";
  if (!call.claims.sub.empty()) text += " sub=" + call.claims.sub + " sid=" + call.claims.sid;
  return text + "\n";
}

std::string describe(const PurgeRecord& purge) {
  constexpr std::array kKinds{"revoke", "operator purge", "flush", "cut-off", "logout", "hold", "forget negatives"};
  std::string kind = kKinds[static_cast<std::size_t>(purge.kind)];
  const Claims& claims = purge.claims;
  if (purge.by_claim()) {
    kind += " of sub=" + claims.sub + " sid=" + claims.sid + " client_id=" + claims.client_id + " jti=" + claims.jti +
            " until " + std::to_string(purge.event_time);
  }
  return "  " + kind + " sent " + at(purge.sent) + " received " + at(purge.received) + " acked " +
         at(purge.acked) + " status " + std::to_string(purge.status) + "\n";
}

std::string describe(const AskRecord& ask) {
  return "  request " + std::to_string(ask.id) + " of caller " + std::to_string(ask.caller) + " on connection " +
         std::to_string(ask.connection) + " sent " + at(ask.sent) + " received " + at(ask.received) + " replied " +
         at(ask.replied) + " status " + std::to_string(ask.status) + (ask.gone ? " gone " : " ") +
         ask.body.substr(0, 120) + "\n";
}

}  // namespace

Duration WorldKnobs::longest_flight() const {
  Duration longest{};
  for (const ServerSetup& server : servers) longest = std::max(longest, server.timeout);
  return longest + std::chrono::seconds{1};
}

WorldKnobs plain_knobs() {
  WorldKnobs knobs;
  knobs.servers.resize(1);
  knobs.servers[0].name = "main";
  knobs.callers.resize(2);
  knobs.callers[0].id = "orders";
  knobs.callers[0].secret = "orders secret";
  knobs.callers[1].id = "billing:eu";
  knobs.callers[1].secret = "b1ll%ng+s&cret";
  return knobs;
}

Oracle::Oracle(const SimWorld& world, const History& history, const WorldKnobs& knobs,
               std::function<Excuses()> excuses)
    : world_(&world),
      history_(&history),
      knobs_(&knobs),
      excuses_(std::move(excuses)),
      health_(knobs.servers.size()) {}

void Oracle::found(std::string invariant, std::string sentence, ServerIndex server, const std::string& token) {
  if (violations_.size() >= kViolationsKept) return;
  violations_.push_back({std::move(invariant), std::move(sentence), token.empty() ? "" : story_of(server, token)});
}

void Oracle::found(const std::string& sentence) {
  const std::size_t colon = sentence.find(':');
  found(sentence.substr(0, colon), colon == std::string::npos ? sentence : sentence.substr(colon + 2));
}

std::string Oracle::story_of(ServerIndex server, const std::string& token) const {
  std::vector<std::pair<Stamp, std::string>> lines;
  for (const std::size_t i : history_->calls_for(server, token)) {
    lines.emplace_back(history_->calls[i].started.stamp, describe(history_->calls[i]));
  }
  each_purge(server, token, [&](const PurgeRecord& purge) { lines.emplace_back(purge.sent.stamp, describe(purge)); });
  for (const std::size_t i : history_->claim_purges_of[server]) {
    const PurgeRecord& purge = history_->purges[i];
    if (may_concern(purge, token)) lines.emplace_back(purge.sent.stamp, describe(purge));
  }
  for (const AskRecord& ask : history_->asks) {
    if (ask.server == server && ask.token == token) lines.emplace_back(ask.sent.stamp, describe(ask));
  }
  std::sort(lines.begin(), lines.end());
  std::string story = "story of " + token.substr(0, 60) + " at server " + std::to_string(server) + ":\n";
  constexpr std::size_t kLinesMost = 80;
  const std::size_t first = lines.size() > kLinesMost ? lines.size() - kLinesMost : 0;
  for (std::size_t i = first; i < lines.size(); ++i) story += lines[i].second;
  return story;
}

// A purge that was refused at the door changed nothing; one that is unanswered, or whose request ran out of time, may
// have been applied.
bool Oracle::was_applied(const PurgeRecord& purge) const {
  if (purge.refused || !purge.acked.happened()) return false;
  // An event that is to come again may have been applied; one that was applied without a request has no status.
  if (!purge.by_token() && purge.status != 0) return purge.status / 100 == 2;
  return purge.status != 504;
}

void Oracle::on_reply(const AskRecord& ask) {
  // A request that took too long to arrive, on a slow path or because the machine slept (F33).
  if (ask.status == 408 && ask.replied.mono - ask.sent.mono >= kHeaderTimeout) return;
  const bool questions = ask.kind == AskKind::kIntrospect || ask.kind == AskKind::kImpossibleToken;
  // What a failing disk did not take is applied, and to be asked for again.
  const bool not_durable = knobs_->disk.one_in_failure != 0 && ask.status == 503;
  // … and what the machine slept over: it may have been applied, nobody knows.
  const bool too_late = ask.status == 504 && ask.replied.mono - ask.received.mono >= knobs_->request_timeout;
  if (ask.status_expected != 0 && ask.status != ask.status_expected && !not_durable && !too_late) {
    found("I26", "expected status " + std::to_string(ask.status_expected) + ", got " + std::to_string(ask.status) +
                     " " + ask.body,
          ask.server, ask.token);
  }
  if (ask.kind == AskKind::kBadCredential) i28_same_bytes(ask);
  i29_in_time(ask);
  if (!questions) return;
  if (ask.status >= 500) {
    judge_error(ask);
  } else if (ask.status == 200 && ask.body == R"({"active":false})") {
    judge_false(ask);
  } else if (ask.status == 200) {
    judge_true(ask);
  } else {
    found("I25", "a well-formed request of a known caller got " + std::to_string(ask.status) + " " + ask.body,
          ask.server, ask.token);
  }
  if (ask.kind == AskKind::kIntrospect) i4_sticky(ask);
}

// I28: whatever the token, an unauthorised caller gets the same status and bytes.
void Oracle::i28_same_bytes(const AskRecord& ask) {
  if (ask.status != 401) found("I28", "an unauthorised caller got " + std::to_string(ask.status));
  const std::string kind = std::to_string(ask.caller) + (ask.reply_bytes.find("Connection: close") != std::string::npos
                                                              ? " close" : " keep-alive");
  const auto [first, is_first] = unauthorised_replies_.emplace(kind, ask.reply_bytes);
  if (!is_first && first->second != ask.reply_bytes) {
    found("I28", "an unauthorised caller can tell tokens apart:\n" + first->second + "\n" + ask.reply_bytes);
  }
}

// I29: every accepted request has its final reply within its deadline; those ahead of it on its connection take theirs.
void Oracle::i29_in_time(const AskRecord& ask) {
  if (ask.slow || !ask.received.happened()) return;
  const Duration slept = ask.answered.slept - ask.received.slept;
  constexpr Duration kOfNotifiers = std::chrono::seconds{5};   // they have their own
  const Duration deadline = ask.kind == AskKind::kEvent ? kOfNotifiers : knobs_->request_timeout;
  const Duration most = deadline * static_cast<int>(ask.ahead + 1) + kLateness + allowed_delay_ + slept;
  if (ask.answered.mono - ask.received.mono > most) {
    found("I29", "request " + std::to_string(ask.id) + " waited longer than its deadline", ask.server, ask.token);
  }
}

void Oracle::on_restart() {
  for (Health& health : health_) health = {};
  for (std::size_t server = 0; server < health_.size(); ++server) {
    health_[server].first_under_credential.resize(history_->credential[server] + 1);
  }
}

// Purges are on disk a few seconds after they were applied, and at a clean end; cut-offs before they are acknowledged
// (SPEC §4). Without a disk nothing is.
bool Oracle::survived(const PurgeRecord& purge, const Moment& now) const {
  constexpr Duration kSnapshot = std::chrono::seconds{7};   // begun every 5 s, built over turns, written
  return std::all_of(history_->restarts.begin(), history_->restarts.end(), [&](const RestartRecord& restart) {
    if (restart.stopped.stamp < purge.acked.stamp || restart.stopped.stamp > now.stamp) return true;
    if (!knobs_->has_disk || knobs_->disk.one_in_failure != 0) return false;
    // What a file says is dated by the wall clock: one that was set forward has less of it left.
    const Duration forward = (restart.started.wall - purge.acked.wall) - (restart.started.mono - purge.acked.mono);
    if (forward > std::chrono::seconds{1}) return false;
    const bool kept_first = purge.kind == PurgeKind::kCutOff && purge.promised;
    return restart.clean || kept_first || restart.stopped.mono - purge.acked.mono > kSnapshot;
  });
}

void Oracle::at_end() {
  for (const AskRecord& ask : history_->asks) {
    if (ask.gone || ask.slow || ask.replied.happened()) continue;
    found("I29", "request " + std::to_string(ask.id) + " never got a reply", ask.server, ask.token);
  }
  for (const CallRecord& call : history_->calls) {
    if (!call.ended.happened()) found("I53", "call " + std::to_string(call.id) + " never ended");
  }
}

// --- errors ---

// The call ended while this request waited, and its failure is told as the table says (F46-F88).
bool Oracle::call_explains_error(const AskRecord& ask, const CallRecord& call) const {
  if (call.is_revocation || call.verdict != Verdict::kNothing || call.given_up) return false;
  const bool in_between = call.ended.stamp > ask.received.stamp && call.ended.stamp < ask.replied.stamp;
  return in_between && call.caller_status == ask.status;
}

// I18, I23, I30: an error has a cause of its own, never another waiter's leaving or a full cache.
void Oracle::judge_error(const AskRecord& ask) {
  if (ask.kind == AskKind::kImpossibleToken) {
    found("F18", "a token that cannot be was answered with " + std::to_string(ask.status), ask.server, ask.token);
  }
  const auto& calls = history_->calls_for(ask.server, ask.token);
  const bool explained = std::any_of(calls.begin(), calls.end(),
                                     [&](std::size_t i) { return call_explains_error(ask, history_->calls[i]); });
  if (explained) return;
  const Duration waited = ask.replied.mono - ask.received.mono;
  if (ask.status == 504 && waited + kLateness >= knobs_->request_timeout) return;
  // Limits and the breaker say 503, and say which.
  const bool limited = ask.body.find("too many requests") != std::string::npos;
  const bool left_alone = ask.body.find("left alone") != std::string::npos;
  if (ask.status == 503 && (limited || left_alone)) {
    const Health& health = health_[ask.server];
    std::size_t least = knobs_->servers[ask.server].max_in_flight;
    for (const CallerKnobs& caller : knobs_->callers) least = std::min(least, caller.max_in_flight);
    std::size_t under_way = 0;
    for (auto call = history_->calls.rbegin(); call != history_->calls.rend(); ++call) {
      const bool at_that_time = !call->ended.happened() || call->ended.stamp > ask.received.stamp;
      if (call->server == ask.server && at_that_time && call->started.stamp < ask.replied.stamp) ++under_way;
      if (ask.received.mono - call->started.mono > std::chrono::seconds{60}) break;
    }
    if (limited && under_way >= least) return;
    if (left_alone && health.ever_failed) return;
  }
  found("I30", "an error that nothing explains: " + std::to_string(ask.status) + " " + ask.body, ask.server, ask.token);
}

}  // namespace introspectd::sim
