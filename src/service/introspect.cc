#include "service/introspect.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/mutant.h"
#include "oauth/authorization.h"
#include "oauth/token_request.h"
#include "service/local_host.h"
#include "service/replies.h"

namespace introspectd::service {
namespace {

constexpr std::size_t kBodyGuess = 1024;
constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

Outcome outcome_of(oauth::TokenRequestError error) {
  using enum oauth::TokenRequestError;
  switch (error) {
    case kTokenMissing: return Outcome::kTokenMissing;
    case kParameterRepeated: return Outcome::kParameterRepeated;
    case kTokenTooLong: return Outcome::kTokenTooLong;
    case kMalformedEscape:
    case kTooManyParameters: return Outcome::kFormMalformed;
  }
  return Outcome::kFormMalformed;
}

// The challenge fits the scheme that was tried (STD 1.10, 2.12, 2.13).
std::string_view challenge(const http::Request& request, Secret& scratch) {
  const bool bearer = request.has_authorization && oauth::read_authorization(request.authorization, scratch).scheme ==
                                                       oauth::Authorization::Scheme::kBearer;
  return bearer ? R"(Bearer realm="introspectd", error="invalid_token")"
                : R"(Basic realm="introspectd", charset="UTF-8")";
}

// A token in the query would stand in every log on its way: it is never read (STD 1.04).
bool has_token_in_query(std::string_view query) {
  return query.starts_with("token=") || query.find("&token=") != std::string_view::npos;
}

}  // namespace

Introspect::Introspect(const IntrospectParts& parts) : parts_(parts), callers_(parts.settings, parts.proof) {}

void Introspect::handle(ServerSession& session, const http::Request& request) {
  const http::Route route = parts_.routes.find(request.path);
  Asked asked;
  if (const Outcome checked = check(session, request, route, asked); checked != Outcome::kActive) {
    ReplyFields fields;
    if (checked == Outcome::kCallerUnknown) fields.www_authenticate = challenge(request, session.scratch());
    if (checked == Outcome::kMethodNotAllowed) fields.allow = http::allowed_methods(route.id);
    send_reply(session, checked, fields);
    session.scratch().clear();
    return;
  }
  const auto form = oauth::read_token_request(request.body, form_scratch_);
  if (!form) {
    send_outcome(session, outcome_of(form.error()));
  } else if (!form->client_secret.empty() && request.has_authorization && !callers_.needs_no_proof(session.peer())) {
    send_outcome(session, Outcome::kTwoMechanisms);
  } else if (form->token_is_impossible) {
    send_outcome(session, route.id == http::RouteId::kRevoke ? Outcome::kRevoked : Outcome::kInactiveImpossible);
  } else if (route.id == http::RouteId::kRevoke) {
    revoke(session, asked, form->token, form->token_type_hint);
  } else {
    look_up(session, asked.caller, question_of(asked, form->token), form->token);
  }
  form_scratch_.clear();
}

// Only for a caller that this connection has proven already: so nothing is remembered and nothing refused here.
bool Introspect::make_ready(ServerSession& session, const http::Request& request, ReadyRequest& ready) {
  if (!same_caller_as_before(session.identified(), request)) return false;
  const http::Route route = parts_.routes.find(request.path);
  Asked asked;
  if (route.id == http::RouteId::kRevoke || check(session, request, route, asked) != Outcome::kActive) return false;
  const auto form = oauth::read_token_request(request.body, form_scratch_);
  const bool plain = form && form->client_secret.empty() && !form->token_is_impossible && form_scratch_.empty();
  form_scratch_.clear();
  if (!plain) return false;
  ready.question = question_of(asked, form->token);
  ready.caller = asked.caller;
  ready.token = form->token;
  parts_.cache.prefetch_index(ready.question);
  return true;
}

void Introspect::fetch_ahead(std::span<const ReadyRequest> batch) {
  for (const ReadyRequest& ready : batch) parts_.cache.prefetch_record(ready.question);
}

void Introspect::handle_ready(ServerSession& session, const ReadyRequest& ready) {
  look_up(session, ready.caller, ready.question, ready.token);
}

Outcome Introspect::check(ServerSession& session, const http::Request& request, const http::Route& route,
                          Asked& asked) {
  if (route.id == http::RouteId::kUnknown) return Outcome::kNoSuchRoute;
  if (!http::is_allowed(route.id, request.method)) return Outcome::kMethodNotAllowed;
  if (request.has_query && has_token_in_query(request.query)) return Outcome::kMethodNotAllowed;
  const ports::Peer& peer = session.peer();
  const bool open_to_browsers = !peer.is_unix && callers_.needs_no_proof(peer);
  if (open_to_browsers && (request.has_origin || !is_local_host(request.host))) return Outcome::kForeignOrigin;
  if (!http::is_media_type(request.content_type, kFormType)) return Outcome::kMediaType;
  if (const Outcome identified = identify(session, request, asked.caller); identified != Outcome::kActive) {
    return identified;
  }
  asked.server = callers_.server(asked.caller);
  if (route.name.empty()) return Outcome::kActive;
  const auto& servers = parts_.settings.authorization_servers;
  const auto named = std::find_if(servers.begin(), servers.end(),
                                  [&](const auto& server) { return server.name == route.name; });
  if (named == servers.end()) return Outcome::kNoSuchRoute;
  asked.server = static_cast<cache::ServerId>(named - servers.begin());
  return Outcome::kActive;
}

bool Introspect::same_caller_as_before(const Identified& identified, const http::Request& request) const {
  if (!identified.known || identified.has_header != request.has_authorization) return false;
  return equal_in_constant_time(identified.header.reveal(), request.authorization);
}

// Once per connection for the same header bytes. Without a header the form may carry a credential, so it is only
// remembered for peers that need no proof, and looked at again where the form seems to have one.
Outcome Introspect::identify(ServerSession& session, const http::Request& request, CallerId& caller) {
  Identified& identified = session.identified();
  const bool form_credential =
      !request.has_authorization && request.body.find("client_secret") != std::string_view::npos;
  if (!form_credential && same_caller_as_before(identified, request)) {
    caller = identified.caller;
    session.expect_same_head();
    return Outcome::kActive;
  }
  bool ignored = false;
  const auto found = callers_.identify(request, session.peer(), session.scratch(), &ignored);
  session.scratch().clear();
  if (!found) return found.error();
  caller = *found;
  // A credential of somebody else's, which we ignore, is not kept either (I44).
  const bool worth_keeping = request.has_authorization || callers_.needs_no_proof(session.peer());
  if (worth_keeping && !form_credential && !ignored) {
    identified.known = true;
    identified.has_header = request.has_authorization;
    identified.header = Secret(request.authorization);
    identified.caller = caller;
    session.expect_same_head();
  }
  return Outcome::kActive;
}

cache::Question Introspect::question_of(const Asked& asked, std::string_view token) const {
  cache::Question question;
  question.token = cache::hash_token(token);
  question.place = parts_.cache.place(question.token);
  question.server = asked.server;
  question.view = parts_.view_of_server[asked.server];
  question.audience = MUTANT(audience_never_asked) ? 0 : callers_.audience(asked.caller);
  return question;
}

// The hit path: the body goes from the cache straight into the connection's output, then its head before it.
void Introspect::look_up(ServerSession& session, CallerId caller, const cache::Question& question,
                         std::string_view token) {
  constexpr std::size_t kHead = http::ResponseWriter::kHeadRoom;
  parts_.counters.add(Counter::kLookups);
  const Now now = session.now();
  std::span<char> room = session.output().reserve(kHead + kBodyGuess);
  cache::LookupResult found = parts_.cache.lookup(question, now, room.subspan(kHead));
  while (found.outcome == cache::LookupOutcome::kTooSmall) {   // unlocked; the entry may have changed since
    room = session.output().reserve(kHead + found.body_bytes);
    found = parts_.cache.lookup(question, now, room.subspan(kHead));
  }
  switch (found.outcome) {
    case cache::LookupOutcome::kHit:
      parts_.counters.add(Counter::kHits);
      parts_.writer.set_time(now.wall);
      session.output().commit(
          parts_.writer.seal_ok_json(room.data(), found.body_bytes, session.keep_alive(), session.http_1_0()));
      session.sent(Outcome::kActive);
      return;
    case cache::LookupOutcome::kNegative:
      parts_.counters.add(Counter::kNegatives);
      send_outcome(session, Outcome::kInactive);
      return;
    case cache::LookupOutcome::kDead:
      parts_.counters.add(Counter::kDead);
      send_outcome(session, Outcome::kInactiveDead);
      return;
    case cache::LookupOutcome::kAudience:
      parts_.counters.add(Counter::kAudience);
      send_outcome(session, Outcome::kInactiveAudience);
      return;
    case cache::LookupOutcome::kTooSmall:
    case cache::LookupOutcome::kMiss: break;
  }
  FetchRequest request;
  request.question = question;
  request.token = Secret(token);
  request.caller = caller;
  request.lookup_seq = found.seq;
  request.deadline = session.request_deadline();
  request.waiter = {parts_.loop_index, session.slot(), session.await(question.audience)};
  parts_.back.fetch(std::move(request));
}

void Introspect::revoke(ServerSession& session, const Asked& asked, std::string_view token, std::string_view hint) {
  constexpr std::size_t kHintMost = 64;
  RevokeRequest request;
  request.hash = cache::hash_token(token);
  request.server = asked.server;
  request.token = Secret(token);
  request.hint = std::string(hint.substr(0, kHintMost));
  request.caller = asked.caller;
  request.waiter = {parts_.loop_index, session.slot(), session.await(0)};
  parts_.back.revoke(std::move(request));
}

void Introspect::complete(ServerSession& session, const Reply& reply) {
  parts_.writer.set_time(session.now().wall);
  if (reply.outcome == Outcome::kActive) {
    const oauth::AudienceMask wanted = session.awaited_audience();
    const bool for_this_caller = wanted == 0 || (reply.audience & wanted) != 0 || MUTANT(policy_skipped_on_miss);
    if (!for_this_caller) {
      send_outcome(session, Outcome::kInactiveAudience);
      return;
    }
    send_active(session, *reply.body);
    return;
  }
  ReplyFields fields;
  fields.retry_after_seconds = reply.retry_after_seconds;
  fields.error = reply.error;
  send_reply(session, reply.outcome, fields);
}

void Introspect::send_active(ServerSession& session, std::string_view body) {
  http::Response response;
  response.body = body;
  session.send(Outcome::kActive, response);
}

void Introspect::send_outcome(ServerSession& session, Outcome outcome) {
  parts_.writer.set_time(session.now().wall);
  send_reply(session, outcome);
}

void Introspect::refuse(ServerSession& session, Outcome outcome, int status, std::string_view description) {
  send_refusal(parts_.writer, session, outcome, status, description);
}

}  // namespace introspectd::service
