#include "service/admin.h"

#include <memory>
#include <utility>

#include "codec/json.h"
#include "service/caller_table.h"
#include "service/local_host.h"
#include "service/replies.h"

namespace introspectd::service {
namespace {

using http::RouteId;

constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

bool changes_something(RouteId route) { return route == RouteId::kPurge || route == RouteId::kFlush; }

// The members of a /flush body; anything else is a mistake.
class FlushBody final : public codec::JsonMembers {
 public:
  std::string authorization_server;
  bool mistaken = false;

  void on_string(std::string_view name, std::string_view value) override {
    if (name == "authorization_server" && !value.empty()) {
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
      const Figures figures = parts_.figures();
      const std::string body = render_readiness(figures);
      http::Response response;
      response.status = figures.draining ? 503 : 200;
      response.body = body;
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
  auto request = read_purge_request(text, parts_.settings, parts_.loop.now());
  if (!request) {
    bad_request(session, request.error());
    return;
  }
  const std::uint64_t serial = session.await(0);
  Purging& purging = purging_[serial];
  purging.waiter = {0, session.slot(), serial};
  purging.request = std::move(*request);
  purging.open = purging.request.of_server.size();
  // All parts are applied in this turn; what is done at once must not end the purge before the last one has begun.
  const auto parts = purging.request.of_server;
  for (const auto& [server, signals] : parts) {
    parts_.inbox.receive_unsigned({server, EventOrigin::kAdmin, signals, true},
                                  [this, serial](const EventResult& result) { on_purged(serial, result); });
  }
  if (const auto found = purging_.find(serial); found != purging_.end()) {
    found->second.patience = parts_.loop.after(kSweepMost, [this, serial] {
      purging_[serial].swept = false;
      answer_purge(serial);
    });
  }
}

// A part is applied, and durable where there is a fleet.
void Admin::on_purged(std::uint64_t serial, const EventResult& result) {
  const auto found = purging_.find(serial);
  if (found == purging_.end()) return;   // answered already
  Purging& purging = found->second;
  purging.known += result.applied.known_tokens;
  purging.durable = purging.durable && result.verdict == EventVerdict::kAccepted;
  if (!purging.request.wait) {
    part_ended(serial);
    return;
  }
  parts_.purger.when_swept(result.applied, [this, serial](std::uint64_t records) {
    const auto waiting = purging_.find(serial);
    if (waiting == purging_.end()) return;
    waiting->second.records += records;
    part_ended(serial);
  });
}

void Admin::part_ended(std::uint64_t serial) {
  if (--purging_[serial].open == 0) answer_purge(serial);
}

void Admin::answer_purge(std::uint64_t serial) {
  const auto node = purging_.extract(serial);
  const Purging& purging = node.mapped();
  parts_.log.info("purged", {{"purges", static_cast<std::uint64_t>(purging.request.purges)},
                             {"known", purging.known},
                             {"durable", purging.durable ? "yes" : "no"}});
  Reply reply;
  reply.outcome = purging.durable ? Outcome::kAdminDone : Outcome::kEventOutboxFull;
  if (purging.durable) reply.body = std::make_shared<const std::string>(purge_answer(purging));
  parts_.deliver(purging.waiter, reply);
}

std::string Admin::purge_answer(const Purging& purging) const {
  codec::JsonWriter json;
  json.begin_object();
  json.key("purged");
  json.boolean(true);
  json.key("purges");
  json.number(static_cast<std::uint64_t>(purging.request.purges));
  json.key("authorization_servers");
  json.begin_array();
  for (const auto& [server, signals] : purging.request.of_server) {
    json.string(parts_.settings.authorization_servers[server].name);
  }
  json.end_array();
  if (purging.request.names_tokens) {
    json.key("known");
    json.boolean(purging.known > 0);
  }
  if (purging.request.wait) {
    json.key("swept");
    json.boolean(purging.swept);
    json.key("records");
    json.number(purging.records);
  }
  json.end_object();
  return json.text();
}

void Admin::flush(ServerSession& session, std::string_view text) {
  FlushBody body;
  const bool read = text.empty() || codec::read_object(text, codec::JsonLimits{}, body).has_value();
  if (!read || body.mistaken) {
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

void Admin::complete(ServerSession& session, const Reply& reply) {
  parts_.writer.set_time(session.now().wall);
  if (reply.outcome == Outcome::kAdminDone && reply.body) {
    send_json(session, *reply.body);
  } else {
    send_reply(session, reply.outcome);
  }
}

void Admin::refuse(ServerSession& session, Outcome outcome, int status, std::string_view description) {
  send_refusal(parts_.writer, session, outcome, status, description);
}

}  // namespace introspectd::service
