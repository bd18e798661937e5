#include "service/notify.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "codec/base64.h"
#include "event_world.h"

namespace introspectd::service {
namespace {

using testing::body_of;
using testing::EventSigner;
using testing::EventWorld;
using testing::has;
using testing::status_of;
using testing::upstream_reply;
using testing::Wire;
using ports::UpstreamEndpoint;
using namespace std::chrono_literals;

constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kSet = "application/secevent+jwt";
constexpr std::string_view kJson = "application/json";

oauth::JsonPointer pointer(std::string_view text) { return *oauth::JsonPointer::read(text); }

// One AS with everything that the notify listener can receive.
void configure(Settings& settings) {
  settings.authorization_servers[0].events.global_revocation_bearer = Secret("let-me-revoke");
  WebhookSettings& hook = settings.notify.webhooks.emplace_back();
  hook.name = "crm";
  hook.secret = Secret("hook-secret");
  hook.signature_header = "X-Signature";
  hook.format.kind = oauth::SignalKind::kCutOff;
  hook.format.sub = pointer("/user");
}

std::string webhook_signature(std::string_view secret, std::string_view body) {
  return "X-Signature: sha256=" + codec::encode_hex(codec::hmac_sha256(secret, body)) + "\r\n";
}

std::string keycloak_action(const EventWorld& world, std::string_view action, std::string_view more = "") {
  return world.signer.sign("", R"({"id":"1","expiration":)" + std::to_string(world.seconds() + 60) +
                                   R"(,"resource":"node","action":")" + std::string(action) + "\"" +
                                   std::string(more) + "}");
}

}  // namespace

TEST_CASE("notify: a logout token is answered 200 with no-store, when it is applied (STD 5.26, 5.28)") {
  EventWorld world;
  Wire& wire = world.connect();
  const std::string body = "logout_token=" + world.logout_token("s1") + "&other=1";
  world.arrive(wire, "POST /backchannel-logout HTTP/1.1\r\nHost: h\r\nContent-Type: " + std::string(kForm) +
                         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  CHECK(wire.written.empty());             // its key is not here yet
  world.answer_keys();
  CHECK(status_of(wire.written) == 200);
  CHECK(has(wire.written, "Cache-Control: no-store\r\n"));
  CHECK(has(wire.written, "Content-Length: 0\r\n"));
  CHECK(world.count(EventOrigin::kBackchannelLogout, EventVerdict::kAccepted) == 1);
  CHECK(world.node->figures().outcomes[index_of(Outcome::kEventAccepted)] == 1);
}

TEST_CASE("notify: a connection goes on after an event, pipelined events are answered in order (I25)") {
  EventWorld world;
  world.answer_keys();
  Wire& wire = world.connect();
  std::string text;
  for (const std::string& jws : {world.session_revoked("j1"), std::string("forged"), world.session_revoked("j2")}) {
    text += "POST /events HTTP/1.1\r\nHost: h\r\nContent-Type: application/secevent+jwt\r\nContent-Length: " +
            std::to_string(jws.size()) + "\r\n\r\n" + jws;
  }
  world.arrive(wire, text);
  std::vector<int> statuses;
  for (std::size_t at = 0; (at = wire.written.find("HTTP/1.1 ", at)) != std::string::npos; ++at) {
    statuses.push_back(status_of(std::string_view(wire.written).substr(at)));
  }
  CHECK(statuses == std::vector{202, 400, 202});
}

TEST_CASE("notify: a refused logout is 400 with a JSON error; the bytes say nothing of sessions (STD 5.28)") {
  EventWorld world;
  world.answer_keys();
  world.confirm_keys();
  const EventSigner forger(99);
  const std::string known = forger.sign("logout+jwt", R"({"sid":"s1"})");
  const std::string other = forger.sign("logout+jwt", R"({"sid":"unheard of"})");
  const std::string reply = world.post_logout(known);
  CHECK(status_of(reply) == 400);
  CHECK(has(reply, "Content-Type: application/json"));
  CHECK(has(reply, "Cache-Control: no-store\r\n"));
  CHECK(has(body_of(reply), R"("error":"invalid_request")"));
  CHECK(reply == world.post_logout(other));
  for (const char* form : {"", "logout_token=", "token=a", "logout_token=a&logout_token=a", "logout_token=%zz"}) {
    INFO(form);
    CHECK(status_of(world.post("/backchannel-logout", kForm, form)) == 400);
  }
  CHECK(status_of(world.post("/backchannel-logout", kJson, "{}")) == 415);
  CHECK(status_of(world.post_logout(world.session_revoked("j"))) == 400);   // another kind of JWT (STD 3.08)
}

TEST_CASE("notify: a pushed SET is 202 and empty, again when it comes again (STD 5.02-5.04)") {
  EventWorld world;
  world.answer_keys();
  const std::string jws = world.session_revoked("j1");
  for (int i = 0; i < 2; ++i) {
    const std::string reply = world.post_set(jws);
    CHECK(status_of(reply) == 202);
    CHECK(body_of(reply).empty());
    CHECK(has(reply, "Cache-Control: no-store\r\n"));
  }
  CHECK(world.node->figures().events.of(EventOrigin::kSetPush).duplicates == 1);
  CHECK(status_of(world.post_set(jws + "\r\n")) == 202);
  // An unknown event type is accepted and counted (STD 5.25).
  CHECK(status_of(world.post_set(world.set("j2", "https://example.com/new-event"))) == 202);
  CHECK(world.node->figures().events.unknown_events == 1);
}

TEST_CASE("notify: a refused SET says why in the words of RFC 8935, and in which language (STD 5.05, 5.06)") {
  EventWorld world;
  world.answer_keys();
  world.confirm_keys();
  const std::string at = std::to_string(world.seconds());
  const auto claims = [&](std::string_view iss, std::string_view aud) {
    return R"({"iss":")" + std::string(iss) + R"(","aud":")" + std::string(aud) + R"(","jti":"j","iat":)" + at +
           R"(,"events":{"https://example.com/e":{}}})";
  };
  struct Case {
    std::string jws;
    std::string_view err;
  };
  const std::vector<Case> cases{
      {"garbage", "invalid_request"},
      {world.signer.sign("secevent+jwt", "{}"), "invalid_request"},
      {world.signer.sign("JWT", claims(testing::kIssuer, "node")), "invalid_request"},
      {world.signer.sign("secevent+jwt", claims("https://as.example.com/", "node")), "invalid_issuer"},
      {world.signer.sign("secevent+jwt", claims(testing::kIssuer, "other")), "invalid_audience"},
      {EventSigner(99).sign("secevent+jwt", R"({"iat":1})"), "authentication_failed"},
      {world.signer.sign_compact(R"({"alg":"none","typ":"secevent+jwt"})", claims(testing::kIssuer, "node")),
       "invalid_key"},
  };
  for (const Case& each : cases) {
    const std::string reply = world.post_set(each.jws);
    CAPTURE(reply);
    CHECK(status_of(reply) == 400);
    CHECK(has(reply, "Content-Type: application/json\r\n"));
    CHECK(has(reply, "Content-Language: en\r\n"));
    CHECK(has(reply, "Cache-Control: no-store\r\n"));
    CHECK(has(body_of(reply), R"({"err":")" + std::string(each.err) + R"(","description":")"));
  }
  const std::string reply = world.post("/events", kJson, cases[0].jws);
  CHECK(status_of(reply) == 400);
  CHECK(has(body_of(reply), R"("err":"invalid_request")"));
}

TEST_CASE("notify: while keys cannot be had a SET is 503 with Retry-After, to come again (I18)") {
  EventWorld world;
  world.answer(UpstreamEndpoint::kKeys, upstream_reply(500, ""));
  const std::string reply = world.post_set(world.session_revoked("j1"));
  CHECK(status_of(reply) == 503);
  CHECK(has(reply, "Retry-After: 5\r\n"));
  CHECK(has(body_of(reply), "temporarily_unavailable"));
  CHECK(status_of(world.post_logout(world.logout_token("s1"))) == 503);
}

TEST_CASE("notify: what its AS may have signed by a key that comes late is 503 with the end of the cooldown, then 400") {
  EventWorld world;
  world.answer_keys();
  const EventSigner late(77, "late");
  const std::string iat = R"({"iat":)" + std::to_string(world.seconds());
  const std::string set = late.sign("secevent+jwt", iat + "}");
  const std::string logout = EventSigner(77).sign("logout+jwt", iat + R"(,"sid":"s1"})");
  const std::string other = EventSigner(77).sign("logout+jwt", iat + R"(,"sid":"unheard of"})");
  const std::string action =
      late.sign("", R"({"expiration":)" + std::to_string(world.seconds() + 30) + "}");
  world.confirm_keys();                       // somebody's made-up signature holds the cooldown
  world.loop.advance(4500ms);
  for (const std::string& reply : {world.post_set(set), world.post_logout(logout),
                                   world.post("/keycloak/k_logout", "", action)}) {
    CAPTURE(reply);
    CHECK(status_of(reply) == 503);
    CHECK(has(reply, "Retry-After: 26\r\n"));
    CHECK(has(body_of(reply), R"("error":"temporarily_unavailable")"));
  }
  CHECK(world.post_logout(logout) == world.post_logout(other));   // the bytes say nothing of sessions
  world.loop.advance(EventDesk::kKeysSettle + KeyRing::kCooldown);
  world.confirm_keys();
  CHECK(status_of(world.post_logout(logout)) == 400);
  const std::string refused = world.post_set(set);
  CHECK(status_of(refused) == 400);
  CHECK(has(body_of(refused), R"("err":"invalid_key")"));
  CHECK(status_of(world.post("/keycloak/k_logout", "", action)) == 400);
}

TEST_CASE("notify: Keycloak's actions are 204 at the path that says them, and only there (STD 5.30-5.32)") {
  EventWorld world;
  world.answer_keys();
  world.confirm_keys();
  const std::string logout = keycloak_action(world, "LOGOUT", R"(,"keycloakSessionIds":["s1"])");
  const std::string not_before =
      keycloak_action(world, "PUSH_NOT_BEFORE", R"(,"notBefore":)" + std::to_string(world.seconds()));
  const std::string test = keycloak_action(world, "TEST_AVAILABILITY");
  CHECK(status_of(world.post("/keycloak/k_logout", "text/plain", logout)) == 204);
  CHECK(status_of(world.post("/keycloak/k_push_not_before", "", not_before)) == 204);
  CHECK(status_of(world.post("/keycloak/k_test_available", "application/json", test + "\n")) == 204);
  CHECK(status_of(world.post("/keycloak/main/k_logout", "text/plain", logout)) == 204);
  const std::uint64_t accepted = world.count(EventOrigin::kKeycloak, EventVerdict::kAccepted);
  CHECK(accepted == 4);
  CHECK(status_of(world.post("/keycloak/k_test_available", "", logout)) == 400);
  CHECK(status_of(world.post("/keycloak/k_logout", "", not_before)) == 400);
  CHECK(status_of(world.post("/keycloak/k_logout", "", test)) == 400);
  CHECK(status_of(world.post("/keycloak/k_logout", "", world.logout_token("s1"))) == 400);
  CHECK(status_of(world.post("/keycloak/k_logout", "", EventSigner(99).sign("", "{}"))) == 400);
  CHECK(world.count(EventOrigin::kKeycloak, EventVerdict::kAccepted) == accepted);
}

TEST_CASE("notify: global token revocation is 204 under its bearer token alone (STD 5.33)") {
  EventWorld world(&configure);
  const std::string_view body = R"({"sub_id":{"format":"iss_sub","iss":"https://as.example.com","sub":"u"}})";
  const std::string_view path = "/global-token-revocation";
  const std::string bearer = "Authorization: Bearer let-me-revoke\r\n";
  const std::string reply = world.post(path, kJson, body, bearer);
  CHECK(status_of(reply) == 204);
  CHECK(has(reply, "Cache-Control: no-store\r\n"));
  CHECK(world.count(EventOrigin::kGlobalTokenRevocation, EventVerdict::kAccepted) == 1);
  const std::string unproven = world.post(path, kJson, body);
  CHECK(status_of(unproven) == 401);
  CHECK(has(unproven, "WWW-Authenticate: Bearer realm=\"introspectd\"\r\n"));
  const std::string wrong = world.post(path, kJson, body, "Authorization: Bearer let-me-revokf\r\n");
  CHECK(status_of(wrong) == 401);
  CHECK(has(wrong, "error=\"invalid_token\""));
  CHECK(wrong == world.post(path, "text/plain", "not JSON", "Authorization: Bearer x\r\n"));   // learns nothing
  CHECK(status_of(world.post(path, kJson, body, "Authorization: Basic bGV0Om1l\r\n")) == 401);
  CHECK(world.count(EventOrigin::kGlobalTokenRevocation, EventVerdict::kAccepted) == 1);
  CHECK(status_of(world.post(path, "text/plain", body, bearer)) == 415);
  CHECK(status_of(world.post(path, kJson, "{", bearer)) == 400);
  CHECK(status_of(world.post(path, kJson, R"({"sub_id":{"format":"email","email":"a@example.com"}})", bearer)) == 422);
  CHECK(status_of(world.post("/global-token-revocation/other", kJson, body, bearer)) == 404);
}

TEST_CASE("notify: where no bearer token is configured nobody revokes globally, with an empty one neither") {
  EventWorld world;
  const std::string_view body = R"({"sub_id":{"format":"iss_sub","iss":"https://as.example.com","sub":"u"}})";
  for (const char* field : {"", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n", "Authorization: Bearer x\r\n"}) {
    CHECK(status_of(world.post("/global-token-revocation", kJson, body, field)) == 401);
  }
  CHECK(world.count(EventOrigin::kGlobalTokenRevocation, EventVerdict::kAccepted) == 0);
}

TEST_CASE("notify: a webhook is 200 under its HMAC, else 401 in the same bytes; an unknown one is 404") {
  EventWorld world(&configure);
  const std::string_view body = R"({"user":"u"})";
  const std::string good = webhook_signature("hook-secret", body);
  CHECK(status_of(world.post("/webhook/crm", kJson, body, good)) == 200);
  CHECK(world.count(EventOrigin::kWebhook, EventVerdict::kAccepted) == 1);
  const std::string wrong = world.post("/webhook/crm", kJson, body, webhook_signature("hook-secres", body));
  CHECK(status_of(wrong) == 401);
  CHECK(has(wrong, "WWW-Authenticate: "));
  CHECK(wrong == world.post("/webhook/crm", kJson, "{", webhook_signature("x", "{")));
  CHECK(wrong == world.post("/webhook/crm", kJson, body));
  CHECK(wrong == world.post("/webhook/crm", kJson, body, good + good));   // two signatures are none
  CHECK(status_of(world.post("/webhook/crm", kJson, "{}", webhook_signature("hook-secret", "{}"))) == 400);
  CHECK(status_of(world.post("/webhook/other", kJson, body, good)) == 404);
  CHECK(status_of(world.post("/webhook", kJson, body, good)) == 404);
  CHECK(world.count(EventOrigin::kWebhook, EventVerdict::kAccepted) == 1);
}

TEST_CASE("notify: RFC 7009 is for callers who prove themselves, whatever the caller listener believes (SPEC 2)") {
  EventWorld world([](Settings& settings) { settings.listen.caller_auth = CallerAuth::kNone; });
  const std::string basic = "Authorization: Basic b3JkZXJzOnNlY3JldA==\r\n";
  CHECK(status_of(world.post("/revoke", kForm, "token=t", basic)) == 200);
  const std::uint64_t purges = world.node->figures().counters[static_cast<std::size_t>(Counter::kPurges)];
  CHECK(purges >= 1);
  const std::string unknown = world.post("/revoke", kForm, "token=t");
  CHECK(status_of(unknown) == 401);
  CHECK(has(unknown, "WWW-Authenticate: Basic"));
  CHECK(status_of(world.post("/revoke", kForm, "token=t", "Authorization: Basic eDp5\r\n")) == 401);
  CHECK(status_of(world.post("/revoke", kForm, "", basic)) == 400);
  CHECK(world.node->figures().counters[static_cast<std::size_t>(Counter::kPurges)] == purges);
  CHECK(status_of(world.post("/introspect", kForm, "token=t", basic)) == 404);
}

TEST_CASE("notify: NAME may be left out where there is one AS, else it is 404") {
  EventWorld one;
  one.answer_keys();
  CHECK(status_of(one.post_logout(one.logout_token("s1"), "/backchannel-logout/main")) == 200);
  CHECK(status_of(one.post_logout(one.logout_token("s1"), "/backchannel-logout/other")) == 404);
  CHECK(status_of(one.post_set(one.session_revoked("j"), "/events/main")) == 202);
  EventWorld two([](Settings& settings) { settings.authorization_servers.emplace_back().name = "second"; });
  two.answer_keys();
  CHECK(status_of(two.post_logout(two.logout_token("s1"))) == 404);
  CHECK(status_of(two.post_logout(two.logout_token("s1"), "/backchannel-logout/main")) == 200);
  CHECK(status_of(two.post_logout(two.logout_token("s1"), "/backchannel-logout/second")) == 404);   // not configured
}

TEST_CASE("notify: other methods are 405 with Allow, other paths 404, too large a body 413 (STD 7.07, 7.08)") {
  EventWorld world(&configure);
  Wire& wire = world.connect();
  world.arrive(wire, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(status_of(wire.written) == 405);
  CHECK(has(wire.written, "Allow: POST\r\n"));
  for (const char* path : {"/", "/events/", "/events/main/x", "/keycloak", "/keycloak/main", "/metrics", "/purge"}) {
    CHECK(status_of(world.post(path, kSet, "x")) == 404);
  }
  CHECK(status_of(world.post("/events", kSet, std::string(65536, 'a'))) == 400);
  CHECK(status_of(world.post("/events", kSet, std::string(65537, 'a'))) == 413);
}

TEST_CASE("notify: one connection more than the limit is closed at once (I39)") {
  EventWorld world([](Settings& settings) { settings.notify.limits.max_connections = 2; });
  CHECK(world.connect().readable);
  CHECK(world.connect().readable);
  CHECK_FALSE(world.connect().readable);
  CHECK(world.node->figures().notify_connections == 2);
}

TEST_CASE("notify: a drain answers what is under way and ends idle connections (F119)") {
  EventWorld world;
  Wire& idle = world.connect();
  Wire& waiting = world.connect();
  const std::string jws = world.session_revoked("j1");
  world.arrive(waiting, "POST /events HTTP/1.1\r\nHost: h\r\nContent-Type: application/secevent+jwt\r\n"
                        "Content-Length: " + std::to_string(jws.size()) + "\r\n\r\n" + jws);
  bool drained = false;
  world.node->drain([&drained] { drained = true; });
  world.loop.run_posted();
  idle.finished = true;
  if (idle.readable) idle.events->on_readable();
  CHECK(waiting.written.empty());
  CHECK_FALSE(drained);
  world.answer_keys();
  CHECK(status_of(waiting.written) == 202);
  CHECK(has(waiting.written, "Connection: close\r\n"));
  waiting.finished = true;
  if (waiting.readable) waiting.events->on_readable();
  world.loop.run_posted();
  CHECK(drained);
}

}  // namespace introspectd::service
