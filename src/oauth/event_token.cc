// Security Event Tokens: RFC 8417 §2.2 as SSF 1.0 §4.1 narrows it, with the events of CAEP 1.0 and RISC 1.0
// (STD 5.10 to 5.25).
#include <algorithm>
#include <array>

#include "base/mutant.h"
#include "oauth/event_claims.h"
#include "oauth/event_kinds.h"
#include "oauth/event_type.h"
#include "oauth/subject_identifier.h"

namespace introspectd::oauth {
namespace {

using codec::JsonValue;

// Reads one event after the other of a SET whose envelope was judged.
class EventReader {
 public:
  EventReader(const JsonValue& claims, const EventPolicy& policy, WallTime now, SecurityEvent& event)
      : claims_(claims), policy_(policy), now_(now), event_(event) {}

  Judged read(std::string_view uri, const JsonValue& payload) {
    if (payload.kind() != JsonValue::Kind::kObject) return tl::unexpected(EventDefect::kMalformed);
    const auto meaning = find_event_type(uri);
    if (!meaning) {
      ++event_.unknown_events;
      return {};
    }
    switch (*meaning) {
      case EventMeaning::kNothing: return {};
      case EventMeaning::kCutOff: return add(SignalKind::kCutOff, payload);
      case EventMeaning::kHold: return add(SignalKind::kHold, payload);
      case EventMeaning::kCredentialChange: return read_credential_change(payload);
      case EventMeaning::kForgetNegatives: return read_account_enabled(payload);
      case EventMeaning::kVerification: return read_verification(payload);
      case EventMeaning::kStreamUpdated: return read_stream_updated(payload);
    }
    return tl::unexpected(EventDefect::kMalformed);
  }

 private:
  // Whom this event is about: `sub_id` of the SET, or `subject` of the event as before SSF 1.0 (STD 5.11). Where both
  // are there, the first that maps.
  tl::expected<Subject, EventDefect> find_subject(const JsonValue& payload) const {
    const JsonValue* const sub_id = claims_.find("sub_id");
    const JsonValue* const subject = payload.find("subject");
    if (sub_id == nullptr && subject == nullptr) return tl::unexpected(EventDefect::kMalformed);
    Subject found;
    for (const JsonValue* const candidate : {sub_id, subject}) {
      if (candidate == nullptr) continue;
      const auto read = read_subject(*candidate, policy_);
      if (!read) return tl::unexpected(read.error());
      if (found.reach == SubjectReach::kUnmappable) found = *read;
    }
    return found;
  }

  // When it happened: CAEP's `event_timestamp`, else `toe`, else `iat`. A time that lies ahead is somebody's
  // milliseconds or a wrong clock, and would make tokens false that are issued later.
  tl::expected<std::int64_t, EventDefect> find_time(const JsonValue& payload) const {
    struct Place {
      const JsonValue* object;
      std::string_view name;
    };
    for (const Place& place : std::array{Place{&payload, "event_timestamp"}, Place{&claims_, "toe"}}) {
      const JsonValue* const member = place.object->find(place.name);
      if (member == nullptr) continue;
      const auto text = member->number_text();
      if (!text || text->starts_with('-')) return tl::unexpected(EventDefect::kMalformed);
      const auto date = read_date(*place.object, place.name);
      if (date && !lies_ahead(*date, policy_, now_)) return *date;
    }
    return event_.iat;
  }

  Judged add(SignalKind kind, const JsonValue& payload) {
    const auto subject = find_subject(payload);
    if (!subject) return tl::unexpected(subject.error());
    const auto time = find_time(payload);
    if (!time) return tl::unexpected(time.error());
    Signal signal;
    signal.event_time = *time;
    if (subject->reach == SubjectReach::kUnmappable) {
      ++event_.unmappable_subjects;
      if (!policy_.flush_when_unmappable) return {};
      signal.kind = SignalKind::kFlush;
    } else {
      signal.kind = subject->reach == SubjectReach::kWider ? SignalKind::kHold : kind;
      signal.match = subject->match;
    }
    if (std::ranges::find(event_.signals, signal) == event_.signals.end()) event_.signals.push_back(signal);
    return {};
  }

  Judged read_credential_change(const JsonValue& payload) {
    const auto change = read_text(payload, "change_type");
    if (!change) return tl::unexpected(change.error());
    // A second passkey makes no token void (STD 5.22).
    if (*change == "create" && !MUTANT(created_credential_is_a_cut_off)) return {};
    constexpr std::array<std::string_view, 4> kChanges{"create", "revoke", "update", "delete"};
    if (std::ranges::find(kChanges, *change) == kChanges.end()) return tl::unexpected(EventDefect::kMalformed);
    return add(SignalKind::kCutOff, payload);
  }

  // Inactive answers do not say whose they are: all of the AS are asked again, whoever was enabled.
  Judged read_account_enabled(const JsonValue& payload) {
    const auto subject = find_subject(payload);
    if (!subject) return tl::unexpected(subject.error());
    Signal signal;
    signal.kind = SignalKind::kForgetNegatives;
    signal.event_time = event_.iat;
    event_.signals.push_back(signal);
    return {};
  }

  Judged read_verification(const JsonValue& payload) {
    const JsonValue* const state = payload.find("state");
    if (state != nullptr && !state->string()) return tl::unexpected(EventDefect::kMalformed);
    event_.verification_state = state == nullptr ? "" : std::string(*state->string());
    return {};
  }

  Judged read_stream_updated(const JsonValue& payload) {
    using Stream = SecurityEvent::Stream;
    const auto status = read_text(payload, "status");
    if (!status) return tl::unexpected(status.error());
    if (*status == "enabled") {
      event_.stream = Stream::kEnabled;
    } else if (*status == "paused") {
      event_.stream = Stream::kPaused;
    } else if (*status == "disabled") {
      event_.stream = Stream::kDisabled;
    } else {
      return tl::unexpected(EventDefect::kMalformed);
    }
    return {};
  }

  const JsonValue& claims_;
  const EventPolicy& policy_;
  WallTime now_;
  SecurityEvent& event_;
};

// `sub` and `exp` would make an ID token or an access token of it for a careless reader (SSF 1.0 §4.1).
bool has_forbidden_claims(const JsonValue& claims) {
  if (MUTANT(event_token_with_sub_or_exp_accepted)) return false;
  return claims.find("sub") != nullptr || claims.find("exp") != nullptr;
}

}  // namespace

EventRead read_event_token(const JsonValue& claims, const EventPolicy& policy, WallTime now) {
  const auto jti = read_text(claims, "jti");
  const auto iat = read_date(claims, "iat");
  const JsonValue* const events = claims.find("events");
  if (!jti || !iat || events == nullptr || events->members().empty() || has_forbidden_claims(claims)) {
    return tl::unexpected(EventDefect::kMalformed);
  }
  if (const auto judged = check_issuer(claims, policy); !judged) return tl::unexpected(judged.error());
  if (const auto judged = check_audience(claims, policy); !judged) return tl::unexpected(judged.error());
  if (lies_ahead(*iat, policy, now)) return tl::unexpected(EventDefect::kExpired);

  SecurityEvent event;
  event.jti = *jti;
  event.iat = *iat;
  EventReader reader(claims, policy, now, event);
  for (const JsonValue::Member& member : events->members()) {
    if (const auto judged = reader.read(member.name, member.value); !judged) return tl::unexpected(judged.error());
  }
  return event;
}

}  // namespace introspectd::oauth
