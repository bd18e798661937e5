// event: any bytes as the claims of a signed event, as a body of a webhook, a poll or a global revocation. What is
// accepted is held against a second reading of the JSON tree, and no signal matches more than the bytes name (I24, F99).
// The first byte chooses the reader: l, s, k (a logout token, a SET, a Keycloak action), g, p, w.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "codec/json_value.h"
#include "fuzz/json_judge.h"
#include "oauth/json_pointer.h"
#include "oauth/security_event.h"
#include "oauth/set_poll.h"
#include "oauth/webhook.h"

namespace introspectd::oauth {
namespace {

using codec::JsonValue;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::int64_t kLatest = kNow + 60;
constexpr codec::JsonLimits kLimits;
const WallTime kWall = WallTime::from_seconds(kNow);

EventPolicy policy_of_all() {
  EventPolicy policy;
  policy.issuer = "https://as.example.com";
  policy.audience = {"node"};
  policy.flush_when_unmappable = true;
  return policy;
}

// `text` stands somewhere in the document as a string, or as a number.
bool holds(const JsonValue& value, std::string_view text) {
  if (value.string() == text || value.number_text() == text) return true;
  const auto in_item = [&](const JsonValue& item) { return holds(item, text); };
  const auto in_member = [&](const JsonValue::Member& member) { return holds(member.value, text); };
  return std::ranges::any_of(value.items(), in_item) || std::ranges::any_of(value.members(), in_member);
}

// `may_match_all`: a Keycloak action means everybody where it says so.
void check_signal(const Signal& signal, const JsonValue& document, bool may_match_all) {
  CHECK_INVARIANT(signal.event_time >= 0 && signal.event_time <= kLatest);
  for (const std::string* claim : {&signal.match.sub, &signal.match.sid, &signal.match.client_id, &signal.match.jti}) {
    CHECK_INVARIANT(claim->empty() || holds(document, *claim));
  }
  const bool matches = signal.kind == SignalKind::kCutOff || signal.kind == SignalKind::kLogout || signal.kind == SignalKind::kHold;
  CHECK_INVARIANT(matches ? may_match_all || !signal.match.empty() : signal.match.empty());
}

bool is_text(const JsonValue& claims, std::string_view name, std::string_view text) {
  const JsonValue* const member = claims.find(name);
  return member != nullptr && member->string() == text;
}

bool is_for_node(const JsonValue& claims) {
  if (is_text(claims, "aud", "node")) return true;
  const JsonValue* const aud = claims.find("aud");
  return aud != nullptr && std::ranges::any_of(aud->items(), [](const JsonValue& item) { return item.string() == "node"; });
}

bool lacks(const JsonValue& claims, const std::vector<std::string_view>& names) {
  return std::ranges::none_of(names, [&](std::string_view name) { return claims.find(name) != nullptr; });
}

void check_kind(SignedEventKind kind, const SecurityEvent& event, const JsonValue& claims) {
  if (kind == SignedEventKind::kKeycloakAction) {
    CHECK_INVARIANT(event.action != SecurityEvent::Action::kNone && is_text(claims, "resource", "node"));
    CHECK_INVARIANT(is_text(claims, "id", event.jti) && lacks(claims, {"iss", "sub", "aud", "exp", "events", "nonce"}));
    return;
  }
  CHECK_INVARIANT(is_text(claims, "iss", "https://as.example.com") && is_for_node(claims));
  CHECK_INVARIANT(is_text(claims, "jti", event.jti) && event.iat >= 0 && event.iat <= kLatest);
  const JsonValue* const events = claims.find("events");
  CHECK_INVARIANT(events != nullptr && !events->members().empty());
  if (kind == SignedEventKind::kSecurityEvent) {
    CHECK_INVARIANT(lacks(claims, {"sub", "exp"}));
    return;
  }
  CHECK_INVARIANT(lacks(claims, {"nonce"}) && claims.find("exp") != nullptr && event.signals.size() == 1);
  CHECK_INVARIANT(events->find("http://schemas.openid.net/event/backchannel-logout") != nullptr);
}

void check_event(SignedEventKind kind, std::string_view claims) {
  const EventPolicy policy = policy_of_all();
  const std::string_view typ = kind == SignedEventKind::kSecurityEvent ? "secevent+jwt" : "";
  const auto document = JsonValue::read(claims, kLimits);
  CHECK_INVARIANT(document.has_value() == fuzz::judge_json(claims, kLimits.bytes, kLimits.depth).accepted);
  const auto event = read_security_event(kind, typ, claims, policy, kWall);
  CHECK_INVARIANT(!read_security_event(kind, "at+jwt", claims, policy, kWall));
  EventPolicy replayed = policy;
  replayed.replayed = true;
  const auto again = read_security_event(kind, typ, claims, replayed, kWall);
  if (!event) {
    CHECK_INVARIANT(!again || event.error() == EventDefect::kExpired);
    return;
  }
  CHECK_INVARIANT(document.has_value() && again.has_value() && again->signals == event->signals);
  check_kind(kind, *event, *document);
  const bool may_match_all = kind == SignedEventKind::kKeycloakAction;
  for (const Signal& signal : event->signals) check_signal(signal, *document, may_match_all);
  // Under every other policy it is nothing to us.
  EventPolicy foreign = policy;
  foreign.audience = {"other"};
  CHECK_INVARIANT(!read_security_event(kind, typ, claims, foreign, kWall));
}

void check_global_revocation(std::string_view body) {
  const auto signals = read_global_token_revocation(body, policy_of_all(), kWall);
  if (!signals) return;
  const auto document = JsonValue::read(body, kLimits);
  CHECK_INVARIANT(document.has_value() && document->find("sub_id") != nullptr && signals->size() == 1);
  check_signal(signals->front(), *document, false);
}

// What was read is acknowledged by the same names, and our own request is JSON whatever they hold.
void check_poll(std::string_view body) {
  const auto reply = read_poll_reply(200, "application/json", body);
  CHECK_INVARIANT(!read_poll_reply(204, "application/json", body) && !read_poll_reply(200, "text/plain", body));
  if (!reply) return;
  CHECK_INVARIANT(reply->sets.size() <= kPolledSetsMost);
  std::vector<std::string> names;
  std::vector<SetRefusal> refusals;
  for (const PolledSet& set : reply->sets) {
    names.push_back(set.jti);
    refusals.push_back({set.jti, SetErrorCode::kInvalidRequest, set.jws});
  }
  const std::string request = write_poll_request(PollRequest::only_acknowledging(names, refusals));
  const auto document = JsonValue::read(request, {.bytes = std::size_t{16} << 20U, .depth = 16});
  CHECK_INVARIANT(document.has_value());
  const JsonValue* const ack = document->find("ack");
  CHECK_INVARIANT(names.empty() == (ack == nullptr));
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK_INVARIANT(ack->items()[i].string() == names[i]);
    CHECK_INVARIANT(document->find("setErrs")->find(names[i]) != nullptr);
  }
}

// The first line is a pointer, a signature and a timestamp at once; the rest is the body.
void check_webhook(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  const std::string_view body = bytes.substr(std::min(line.size() + 1, bytes.size()));
  CHECK_INVARIANT(!check_webhook_signature("a secret that is not among the bytes", line, line, body, kWall));
  WebhookFormat format;
  format.sub = JsonPointer::read(line);
  format.sid = JsonPointer::read("/session/id");
  format.client_id = JsonPointer::read("/client");
  format.time = JsonPointer::read("/at");
  format.only = JsonPointer::read("/event");
  format.only_values = {"ended"};
  const auto signals = read_webhook(body, format, kWall);
  if (!signals || signals->empty()) return;
  const auto document = JsonValue::read(body, kLimits);
  CHECK_INVARIANT(document.has_value() && signals->size() == 1 && is_text(*document, "event", "ended"));
  const Signal& signal = signals->front();
  check_signal(signal, *document, false);
  CHECK_INVARIANT(signal.event_time <= kNow && (!signal.match.sub.empty() || !signal.match.sid.empty()));
}

void check(std::string_view bytes) {
  const std::string_view rest = bytes.substr(1);
  switch (bytes.front()) {
    case 'l': return check_event(SignedEventKind::kLogoutToken, rest);
    case 's': return check_event(SignedEventKind::kSecurityEvent, rest);
    case 'k': return check_event(SignedEventKind::kKeycloakAction, rest);
    case 'g': return check_global_revocation(rest);
    case 'p': return check_poll(rest);
    case 'w': return check_webhook(rest);
    default: return;
  }
}

}  // namespace
}  // namespace introspectd::oauth

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) introspectd::oauth::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
