// Where each option ends up.
#include "app/config_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "codec/json_value.h"
#include "conf_fixture.h"

namespace introspectd::app {
namespace {

void check_events(const Configuration& all) {
  const service::EventSettings& events = all.settings.authorization_servers.at(1).events;
  CHECK(events.issuer == "https://59");
  CHECK(events.has_keys);
  CHECK(events.audience == std::vector<std::string>{"a61", "a62"});
  CHECK(events.algorithms == std::vector{codec::JwsAlgorithm::kEs256, codec::JwsAlgorithm::kEdDsa});
  CHECK(events.keycloak_resources == std::vector<std::string>{"k63"});
  CHECK(events.critical_subject_members == std::vector<std::string>{"tenant", "device"});
  CHECK(events.flush_when_unmappable);
  CHECK(events.assume_live);
  CHECK(events.global_revocation_bearer.reveal() == "y");
  REQUIRE(events.poll);
  CHECK(events.poll->bearer_token.reveal() == "x");
  CHECK(events.poll->long_poll == std::chrono::milliseconds{6500});
  CHECK(events.poll->events_most == 66);
  CHECK(events.has_verification);
  CHECK(events.stream_id == "s68");
  CHECK(events.verification_bearer.reveal() == "y");
  const AuthorizationServerIo& io = all.authorization_servers.at(1);
  CHECK(io.jwks_uri == "https://60/jwks");
  CHECK(io.poll_endpoint == "https://64/p");
  CHECK(io.verification_endpoint == "https://67/v");
  const service::EventSettings& other = all.settings.authorization_servers.at(0).events;
  CHECK_FALSE(other.poll);
  CHECK_FALSE(other.has_verification);
  CHECK_FALSE(other.has_keys);
}

void check_webhook(const Configuration& all) {
  REQUIRE(all.settings.notify.webhooks.size() == 1);
  const service::WebhookSettings& webhook = all.settings.notify.webhooks[0];
  CHECK(webhook.name == "w69");
  CHECK(webhook.authorization_server == 1);
  CHECK(webhook.secret.reveal() == "x");
  CHECK(webhook.signature_header == "X-S70");
  CHECK(webhook.timestamp_header == "X-T71");
  const oauth::WebhookFormat& format = webhook.format;
  CHECK(format.kind == oauth::SignalKind::kLogout);
  const auto body = codec::JsonValue::read(R"({"a":"1","b":"2","c":"3","d":"4","e":"5","f":"6"})", {});
  REQUIRE(body);
  const auto at = [&](const std::optional<oauth::JsonPointer>& pointer) {
    return std::string(*pointer->find(*body)->string());
  };
  CHECK(at(format.sub) + at(format.sid) + at(format.client_id) + at(format.jti) + at(format.time) + at(format.only) ==
        "123456");
  CHECK_FALSE(format.token);
  CHECK_FALSE(format.token_sha256);
  CHECK(format.only_values == std::vector<std::string>{"v72"});
}

void check_revocation(const Configuration& all) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  CHECK(all.notify_tcp == std::vector<TcpAddress>{{"0.0.0.0", 44}, {"127.0.0.1", 45}});
  REQUIRE(all.notify_tls);
  CHECK(all.notify_tls->cert_file == "/ca");
  CHECK(all.notify_tls->key_file == "/s");
  const service::ListenSettings& limits = all.settings.notify.limits;
  CHECK(limits.header_timeout == milliseconds{146});
  CHECK(limits.idle_timeout == seconds{47});
  CHECK(limits.write_timeout == milliseconds{148});
  CHECK(limits.request_timeout == seconds{49});
  CHECK(limits.max_connections == 50);
  CHECK(limits.max_connections_per_uid == 50);
  CHECK(limits.caller_auth == service::CallerAuth::kRequired);
  const service::RevocationSettings& revocation = all.settings.revocation;
  CHECK(revocation.on_logout == service::OnLogout::kAsk);
  CHECK(revocation.on_channel_loss == service::OnChannelLoss::kClear);
  CHECK(revocation.channel_timeout == seconds{51});
  CHECK(all.state_dir == "/var/lib/52");
  CHECK(all.settings.fleet.enabled);
  CHECK(all.settings.fleet.key.reveal() == "x");
  CHECK(all.settings.fleet.outbox_bytes == 17U << 20U);
  REQUIRE(all.fleet);
  CHECK(all.fleet->redis == "redis://r53:54/5");
  CHECK(all.fleet->stream == "s55");
  CHECK(all.fleet->user == "u56");
  CHECK(all.fleet->password.reveal() == "y");
  CHECK(all.fleet->max_entries == 5800);
  check_events(all);
  check_webhook(all);
}

}  // namespace

TEST_CASE_FIXTURE(ConfFixture, "configuration_builder: every option ends where it belongs") {
  files.put("/s", {"x"});
  files.put("/old", {"y"});
  files.put("/ca", {"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"});
  const Configuration all = accepted(R"(
[listen]
unix = "/a.sock"
unix_mode = "0666"
unix_allow_uid = [11]
unix_allow_gid = 12
tcp = ["127.0.0.2:13", "[::1]:14"]
caller_auth = "none"
paths = "/alias"
threads = 15
header_timeout = "161ms"
idle_timeout = "17s"
write_timeout = "181ms"
request_timeout = "19s"
max_connections = 20
max_connections_per_uid = 21
[admin]
unix = "/b.sock"
unix_mode = "0640"
tcp = "127.0.0.1:22"
[cache]
memory = "23MiB"
ttl = "24s"
ttl_without_exp = "23s"
negative_ttl = "22s"
tombstone_ttl = "27s"
exp_skew = "28s"
ttl_live = "43s"
[notify]
tcp = ["0.0.0.0:44", "127.0.0.1:45"]
tls_cert_file = "/ca"
tls_key_file = "/s"
header_timeout = "146ms"
idle_timeout = "47s"
write_timeout = "148ms"
request_timeout = "49s"
max_connections = 50
[revocation]
hold = "29s"
on_logout = "ask"
on_channel_loss = "clear"
channel_timeout = "51s"
state_dir = "/var/lib/52"
[fleet]
redis = "redis://r53:54/5"
stream = "s55"
user = "u56"
password_file = "/old"
key_file = "/s"
outbox = "17MiB"
max_entries = 5800
[log]
level = "warning"
lines_per_second = 30
[[authorization_server]]
name = "as1"
introspection_endpoint = "https://as1/i"
client_auth = "none"
[[authorization_server]]
name = "as2"
introspection_endpoint = "https://as2/i"
revocation_endpoint = "https://as2/r"
client_id = "id31"
client_auth = "client_secret_basic"
client_secret_file = "/s"
raw_basic = true
token_type_hint = "hint32"
ca_file = "/ca"
connect_timeout = "33ms"
timeout = "34ms"
max_connections = 35
max_in_flight = 36
issuer = "https://59"
jwks_uri = "https://60/jwks"
event_audience = ["a61", "a62"]
event_algorithms = ["ES256", "EdDSA"]
keycloak_resource = "k63"
critical_subject_members = ["tenant", "device"]
on_unmappable = "flush"
assume_live = true
global_revocation_bearer_file = "/old"
[authorization_server.poll]
endpoint = "https://64/p"
bearer_token_file = "/s"
long_poll = "6500ms"
max_events = 66
[authorization_server.verification]
endpoint = "https://67/v"
stream_id = "s68"
bearer_token_file = "/old"
[[caller]]
id = "c37"
secret_file = "/s"
secret_file_previous = "/old"
uid = 38
gid = [39, 40]
audience = ["urn:41"]
authorization_server = "as2"
max_in_flight = 42
[[webhook]]
name = "w69"
authorization_server = "as2"
secret_file = "/s"
signature_header = "X-S70"
timestamp_header = "X-T71"
kind = "logout"
sub = "/a"
sid = "/b"
client_id = "/c"
jti = "/d"
token = ""
token_sha256 = ""
time = "/e"
only = "/f"
only_values = ["v72"]
)");
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  const service::ListenSettings& listen = all.settings.listen;
  REQUIRE(all.listen_unix);
  CHECK(all.listen_unix->path == "/a.sock");
  CHECK(all.listen_unix->mode == 0666);
  CHECK(listen.unix_allow_uids == std::vector<std::uint32_t>{11});
  CHECK(listen.unix_allow_gids == std::vector<std::uint32_t>{12});
  CHECK(all.listen_tcp == std::vector<TcpAddress>{{"127.0.0.2", 13}, {"::1", 14}});
  CHECK(listen.caller_auth == service::CallerAuth::kNone);
  CHECK(listen.paths == std::vector<std::string>{"/alias"});
  CHECK(all.threads == 15);
  CHECK(listen.header_timeout == milliseconds{161});
  CHECK(listen.idle_timeout == seconds{17});
  CHECK(listen.write_timeout == milliseconds{181});
  CHECK(listen.request_timeout == seconds{19});
  CHECK(listen.max_connections == 20);
  CHECK(listen.max_connections_per_uid == 21);
  REQUIRE(all.admin_unix);
  CHECK(all.admin_unix->path == "/b.sock");
  CHECK(all.admin_unix->mode == 0640);
  CHECK(all.admin_tcp == TcpAddress{"127.0.0.1", 22});
  const service::CacheSettings& cache = all.settings.cache;
  CHECK(cache.memory_bytes == 23U << 20U);
  CHECK(cache.ttl == seconds{24});
  CHECK(cache.ttl_without_exp == seconds{23});
  CHECK(cache.negative_ttl == seconds{22});
  CHECK(cache.tombstone_ttl == seconds{27});
  CHECK(cache.exp_skew == seconds{28});
  CHECK(cache.ttl_live == seconds{43});
  CHECK(all.settings.revocation.hold == seconds{29});
  check_revocation(all);
  CHECK(all.log.level == LogLevel::kWarning);
  CHECK(all.log.lines_per_second == 30);
  REQUIRE(all.settings.authorization_servers.size() == 2);
  REQUIRE(all.authorization_servers.size() == 2);
  CHECK_FALSE(all.settings.authorization_servers[0].has_revocation_endpoint);
  const service::AuthorizationServerSettings& server = all.settings.authorization_servers[1];
  CHECK(server.name == "as2");
  CHECK(server.introspection_endpoint == "https://as2/i");
  CHECK(server.has_revocation_endpoint);
  CHECK(server.credential.client_id == "id31");
  CHECK(server.credential.client_secret.reveal() == "x");
  CHECK(server.credential.raw_basic);
  CHECK(server.token_type_hint == "hint32");
  CHECK(server.timeout == milliseconds{34});
  CHECK(server.max_in_flight == 36);
  const AuthorizationServerIo& io = all.authorization_servers[1];
  CHECK(io.introspection_endpoint == "https://as2/i");
  CHECK(io.revocation_endpoint == "https://as2/r");
  CHECK(io.ca_file == "/ca");
  CHECK(io.client_secret_file == "/s");
  CHECK(io.connect_timeout == milliseconds{33});
  CHECK(io.max_connections == 35);
  REQUIRE(all.settings.callers.size() == 1);
  const service::CallerSettings& caller = all.settings.callers[0];
  CHECK(caller.id == "c37");
  REQUIRE(caller.secrets.size() == 2);
  CHECK(caller.secrets[0].reveal() == "x");
  CHECK(caller.secrets[1].reveal() == "y");
  CHECK(caller.uids == std::vector<std::uint32_t>{38});
  CHECK(caller.gids == std::vector<std::uint32_t>{39, 40});
  CHECK(caller.audience == all.settings.audiences.find("urn:41"));
  CHECK(caller.audience != 0);
  CHECK(caller.authorization_server == 1);
  CHECK(caller.max_in_flight == 42);
  // Nothing of the table was left out above.
  for (const OptionSet& set : all.effective.sets) {
    if (set.section == "authorization_server" && set.text("name") == "as1") continue;
    for (const OptionValue& value : set.values) CHECK(value.given());
  }
}

TEST_CASE_FIXTURE(ConfFixture,
                  "configuration_builder: the table's defaults are those that the service's settings have") {
  const Configuration plain = accepted(kServer + kCaller);
  const service::Settings fresh;
  CHECK(plain.settings.listen.header_timeout == fresh.listen.header_timeout);
  CHECK(plain.settings.listen.idle_timeout == fresh.listen.idle_timeout);
  CHECK(plain.settings.listen.write_timeout == fresh.listen.write_timeout);
  CHECK(plain.settings.listen.request_timeout == fresh.listen.request_timeout);
  CHECK(plain.settings.listen.max_connections == fresh.listen.max_connections);
  CHECK(plain.settings.listen.max_connections_per_uid == fresh.listen.max_connections_per_uid);
  CHECK(plain.settings.listen.caller_auth == fresh.listen.caller_auth);
  CHECK(plain.settings.cache.memory_bytes == fresh.cache.memory_bytes);
  CHECK(plain.settings.cache.ttl == fresh.cache.ttl);
  CHECK(plain.settings.cache.ttl_without_exp == fresh.cache.ttl_without_exp);
  CHECK(plain.settings.cache.negative_ttl == fresh.cache.negative_ttl);
  CHECK(plain.settings.cache.tombstone_ttl == fresh.cache.tombstone_ttl);
  CHECK(plain.settings.cache.exp_skew == fresh.cache.exp_skew);
  CHECK(plain.settings.cache.ttl_live == fresh.cache.ttl_live);
  CHECK(plain.settings.revocation.hold == fresh.revocation.hold);
  CHECK(plain.settings.revocation.on_channel_loss == fresh.revocation.on_channel_loss);
  CHECK(plain.settings.revocation.channel_timeout == fresh.revocation.channel_timeout);
  CHECK(plain.settings.revocation.on_logout == fresh.revocation.on_logout);
  CHECK_FALSE(plain.settings.fleet.enabled);
  CHECK(plain.settings.fleet.outbox_bytes == fresh.fleet.outbox_bytes);
  const service::PollSettings poll;
  const Configuration polled = accepted(kServer +
                                        "issuer = \"https://a\"\njwks_uri = \"https://a/k\"\nevent_audience = "
                                        "\"n\"\npoll.endpoint = \"https://a/p\"\n");
  CHECK(polled.settings.authorization_servers[0].events.poll->long_poll == poll.long_poll);
  CHECK(polled.settings.authorization_servers[0].events.poll->events_most == poll.events_most);
  const service::AuthorizationServerSettings server;
  CHECK(plain.settings.authorization_servers[0].timeout == server.timeout);
  CHECK(plain.settings.authorization_servers[0].max_in_flight == server.max_in_flight);
  CHECK(plain.settings.authorization_servers[0].credential.method == server.credential.method);
  CHECK(plain.settings.callers[0].max_in_flight == service::CallerSettings{}.max_in_flight);
}

}  // namespace introspectd::app
