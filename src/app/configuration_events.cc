// ConfigurationBuilder, fourth part: what is judged about events of authorization servers and about webhooks.
#include <algorithm>
#include <utility>

#include "app/configuration_builder.h"

namespace introspectd::app {
namespace {

std::vector<codec::JwsAlgorithm> algorithms_of(std::span<const std::string> names) {
  std::vector<codec::JwsAlgorithm> all;
  for (const std::string& name : names) {
    if (const auto algorithm = codec::find_algorithm(name)) all.push_back(*algorithm);  // always: its syntax was checked
  }
  return all;
}

std::vector<std::string> strings(std::span<const std::string> texts) {
  return {texts.begin(), texts.end()};
}

// A field name (RFC 9110 §5.1).
bool is_field_name(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool believes_signed_events(const service::EventSettings& events) {
  return !events.issuer.empty() && events.has_keys && !events.audience.empty();
}

}  // namespace

service::EventSettings ConfigurationBuilder::read_events(const OptionSet& server, AuthorizationServerIo& io) {
  service::EventSettings events;
  check_endpoint(server, "jwks_uri");
  io.jwks_uri = server.text("jwks_uri");
  events.issuer = server.text("issuer");
  events.has_keys = !io.jwks_uri.empty();
  events.audience = strings(server.texts("event_audience"));
  events.keycloak_resources = strings(server.texts("keycloak_resource"));
  events.critical_subject_members = strings(server.texts("critical_subject_members"));
  events.algorithms = algorithms_of(server.texts("event_algorithms"));
  events.flush_when_unmappable = server.text("on_unmappable") == "flush";
  events.assume_live = server.number("assume_live") != 0;
  events.global_revocation_bearer = read_optional_secret(server, "global_revocation_bearer_file");
  read_poll(server, events, io);
  read_verification(server, events, io);
  return events;
}

void ConfigurationBuilder::read_poll(const OptionSet& server, service::EventSettings& events,
                                     AuthorizationServerIo& io) {
  const OptionSet* set = configuration_.effective.nested(server, "authorization_server.poll");
  if (set == nullptr) return;
  check_endpoint(*set, "endpoint");
  check_events_are_believed(server, *set);
  service::PollSettings poll;
  poll.bearer_token = read_optional_secret(*set, "bearer_token_file");
  poll.long_poll = Duration(set->number("long_poll"));
  poll.events_most = static_cast<std::size_t>(set->number("max_events"));
  const Duration timeout = configuration_.settings.revocation.channel_timeout;
  if (poll.long_poll >= timeout) {  // F8: a quiet poll would be taken for a lost channel
    report(*set, "long_poll", "less than revocation.channel_timeout, " + format_duration(timeout.count()),
           quote(format_duration(poll.long_poll.count())));
  }
  io.poll_endpoint = set->text("endpoint");
  events.poll = std::move(poll);
}

void ConfigurationBuilder::read_verification(const OptionSet& server, service::EventSettings& events,
                                             AuthorizationServerIo& io) {
  const OptionSet* set = configuration_.effective.nested(server, "authorization_server.verification");
  if (set == nullptr) return;
  check_endpoint(*set, "endpoint");
  check_events_are_believed(server, *set);
  if (configuration_.notify_tcp.empty() && !events.poll) {
    report(*set, "endpoint", "notify.tcp or [authorization_server.poll] with it, where its events arrive", "neither");
  }
  events.has_verification = true;
  events.stream_id = set->text("stream_id");
  events.verification_bearer = read_optional_secret(*set, "bearer_token_file");
  io.verification_endpoint = set->text("endpoint");
}

void ConfigurationBuilder::check_events_are_believed(const OptionSet& server, const OptionSet& channel) {
  std::string missing;
  for (const char* key : {"issuer", "jwks_uri", "event_audience"}) {
    if (server.text(key).empty()) missing += (missing.empty() ? "no " : ", ") + std::string(key);
  }
  if (missing.empty()) return;
  report(channel, "endpoint", "issuer, jwks_uri and event_audience of its authorization server, to believe its events",
         missing);
}

// Signed events arrive by the notify listener, by polls, or from the fleet.
void ConfigurationBuilder::note_unused_events() {
  const auto sets = configuration_.effective.all("authorization_server");
  const auto& servers = configuration_.settings.authorization_servers;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const service::EventSettings& events = servers[i].events;
    const bool can_arrive = !configuration_.notify_tcp.empty() || events.poll || configuration_.fleet;
    for (const char* key : {"jwks_uri", "event_audience", "event_algorithms", "keycloak_resource",
                            "critical_subject_members"}) {
      if (!sets[i]->value(key).given() || sets[i]->text(key).empty()) continue;
      if (!can_arrive) {
        note(*sets[i], key, "never used, as there is no notify.tcp, no [authorization_server.poll] and no fleet");
      } else if (!believes_signed_events(events)) {
        note(*sets[i], key, "never used, as signed events need issuer, jwks_uri and event_audience");
      }
    }
    if (!events.global_revocation_bearer.empty() && configuration_.notify_tcp.empty()) {
      note(*sets[i], "global_revocation_bearer_file", "never used, as there is no notify.tcp");
    }
    if (events.assume_live) note(*sets[i], "assume_live", "ttl_live is believed without any proof that events arrive");
  }
}

void ConfigurationBuilder::note_unused_ttl_live() {
  const OptionSet& cache = configuration_.effective.only("cache");
  const auto& servers = configuration_.settings.authorization_servers;
  const bool provable = std::any_of(servers.begin(), servers.end(), [&](const auto& server) {
    const service::EventSettings& events = server.events;
    return events.poll || events.has_verification || events.assume_live || configuration_.fleet;
  });
  if (!cache.value("ttl_live").given() || provable) return;
  note(cache, "ttl_live",
       "never used, as no channel can be proven alive: that takes [authorization_server.poll], "
       "[authorization_server.verification], a fleet or assume_live");
}

void ConfigurationBuilder::read_webhooks() {
  const auto sets = configuration_.effective.all("webhook");
  for (const OptionSet* set : sets) read_webhook(*set);
  if (!sets.empty() && configuration_.notify_tcp.empty()) {
    note(*sets.front(), "name", "never used, as there is no notify.tcp");
  }
}

void ConfigurationBuilder::read_webhook(const OptionSet& set) {
  service::WebhookSettings webhook;
  webhook.name = set.text("name");
  check_webhook_name(set);
  if (const auto index = read_server_name(set)) webhook.authorization_server = static_cast<std::uint16_t>(*index);
  webhook.secret = read_optional_secret(set, "secret_file");
  webhook.signature_header = set.text("signature_header");
  webhook.timestamp_header = set.text("timestamp_header");
  for (const char* key : {"signature_header", "timestamp_header"}) {
    const std::string_view name = set.text(key);
    if (!name.empty() && !is_field_name(name)) report(set, key, "the name of a header field", quote(name));
  }
  webhook.format = read_webhook_format(set);
  check_webhook_names_tokens(set, webhook.format);
  configuration_.settings.notify.webhooks.push_back(std::move(webhook));
}

oauth::WebhookFormat ConfigurationBuilder::read_webhook_format(const OptionSet& set) {
  oauth::WebhookFormat format;
  format.kind = oauth::find_webhook_kind(set.text("kind")).value_or(oauth::SignalKind::kCutOff);
  format.sub = read_pointer(set, "sub");
  format.sid = read_pointer(set, "sid");
  format.client_id = read_pointer(set, "client_id");
  format.jti = read_pointer(set, "jti");
  format.token = read_pointer(set, "token");
  format.token_sha256 = read_pointer(set, "token_sha256");
  format.time = read_pointer(set, "time");
  format.only = read_pointer(set, "only");
  format.only_values = strings(set.texts("only_values"));
  if (set.text("only").empty() != format.only_values.empty()) {
    const std::string_view missing = format.only_values.empty() ? "only_values" : "only";
    report(set, missing, "a value, as only and only_values go together", "none");
  }
  return format;
}

std::optional<oauth::JsonPointer> ConfigurationBuilder::read_pointer(const OptionSet& set, std::string_view key) {
  const std::string_view text = set.text(key);
  if (text.empty()) return std::nullopt;
  auto pointer = oauth::JsonPointer::read(text);
  if (!pointer) report(set, key, "a JSON pointer such as \"/user/id\"", quote(text));
  return pointer;
}

void ConfigurationBuilder::check_webhook_names_tokens(const OptionSet& set, const oauth::WebhookFormat& format) {
  const auto given = [&](std::string_view key) { return !set.text(key).empty(); };
  const bool by_token = given("token") || given("token_sha256");
  const bool by_claim = given("sub") || given("sid") || given("client_id") || given("jti");
  const bool is_dead = format.kind == oauth::SignalKind::kDead;
  if (is_dead && (!by_token || by_claim)) {
    report(set, "kind", "token or token_sha256 and no claim with \"dead\"", by_claim ? "a claim" : "neither");
  } else if (!is_dead && (by_token || !by_claim)) {
    report(set, "kind", "sub, sid, client_id or jti and no token with " + quote(set.text("kind")),
           by_token ? "a token" : "none");
  }
}

}  // namespace introspectd::app
