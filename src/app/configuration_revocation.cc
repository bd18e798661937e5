// ConfigurationBuilder, third part: what is judged about the notify listener, revocation and the fleet.
#include <algorithm>
#include <utility>

#include "app/configuration_builder.h"
#include "app/secret_file.h"

namespace introspectd::app {
namespace {

constexpr std::size_t kKeyBytesMost = 1U << 20U;

bool contains(const std::vector<TcpAddress>& all, const TcpAddress& address) {
  return std::find(all.begin(), all.end(), address) != all.end();
}

// Of a URL without user and password, as check_redis wants it.
bool stays_on_this_machine(std::string_view redis) {
  constexpr std::string_view kTcp = "redis://";
  if (!redis.starts_with(kTcp)) return true;
  std::string_view host = redis.substr(kTcp.size());
  host = host.substr(0, host.find('/'));
  if (host.starts_with('[')) return is_loopback_host(host.substr(1, host.find(']') - 1));
  return is_loopback_host(host.substr(0, host.find(':')));
}

}  // namespace

void ConfigurationBuilder::read_notify() {
  const OptionSet& set = configuration_.effective.only("notify");
  service::ListenSettings& limits = configuration_.settings.notify.limits;
  limits.header_timeout = Duration(set.number("header_timeout"));
  limits.idle_timeout = Duration(set.number("idle_timeout"));
  limits.write_timeout = Duration(set.number("write_timeout"));
  limits.request_timeout = Duration(set.number("request_timeout"));
  limits.max_connections = static_cast<std::size_t>(set.number("max_connections"));
  limits.max_connections_per_uid = limits.max_connections;  // senders have no user ids
  check_notify_addresses(set);
  read_tls(set);
}

void ConfigurationBuilder::check_notify_addresses(const OptionSet& notify) {
  for (const std::string& text : notify.texts("tcp")) {
    const auto address = parse_tcp_address(text);
    if (!address) continue;  // never: its syntax was checked
    if (contains(configuration_.notify_tcp, *address)) {
      report(notify, "tcp", "each address once", quote(text) + " twice");
    } else if (contains(configuration_.listen_tcp, *address) || configuration_.admin_tcp == address) {
      report(notify, "tcp", "other addresses than those of listen.tcp and admin.tcp", quote(text));
    }
    configuration_.notify_tcp.push_back(*address);
  }
}

void ConfigurationBuilder::read_tls(const OptionSet& notify) {
  const std::string cert_file(notify.text("tls_cert_file"));
  const std::string_view key_file = notify.text("tls_key_file");
  if (cert_file.empty() != key_file.empty()) {
    const std::string_view missing = cert_file.empty() ? "tls_cert_file" : "tls_key_file";
    report(notify, missing, "a file, as tls_cert_file and tls_key_file go together", "none");
    return;
  }
  const auto& all = configuration_.notify_tcp;
  const bool all_loopback = std::all_of(
      all.begin(), all.end(), [](const TcpAddress& address) { return is_loopback_address(address.address); });
  if (cert_file.empty()) {
    if (!all_loopback) {
      report(notify, "tcp", "loopback addresses, or tls_cert_file and tls_key_file with others", "neither");
    }
    return;
  }
  if (all_loopback) note(notify, "tls_cert_file", "never used, as notify.tcp names loopback addresses only");
  check_certificates(notify, "tls_cert_file");
  const auto key = read_private_file(key_file, world_, kKeyBytesMost);
  if (!key) {
    report(notify, "tls_key_file", key.error().expected, key.error().got);
    return;
  }
  if (world_.judge_tls) {
    if (const auto got = world_.judge_tls(cert_file, key->path)) {  // F7
      report(notify, "tls_cert_file", "a certificate chain and its private key", *got);
    }
  }
  configuration_.notify_tls = TlsFiles{cert_file, key->path};
}

void ConfigurationBuilder::read_revocation() {
  OptionSet& set = configuration_.effective.only("revocation");
  service::RevocationSettings& revocation = configuration_.settings.revocation;
  revocation.hold = Duration(set.number("hold"));
  revocation.channel_timeout = Duration(set.number("channel_timeout"));
  revocation.on_channel_loss = set.text("on_channel_loss") == "clear" ? service::OnChannelLoss::kClear
                                                                      : service::OnChannelLoss::kShorten;
  const bool clears = revocation.on_channel_loss == service::OnChannelLoss::kClear;
  if (clears && configuration_.settings.cache.ttl <= revocation.channel_timeout) {
    note(set, "on_channel_loss", "\"clear\" does no more than \"shorten\", as channel_timeout is not less than cache.ttl");
  }
  revocation.on_logout = set.text("on_logout") == "ask" ? service::OnLogout::kAsk : service::OnLogout::kCutOff;
  OptionValue& state_dir = set.value("state_dir");
  if (!state_dir.given()) state_dir.texts = {world_.state_directory};  // what the unit's author meant
  configuration_.state_dir = state_dir.texts.front();
}

void ConfigurationBuilder::read_fleet() {
  const OptionSet& set = configuration_.effective.only("fleet");
  service::FleetSettings& fleet = configuration_.settings.fleet;
  FleetIo io{std::string(set.text("redis")), std::string(set.text("user")),
             read_optional_secret(set, "password_file"), std::string(set.text("stream")),
             static_cast<std::uint64_t>(set.number("max_entries"))};
  fleet.key = read_optional_secret(set, "key_file");
  fleet.outbox_bytes = static_cast<std::size_t>(set.number("outbox"));
  if (io.redis.empty()) {
    for (const char* key : {"key_file", "password_file", "user"}) {
      if (!set.text(key).empty()) note(set, key, "never used, as there is no fleet.redis");
    }
    return;
  }
  check_redis(set);
  if (configuration_.state_dir.empty()) {
    // The outbox answers for events that were acknowledged: it must outlive the process.
    report(set, "redis", "revocation.state_dir with it, for the outbox and the cursor", "none");
  }
  if (set.text("key_file").empty()) {
    note(set, "key_file",
         "none: purges that no authorization server signed stay on this node, and no channel is proven alive, so that "
         "cache.ttl applies and cache.ttl_live does not");
  }
  fleet.enabled = true;
  configuration_.fleet = std::move(io);
}

void ConfigurationBuilder::check_redis(const OptionSet& fleet) {
  const std::string url(fleet.text("redis"));
  if (url.find('@') != std::string::npos) {
    // Not echoed: it may hold a password.
    report(fleet, "redis", "a URL without user and password: these are fleet.user and fleet.password_file",
           "one with them");
  } else if (!url.starts_with("redis://") && !url.starts_with("unix:/")) {
    report(fleet, "redis", "redis://HOST:PORT/DB or unix:/PATH", quote(url));
  } else if (const auto got = world_.judge_redis ? world_.judge_redis(url) : std::nullopt) {
    report(fleet, "redis", "redis://HOST:PORT/DB or unix:/PATH", *got);
  } else if (!stays_on_this_machine(url)) {
    note(fleet, "redis",
         "not a loopback address, and Redis is spoken to without TLS: key_file keeps entries from being forged, not "
         "from being read on the way, and fleet.password_file is sent in the clear");
  }
  if (!fleet.text("user").empty() && fleet.text("password_file").empty()) {
    report(fleet, "user", "a password_file with it", "none");
  }
}

}  // namespace introspectd::app
