#include "service/event_desk.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"

namespace introspectd::service {
namespace {

using oauth::SignedEventKind;

oauth::EventPolicy policy_of(const Settings& settings, const EventSettings& events) {
  oauth::EventPolicy policy;
  policy.issuer = events.issuer;
  policy.audience = events.audience;
  policy.keycloak_resources = events.keycloak_resources;
  policy.critical_subject_members = events.critical_subject_members;
  policy.logout_is_cut_off = settings.revocation.on_logout == OnLogout::kCutOff;
  policy.flush_when_unmappable = events.flush_when_unmappable;
  return policy;
}

EventVerdict verdict_of(codec::JoseError error) {
  switch (error) {
    case codec::JoseError::kMalformed: return EventVerdict::kMalformed;
    case codec::JoseError::kAlgorithm:
    case codec::JoseError::kCritical: return EventVerdict::kUnsupportedKey;
    case codec::JoseError::kNoKey: return EventVerdict::kKeysUnavailable;   // it was here when its turn was waited for
    case codec::JoseError::kBadSignature: return EventVerdict::kBadSignature;
  }
  return EventVerdict::kMalformed;
}

EventVerdict verdict_of(oauth::EventDefect defect) {
  switch (defect) {
    case oauth::EventDefect::kMalformed: return EventVerdict::kMalformed;
    case oauth::EventDefect::kWrongType: return EventVerdict::kWrongType;
    case oauth::EventDefect::kWrongIssuer: return EventVerdict::kWrongIssuer;
    case oauth::EventDefect::kWrongAudience: return EventVerdict::kWrongAudience;
    case oauth::EventDefect::kExpired: return EventVerdict::kExpired;
  }
  return EventVerdict::kMalformed;
}

EventVerdict verdict_of(KeyAnswer answer) {
  switch (answer) {
    case KeyAnswer::kHere: return EventVerdict::kAccepted;
    case KeyAnswer::kNoSuchKey: return EventVerdict::kUnknownKey;
    case KeyAnswer::kUnavailable: return EventVerdict::kKeysUnavailable;
    case KeyAnswer::kTooManyWait: return EventVerdict::kOverloaded;
  }
  return EventVerdict::kKeysUnavailable;
}

bool is_allowed(const std::vector<codec::JwsAlgorithm>& allowed, codec::JwsAlgorithm algorithm) {
  return allowed.empty() || std::find(allowed.begin(), allowed.end(), algorithm) != allowed.end();
}

// What other nodes must hear: purges, and that the stream has stopped or goes on. A verification event too: its state
// may be another node's, and it stands behind everything that was relayed before it.
bool concerns_the_fleet(const oauth::SecurityEvent& event) {
  return !event.signals.empty() || event.stream != oauth::SecurityEvent::Stream::kUnchanged ||
         event.verification_state.has_value();
}

}  // namespace

EventDesk::EventDesk(const EventDeskParts& parts) : parts_(parts) {
  for (const AuthorizationServerSettings& server : parts_.settings.authorization_servers) {
    policies_.push_back(policy_of(parts_.settings, server.events));
  }
}

// Without an audience of its own a node would believe what is meant for somebody else (STD 5.27).
bool EventDesk::accepts(const SignedEvent& event) const {
  const oauth::EventPolicy& policy = policies_[event.server];
  if (parts_.keys[event.server] == nullptr) return false;
  if (event.kind == SignedEventKind::kKeycloakAction) {
    return !policy.audience.empty() || !policy.keycloak_resources.empty();
  }
  return !policy.issuer.empty() && !policy.audience.empty();
}

void EventDesk::receive(SignedEvent event, UniqueFunction<void(EventResult)> done) {
  if (shut_down_) return;
  const auto refuse = [&](EventVerdict verdict) {
    count(event.origin, verdict, 0);
    done({verdict, {}, {}});
  };
  if (!accepts(event)) return refuse(EventVerdict::kNotConfigured);
  // What waits is at most as large as it came and decoded.
  const std::size_t bytes = 2 * event.jws.size();
  if (waiting_.size() >= kWaitingMost || waiting_bytes_ + bytes > kWaitingBytesMost) {
    return refuse(EventVerdict::kOverloaded);
  }
  auto jws = codec::read_compact_jws(event.jws);
  if (!jws) return refuse(verdict_of(jws.error()));
  const EventSettings& settings = parts_.settings.authorization_servers[event.server].events;
  if (!is_allowed(settings.algorithms, jws->algorithm)) return refuse(EventVerdict::kUnsupportedKey);
  const Serial serial = next_serial_++;
  waiting_bytes_ += bytes;
  waiting_.emplace(serial,
                   Waiting{std::move(event), std::move(*jws), {}, std::move(done), parts_.loop.now().mono});
  look_for_keys(serial);
}

void EventDesk::look_for_keys(Serial serial) {
  const Waiting& waiting = waiting_.at(serial);
  parts_.keys[waiting.event.server]->find(waiting.jws, [this, serial](KeyAnswer answer) { on_keys(serial, answer); });
}

void EventDesk::on_keys(Serial serial, KeyAnswer answer) {
  if (!waiting_.contains(serial)) return;
  if (answer != KeyAnswer::kHere) return refuse_in_turn(serial, verdict_of(answer));
  ready_.push_back(serial);
  verify_in_turn();
}

// One fetch of keys may refuse all that waits, and of each the payload is read for its date (I35).
void EventDesk::refuse_in_turn(Serial serial, EventVerdict verdict) {
  waiting_.at(serial).refused = verdict;
  ready_.push_back(serial);
  verify_in_turn();
}

unsigned EventDesk::cost_us(const Waiting& waiting) const {
  if (!waiting.refused) return parts_.keys[waiting.event.server]->verification_cost_us(waiting.jws);
  return static_cast<unsigned>(waiting.jws.payload.size() / kPayloadBytesAUs);
}

// As much as the turn's budget allows; the next turn goes on (I35).
void EventDesk::verify_in_turn() {
  if (verifying_) return;
  verifying_ = true;
  while (!ready_.empty()) {
    const Waiting& first = waiting_.at(ready_.front());
    const unsigned cost = cost_us(first);
    if (spent_us_ > 0 && spent_us_ + cost > kBudgetUs) break;
    if (spent_us_ == 0) {
      parts_.loop.post([this] {
        spent_us_ = 0;
        verify_in_turn();
      });
    }
    spent_us_ += std::max(cost, 1U);
    const Serial serial = ready_.front();
    ready_.pop_front();
    verify(serial);
  }
  verifying_ = false;
}

void EventDesk::verify(Serial serial) {
  Waiting& waiting = waiting_.at(serial);
  if (waiting.refused) return finish(serial, *waiting.refused);
  const auto verified = parts_.keys[waiting.event.server]->verify(waiting.jws);
  if (!verified && !MUTANT(inbox_believes_any_signature)) {
    if (verified.error() == codec::JoseError::kBadSignature && !waiting.doubted) return doubt_keys(serial, waiting);
    finish(serial, verdict_of(verified.error()));
    return;
  }
  const EventVerdict verdict = read(waiting);
  if (verdict != EventVerdict::kAccepted) {
    finish(serial, verdict);
    return;
  }
  apply(serial, waiting);
}

// The AS may have another key under the same kid by now, or name none.
void EventDesk::doubt_keys(Serial serial, Waiting& waiting) {
  waiting.doubted = true;
  parts_.keys[waiting.event.server]->doubt([this, serial](DoubtAnswer answer) { on_doubt(serial, answer); });
}

void EventDesk::on_doubt(Serial serial, DoubtAnswer answer) {
  if (!waiting_.contains(serial)) return;
  switch (answer) {
    case DoubtAnswer::kChanged: look_for_keys(serial); break;
    case DoubtAnswer::kSame: refuse_in_turn(serial, EventVerdict::kBadSignature); break;
    case DoubtAnswer::kUnavailable: refuse_in_turn(serial, EventVerdict::kKeysUnavailable); break;
  }
}

bool EventDesk::key_may_come(const Waiting& waiting) const {
  const SignedEvent& event = waiting.event;
  const Now now = parts_.loop.now();
  const auto issued = oauth::issued_at(event.kind, waiting.jws.payload, policies_[event.server], now.wall);
  if (!issued || MUTANT(late_key_is_refused_for_good)) return false;
  const Duration asked_ago = parts_.keys[event.server]->asked_ago();
  // In milliseconds: a Keycloak action may lie further ahead than nanoseconds count.
  const std::chrono::milliseconds age{now.wall.ms() - *issued * 1000};
  const auto age_when_asked = age - std::chrono::duration_cast<std::chrono::milliseconds>(asked_ago);
  if (age_when_asked < kKeysSettle) return true;
  // The fleet brings it again and again within a minute: that it came just now says nothing.
  const bool asked_for_it = now.mono - waiting.received >= asked_ago || event.origin == EventOrigin::kFleet;
  return !asked_for_it && age_when_asked < kKeysSettleAtLast;
}

EventVerdict EventDesk::read(Waiting& waiting) const {
  const SignedEvent& event = waiting.event;
  oauth::EventPolicy policy = policies_[event.server];
  policy.replayed = event.origin == EventOrigin::kFleet;
  auto read = oauth::read_security_event(event.kind, waiting.jws.typ, waiting.jws.payload, policy,
                                         parts_.loop.now().wall);
  if (!read) return verdict_of(read.error());
  if (event.action != oauth::SecurityEvent::Action::kNone && read->action != event.action) {
    return EventVerdict::kMalformed;
  }
  waiting.result.event = std::move(*read);
  return EventVerdict::kAccepted;
}

void EventDesk::apply(Serial serial, Waiting& waiting) {
  const SignedEvent& event = waiting.event;
  const oauth::SecurityEvent& said = waiting.result.event;
  const bool repeated = seen_.seen(event.server, event.kind, said.jti, parts_.loop.now().mono);
  if (repeated) ++figures_.origins[static_cast<std::size_t>(event.origin)].duplicates;
  figures_.unknown_events += said.unknown_events;
  figures_.unmappable_subjects += said.unmappable_subjects;
  // A repeated one too: the first may have been applied by a process that is gone, and twice changes nothing (F95).
  if (!said.signals.empty() && !(repeated && MUTANT(jti_dedupe_skips_the_effect))) {
    parts_.purger.apply(event.server, said.signals, true);
  }
  const bool of_the_stream = said.verification_state || said.stream != oauth::SecurityEvent::Stream::kUnchanged;
  if (news_ && of_the_stream) news_(event.server, said, nothing_waits_before(serial, event.server));
  relay(serial, waiting);
}

bool EventDesk::nothing_waits_before(Serial serial, cache::ServerId server) const {
  if (MUTANT(verification_overtakes_events)) return true;
  return std::none_of(waiting_.begin(), waiting_.find(serial),
                      [server](const auto& entry) { return entry.second.event.server == server; });
}

void EventDesk::relay(Serial serial, Waiting& waiting) {
  const bool from_the_fleet = waiting.event.origin == EventOrigin::kFleet && !MUTANT(fleet_events_relayed_again);
  if (relay_ == nullptr || from_the_fleet || !concerns_the_fleet(waiting.result.event)) {
    finish(serial, EventVerdict::kAccepted);
    return;
  }
  relay_->relay_signed(waiting.event, [this, serial](bool durable) {
    if (!waiting_.contains(serial)) return;
    finish(serial, durable ? EventVerdict::kAccepted : EventVerdict::kOutboxFull);
  });
}

void EventDesk::finish(Serial serial, EventVerdict verdict) {
  auto node = waiting_.extract(serial);
  CHECK_INVARIANT(!node.empty());
  Waiting waiting = std::move(node.mapped());
  waiting_bytes_ -= 2 * waiting.event.jws.size();
  count(waiting.event.origin, verdict, waiting.result.event.iat);
  if (hangs_on_keys(verdict)) refuse_by_keys(waiting, verdict);
  waiting.result.verdict = verdict;
  if (verdict != EventVerdict::kAccepted) waiting.result.event = {};
  waiting.done(std::move(waiting.result));
}

void EventDesk::refuse_by_keys(Waiting& waiting, EventVerdict verdict) {
  const SignedEvent& event = waiting.event;
  EventResult& result = waiting.result;
  result.key_may_come = key_may_come(waiting);
  const Duration cooldown = parts_.keys[event.server]->cooldown_left();
  if (result.key_may_come) result.come_again_in = std::max<Duration>(cooldown, std::chrono::seconds{1});
  // Whoever forges may call his event new each time, so the alarm does not wait for the last word (F98). What the fleet
  // brings again four times a second is told of once, when it is done with.
  const bool told_later = result.key_may_come && event.origin == EventOrigin::kFleet;
  if (verdict != EventVerdict::kBadSignature || told_later) return;
  const bool polled = event.origin == EventOrigin::kSetPoll;   // the poller says when (held_events.h)
  parts_.log.error("event refused", {{"as", parts_.settings.authorization_servers[event.server].name},
                                     {"origin", name_of(event.origin)},
                                     {"verdict", name_of(verdict)},
                                     {"for_good", result.key_may_come || polled ? "no" : "yes"}});
}

void EventDesk::receive_unsigned(UnsignedEvent event, UniqueFunction<void(EventResult)> done) {
  if (shut_down_) return;
  Purger::Applied applied;
  if (!event.signals.empty()) applied = parts_.purger.apply(event.server, event.signals, event.trusted);
  const std::int64_t happened = event.signals.empty() ? 0 : event.signals.front().event_time;
  if (relay_ == nullptr || event.origin == EventOrigin::kFleet || event.signals.empty()) {
    count(event.origin, EventVerdict::kAccepted, happened);
    done({EventVerdict::kAccepted, {}, applied});
    return;
  }
  if (waiting_.size() >= kWaitingMost) {   // applied here; whoever sent it sends it again, which changes nothing
    count(event.origin, EventVerdict::kOutboxFull, 0);
    done({EventVerdict::kOutboxFull, {}, applied});
    return;
  }
  // Its own entry, so that nobody is told of it after shut_down.
  const Serial serial = next_serial_++;
  Waiting waiting;
  waiting.event.server = event.server;
  waiting.event.origin = event.origin;
  waiting.result.event.iat = happened;
  waiting.result.applied = applied;
  waiting.done = std::move(done);
  waiting_.emplace(serial, std::move(waiting));
  relay_->relay_unsigned(event.server, event.origin, event.signals, [this, serial](bool durable) {
    if (!waiting_.contains(serial)) return;
    finish(serial, durable ? EventVerdict::kAccepted : EventVerdict::kOutboxFull);
  });
}

void EventDesk::count(EventOrigin origin, EventVerdict verdict, std::int64_t happened) {
  EventFigures::Origin& figures = figures_.origins[static_cast<std::size_t>(origin)];
  ++figures.verdicts[static_cast<std::size_t>(verdict)];
  if (verdict != EventVerdict::kAccepted || happened == 0) return;
  const Duration lag = parts_.loop.now().wall - WallTime::from_seconds(happened);
  figures.lag.add(std::chrono::duration<double>(lag).count());
}

void EventDesk::shut_down() {
  shut_down_ = true;
  waiting_.clear();
  ready_.clear();
  waiting_bytes_ = 0;
}

EventFigures EventDesk::figures() const {
  EventFigures figures = figures_;
  figures.waiting = waiting_.size();
  return figures;
}

}  // namespace introspectd::service
