#include "service/admin.h"

#include <optional>
#include <utility>

#include "codec/base64.h"
#include "codec/json.h"
#include "service/caller_table.h"
#include "service/local_host.h"
#include "service/replies.h"

namespace introspectd::service {
namespace {

using http::RouteId;

constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

bool changes_something(RouteId route) { return route == RouteId::kPurge || route == RouteId::kFlush; }

// The members of a /purge or /flush body: strings only; anything else is a mistake.
class AdminBody final : public codec::JsonMembers {
 public:
  std::optional<cache::TokenHash> token;   // hashed where it is read: its bytes are not kept (I44)
  std::string token_sha256;
  std::string authorization_server;
  bool mistaken = false;

  void on_string(std::string_view name, std::string_view value) override {
    if (name == "token") {
      token = cache::hash_token(value);
      mistaken = mistaken || value.empty();
    } else if (name == "token_sha256") {
      token_sha256 = value;
    } else if (name == "authorization_server") {
      authorization_server = value;
    } else {
      mistaken = true;
    }
  }
  void on_number(std::string_view, std::string_view) override { mistaken = true; }
  void on_bool(std::string_view, bool) override { mistaken = true; }
  void on_null(std::string_view) override { mistaken = true; }
  void on_nested(std::string_view) override { mistaken = true; }
  void on_array_string(std::string_view, std::string_view) override { mistaken = true; }
};

bool read_body(std::string_view text, AdminBody& body) {
  return codec::read_object(text, codec::JsonLimits{}, body).has_value() && !body.mistaken;
}

std::optional<cache::TokenHash> token_of(const AdminBody& body) {
  if (body.token.has_value() != body.token_sha256.empty()) return std::nullopt;   // exactly one of them
  if (body.token) return body.token;
  const auto digest = codec::decode_sha256_hex(body.token_sha256);
  return digest ? std::optional(cache::TokenHash{*digest}) : std::nullopt;
}

}  // namespace

Admin::Admin(AdminParts parts) : parts_(std::move(parts)) {}

bool Admin::admits(const ports::Peer& peer) const { return !is_nobody(peer); }

void Admin::handle(ServerSession& session, const http::Request& request) {
  const http::Route route = parts_.routes.find(request.path);
  parts_.writer.set_time(session.now().wall);
  if (const Outcome checked = check(session, request, route.id); checked != Outcome::kActive) {
    ReplyFields fields;
    if (checked == Outcome::kMethodNotAllowed) fields.allow = http::allowed_methods(route.id);
    if (checked == Outcome::kMediaType) fields.description = "the Content-Type must be application/json";
    send_reply(session, checked, fields);
    return;
  }
  answer(session, request, route.id);
}

Outcome Admin::check(const ServerSession& session, const http::Request& request, RouteId route) const {
  const bool by_unix = session.peer().is_unix;
  if (!by_unix && (request.has_origin || !is_local_host(request.host))) return Outcome::kForeignOrigin;
  if (route == RouteId::kUnknown) return Outcome::kNoSuchRoute;
  if (!by_unix && changes_something(route)) return Outcome::kPeerRefused;
  if (!http::is_allowed(route, request.method)) return Outcome::kMethodNotAllowed;
  if (changes_something(route) && !http::is_media_type(request.content_type, "application/json")) {
    return Outcome::kMediaType;
  }
  return Outcome::kActive;
}

void Admin::answer(ServerSession& session, const http::Request& request, RouteId route) {
  switch (route) {
    case RouteId::kMetrics: {
      const std::string text = render_metrics(parts_.figures());
      http::Response response;
      response.content_type = kMetricsType;
      response.body = text;
      session.send(Outcome::kAdminDone, response);
      return;
    }
    case RouteId::kHealthz: send_json(session, R"({"healthy":true})"); return;
    case RouteId::kReadyz: {
      const bool ready = parts_.ready();
      http::Response response;
      response.status = ready ? 200 : 503;
      response.body = ready ? R"({"ready":true})" : R"({"ready":false})";
      session.send(Outcome::kAdminDone, response);
      return;
    }
    case RouteId::kStatus: send_json(session, render_status(parts_.figures())); return;
    case RouteId::kPurge: purge(session, request.body); return;
    case RouteId::kFlush: flush(session, request.body); return;
    case RouteId::kUnknown:
    case RouteId::kIntrospect:
    case RouteId::kRevoke:
    case RouteId::kBackchannelLogout:
    case RouteId::kEvents:
    case RouteId::kKeycloakLogout:
    case RouteId::kKeycloakNotBefore:
    case RouteId::kKeycloakTest:
    case RouteId::kGlobalTokenRevocation:
    case RouteId::kWebhook: send_reply(session, Outcome::kNoSuchRoute); return;
  }
}

std::vector<cache::ServerId> Admin::servers_named(std::string_view name) const {
  std::vector<cache::ServerId> named;
  for (std::size_t i = 0; i < parts_.settings.authorization_servers.size(); ++i) {
    if (name.empty() || parts_.settings.authorization_servers[i].name == name) {
      named.push_back(static_cast<cache::ServerId>(i));
    }
  }
  return named;
}

void Admin::purge(ServerSession& session, std::string_view text) {
  AdminBody body;
  if (!read_body(text, body)) {
    bad_request(session, "expected one JSON object with token or token_sha256, and maybe authorization_server");
    return;
  }
  const auto token = token_of(body);
  if (!token) {
    bad_request(session, "expected exactly one of token and token_sha256 (64 hexadecimal digits)");
    return;
  }
  const std::vector<cache::ServerId> servers = servers_named(body.authorization_server);
  if (servers.empty()) {
    bad_request(session, "there is no authorization_server of this name");
    return;
  }
  codec::JsonWriter json;
  json.begin_object();
  json.key("purged");
  json.boolean(true);
  bool known = false;
  json.key("authorization_servers");
  json.begin_array();
  for (const cache::ServerId server : servers) {
    known = parts_.purger.purge_token(*token, server, true).known || known;
    json.string(parts_.settings.authorization_servers[server].name);
  }
  json.end_array();
  json.key("known");
  json.boolean(known);
  json.end_object();
  parts_.log.info("purged", {{"by", "token"}, {"known", known ? "yes" : "no"}});
  send_json(session, json.text());
}

void Admin::flush(ServerSession& session, std::string_view text) {
  AdminBody body;
  if (!text.empty() && (!read_body(text, body) || body.token || !body.token_sha256.empty())) {
    bad_request(session, "expected one JSON object with nothing or authorization_server in it");
    return;
  }
  const std::vector<cache::ServerId> servers = servers_named(body.authorization_server);
  if (servers.empty()) {
    bad_request(session, "there is no authorization_server of this name");
    return;
  }
  codec::JsonWriter json;
  json.begin_object();
  json.key("flushed");
  json.begin_array();
  for (const cache::ServerId server : servers) {
    parts_.purger.flush(server);
    json.string(parts_.settings.authorization_servers[server].name);
    parts_.log.warning("flushed", {{"as", parts_.settings.authorization_servers[server].name}});
  }
  json.end_array();
  json.end_object();
  send_json(session, json.text());
}

void Admin::send_json(ServerSession& session, std::string_view body) {
  http::Response response;
  response.body = body;
  session.send(Outcome::kAdminDone, response);
}

void Admin::bad_request(ServerSession& session, std::string_view description) {
  ReplyFields fields;
  fields.description = description;
  send_reply(session, Outcome::kAdminBadRequest, fields);
}

// Every admin request is answered at once: nothing is ever awaited.
void Admin::complete(ServerSession& session, const Reply& reply) { send_reply(session, reply.outcome); }

void Admin::refuse(ServerSession& session, Outcome outcome, int status, std::string_view description) {
  parts_.writer.set_time(session.now().wall);
  ReplyFields fields;
  fields.status = status;
  fields.description = description;
  send_reply(session, outcome, fields);
}

}  // namespace introspectd::service
