#include "service/notify.h"

#include <algorithm>
#include <utility>

#include "base/mutant.h"
#include "codec/form.h"
#include "oauth/authorization.h"
#include "oauth/webhook.h"
#include "service/caller_table.h"
#include "service/replies.h"

namespace introspectd::service {
namespace {

using http::RouteId;

constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

// Whole seconds, never too early.
std::uint32_t retry_after(Duration wait) {
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(wait).count());
}

Reply reply_of(const EventResult& result, int accepted, bool is_set) {
  Reply reply;
  reply.retry_after_seconds = retry_after(result.come_again_in);
  if (result.key_may_come) {
    reply.outcome = Outcome::kEventKeysUnavailable;
    return reply;
  }
  switch (result.verdict) {
    case EventVerdict::kAccepted:
      reply.outcome = Outcome::kEventAccepted;
      reply.status = accepted;
      return reply;
    case EventVerdict::kKeysUnavailable: reply.outcome = Outcome::kEventKeysUnavailable; return reply;
    case EventVerdict::kOutboxFull: reply.outcome = Outcome::kEventOutboxFull; return reply;
    case EventVerdict::kOverloaded: reply.outcome = Outcome::kEventOverloaded; return reply;
    case EventVerdict::kNotConfigured: reply.outcome = Outcome::kNoSuchRoute; return reply;
    case EventVerdict::kMalformed:
    case EventVerdict::kWrongType:
    case EventVerdict::kWrongIssuer:
    case EventVerdict::kWrongAudience:
    case EventVerdict::kExpired:
    case EventVerdict::kUnsupportedKey:
    case EventVerdict::kUnknownKey:
    case EventVerdict::kBadSignature: break;
  }
  reply.outcome = Outcome::kEventRefused;
  reply.description = describe(result.verdict);
  if (is_set) reply.set_error = set_error_of(result.verdict);
  return reply;
}

// A field that is there exactly once; nullopt where it is missing or somebody has added another.
std::optional<std::string_view> only_field(const http::Request& request, std::string_view name) {
  std::optional<std::string_view> found;
  for (const http::Header& header : request.headers) {
    if (!http::same_name(header.name, name)) continue;
    if (found) return std::nullopt;
    found = header.value;
  }
  return found;
}

std::string_view without_end_of_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// The logout_token of a form; nullopt where it is missing, there twice or malformed. Other parameters are ignored.
std::optional<std::string_view> logout_token(std::string_view body, Secret& scratch) {
  std::optional<std::string_view> token;
  codec::FormPairs pairs(body);
  while (const auto pair = pairs.next()) {
    if (pair->name != "logout_token") continue;
    if (token) return std::nullopt;
    token = codec::decode_component(pair->value, scratch);
    if (!token || token->empty()) return std::nullopt;
  }
  return token;
}

oauth::SecurityEvent::Action action_of(RouteId route) {
  using Action = oauth::SecurityEvent::Action;
  if (route == RouteId::kKeycloakLogout) return Action::kLogout;
  return route == RouteId::kKeycloakNotBefore ? Action::kPushNotBefore : Action::kTestAvailability;
}

// That a peer reaches this listener says nothing of who it is: whoever revokes here authenticates itself.
IntrospectParts without_peer_proof(IntrospectParts parts) {
  parts.proof = PeerProof::kNever;
  return parts;
}

}  // namespace

Notify::Notify(const NotifyParts& parts) : parts_(parts), revocation_(without_peer_proof(parts.revocation)) {}

bool Notify::admits(const ports::Peer& peer) const { return !is_nobody(peer); }

void Notify::handle(ServerSession& session, const http::Request& request) {
  const http::Route route = parts_.revocation.routes.find(request.path);
  parts_.revocation.writer.set_time(session.now().wall);
  if (route.id == RouteId::kUnknown) {
    send_reply(session, Outcome::kNoSuchRoute);
  } else if (!http::is_allowed(route.id, request.method)) {
    ReplyFields fields;
    fields.allow = http::allowed_methods(route.id);
    send_reply(session, Outcome::kMethodNotAllowed, fields);
  } else if (route.id == RouteId::kRevoke) {
    revocation_.handle(session, request);
  } else if (route.id == RouteId::kWebhook) {
    webhook(session, request, route.name);
  } else {
    route_by_server(session, request, route);
  }
  scratch_.clear();
}

void Notify::route_by_server(ServerSession& session, const http::Request& request, const http::Route& route) {
  const std::optional<cache::ServerId> server = server_named(route.name);
  if (!server) {
    send_reply(session, Outcome::kNoSuchRoute);
    return;
  }
  if (route.id == RouteId::kBackchannelLogout) {
    logout(session, request, *server);
  } else if (route.id == RouteId::kEvents) {
    push(session, request, *server);
  } else if (route.id == RouteId::kGlobalTokenRevocation) {
    global_revocation(session, request, *server);
  } else {
    keycloak(session, request, route.id, *server);
  }
}

std::optional<cache::ServerId> Notify::server_named(std::string_view name) const {
  const auto& servers = parts_.settings.authorization_servers;
  if (name.empty()) return servers.size() == 1 ? std::optional<cache::ServerId>(0) : std::nullopt;
  const auto named = std::find_if(servers.begin(), servers.end(), [&](const auto& each) { return each.name == name; });
  if (named == servers.end()) return std::nullopt;
  return static_cast<cache::ServerId>(named - servers.begin());
}

void Notify::logout(ServerSession& session, const http::Request& request, cache::ServerId server) {
  if (!http::is_media_type(request.content_type, kFormType)) {
    send_reply(session, Outcome::kMediaType);
    return;
  }
  scratch_.reserve(request.body.size());
  const std::optional<std::string_view> token = logout_token(request.body, scratch_);
  if (!token) {
    reject(session, "expected exactly one logout_token");
    return;
  }
  SignedEvent event;
  event.kind = oauth::SignedEventKind::kLogoutToken;
  event.server = server;
  event.origin = EventOrigin::kBackchannelLogout;
  event.jws = std::string(*token);
  receive(session, std::move(event), {.accepted = 200, .is_set = false});
}

void Notify::push(ServerSession& session, const http::Request& request, cache::ServerId server) {
  if (!http::is_media_type(request.content_type, "application/secevent+jwt")) {
    ReplyFields fields;
    fields.description = "the Content-Type must be application/secevent+jwt";
    fields.set_error = oauth::SetErrorCode::kInvalidRequest;
    send_reply(session, Outcome::kEventRefused, fields);
    return;
  }
  SignedEvent event;
  event.kind = oauth::SignedEventKind::kSecurityEvent;
  event.server = server;
  event.origin = EventOrigin::kSetPush;
  event.jws = std::string(without_end_of_line(request.body));
  receive(session, std::move(event), {.accepted = 202, .is_set = true});
}

// The signature is all that counts; Keycloak's Content-Type has changed with its versions.
void Notify::keycloak(ServerSession& session, const http::Request& request, RouteId route, cache::ServerId server) {
  SignedEvent event;
  event.kind = oauth::SignedEventKind::kKeycloakAction;
  event.server = server;
  event.origin = EventOrigin::kKeycloak;
  event.jws = std::string(without_end_of_line(request.body));
  if (!MUTANT(keycloak_action_at_any_path)) event.action = action_of(route);
  receive(session, std::move(event), {.accepted = 204, .is_set = false});
}

void Notify::global_revocation(ServerSession& session, const http::Request& request, cache::ServerId server) {
  const EventSettings& events = parts_.settings.authorization_servers[server].events;
  const oauth::Authorization given = oauth::read_authorization(request.authorization, scratch_);
  const bool is_bearer = given.scheme == oauth::Authorization::Scheme::kBearer;
  const std::string_view wanted = events.global_revocation_bearer.reveal();
  const bool known = is_bearer && !wanted.empty() && equal_in_constant_time(wanted, given.secret);
  if (!known && !MUTANT(global_revocation_without_bearer)) {
    reject_sender(session, EventOrigin::kGlobalTokenRevocation,
                  is_bearer ? R"(Bearer realm="introspectd", error="invalid_token")" : R"(Bearer realm="introspectd")");
    return;
  }
  if (!http::is_media_type(request.content_type, "application/json")) {
    ReplyFields fields;
    fields.description = "the Content-Type must be application/json";
    send_reply(session, Outcome::kMediaType, fields);
    return;
  }
  oauth::EventPolicy policy;
  policy.issuer = events.issuer;
  policy.flush_when_unmappable = events.flush_when_unmappable;
  auto signals = oauth::read_global_token_revocation(request.body, policy, session.now().wall);
  if (!signals) {
    reject(session, oauth::describe(signals.error()));
  } else if (signals->empty()) {
    send_reply(session, Outcome::kEventUnmappable);
  } else {
    receive_unsigned(session, {server, EventOrigin::kGlobalTokenRevocation, std::move(*signals)}, 204);
  }
}

void Notify::webhook(ServerSession& session, const http::Request& request, std::string_view name) {
  const auto& hooks = parts_.settings.notify.webhooks;
  const auto hook = std::find_if(hooks.begin(), hooks.end(), [&](const auto& each) { return each.name == name; });
  if (hook == hooks.end()) {
    send_reply(session, Outcome::kNoSuchRoute);
    return;
  }
  std::optional<std::string_view> timestamp;
  if (!hook->timestamp_header.empty()) timestamp = only_field(request, hook->timestamp_header).value_or("");
  const std::string_view signature = only_field(request, hook->signature_header).value_or("");
  const WallTime now = session.now().wall;
  const auto checked =
      oauth::check_webhook_signature(hook->secret.reveal(), signature, timestamp, request.body, now);
  if (!checked && !MUTANT(webhook_signature_unchecked)) {
    reject_sender(session, EventOrigin::kWebhook, R"(HMAC-SHA256 realm="introspectd")");
    return;
  }
  auto signals = oauth::read_webhook(request.body, hook->format, now);
  if (!signals) {
    reject(session, oauth::describe(signals.error()));
    return;
  }
  receive_unsigned(session, {hook->authorization_server, EventOrigin::kWebhook, std::move(*signals)}, 200);
}

// The answer is brought by a later turn even where the inbox has it at once: the session is still in the middle of
// its request.
void Notify::receive(ServerSession& session, SignedEvent event, Manner manner) {
  const WaiterId waiter{parts_.revocation.loop_index, session.slot(), session.await(0)};
  parts_.inbox.receive(std::move(event), [this, waiter, manner](const EventResult& result) {
    parts_.replies.deliver(waiter, reply_of(result, manner.accepted, manner.is_set));
  });
}

void Notify::receive_unsigned(ServerSession& session, UnsignedEvent event, int accepted) {
  const WaiterId waiter{parts_.revocation.loop_index, session.slot(), session.await(0)};
  parts_.inbox.receive_unsigned(std::move(event), [this, waiter, accepted](const EventResult& result) {
    parts_.replies.deliver(waiter, reply_of(result, accepted, false));
  });
}

void Notify::reject(ServerSession& session, std::string_view description) {
  ReplyFields fields;
  fields.description = description;
  send_reply(session, Outcome::kEventRefused, fields);
}

void Notify::reject_sender(ServerSession& session, EventOrigin origin, std::string_view challenge) {
  const OutcomeRow& row = describe(Outcome::kEventSenderUnknown);
  parts_.log.write(row.level, "event refused", {{"origin", name_of(origin)}, {"outcome", row.label}});
  ReplyFields fields;
  fields.www_authenticate = challenge;
  send_reply(session, Outcome::kEventSenderUnknown, fields);
}

void Notify::complete(ServerSession& session, const Reply& reply) {
  parts_.revocation.writer.set_time(session.now().wall);
  ReplyFields fields;
  fields.retry_after_seconds = reply.retry_after_seconds;
  fields.error = reply.error;
  fields.status = reply.status;
  fields.description = reply.description;
  fields.set_error = reply.set_error;
  send_reply(session, reply.outcome, fields);
}

void Notify::refuse(ServerSession& session, Outcome outcome, int status, std::string_view description) {
  send_refusal(parts_.revocation.writer, session, outcome, status, description);
}

}  // namespace introspectd::service
