// ConfigurationBuilder: turns option values into the Configuration and judges what no single value shows:
// files, endpoints, listeners, names, times that contradict each other (F4–F6, F8–F10, F13). Threads: one.
// Owns: the configuration while it grows.  Errors: ConfigProblem, all that are found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config_file.h"

namespace introspectd::app {

class ConfigurationBuilder {
 public:
  ConfigurationBuilder(const ConfigWorld& world, OptionSets sets);
  Configuration build();
  // Sorted by line.
  std::vector<ConfigProblem> take_problems();

 private:
  // "expected …" and "got …" of one key.
  void report(const OptionSet& set, std::string_view key, std::string_view expected, std::string_view got);

  // What is no mistake, but may surprise.
  void note(const OptionSet& set, std::string_view key, std::string_view message);

  void read_listen();
  void read_admin();
  void read_notify();
  void read_cache();
  void read_revocation();
  void read_fleet();
  void read_log();
  void read_authorization_servers();
  void read_callers();
  void read_webhooks();

  void check_paths(const OptionSet& listen);
  void check_tcp_listeners(const OptionSet& listen);
  void lower_default(OptionSet& set, std::string_view key, std::int64_t ceiling);
  std::optional<UnixListener> read_unix_listener(const OptionSet& set);

  void read_ttl_live(OptionSet& set);
  void check_notify_addresses(const OptionSet& notify);
  void read_tls(const OptionSet& notify);
  void check_redis(const OptionSet& fleet);

  void check_name(const OptionSet& set, std::size_t index);
  void check_endpoint(const OptionSet& set, std::string_view key);
  void check_times(const OptionSet& set);
  void check_ca_file(const OptionSet& set);
  // A PEM file with certificates (F6).
  void check_certificates(const OptionSet& set, std::string_view key);
  oauth::ClientCredential read_credential(const OptionSet& set);
  std::optional<Secret> read_secret(const OptionSet& set, std::string_view key);
  // Empty where none is named.
  Secret read_optional_secret(const OptionSet& set, std::string_view key);
  // The place of the authorization server that `set` names; nullopt: none, and said.
  std::optional<std::size_t> read_server_name(const OptionSet& set);

  service::EventSettings read_events(const OptionSet& server, AuthorizationServerIo& io);
  void read_poll(const OptionSet& server, service::EventSettings& events, AuthorizationServerIo& io);
  void read_verification(const OptionSet& server, service::EventSettings& events, AuthorizationServerIo& io);
  // Signed events need all three: who signs, by which keys, for whom.
  void check_events_are_believed(const OptionSet& server, const OptionSet& channel);
  void note_unused_events();
  void note_unused_ttl_live();

  void read_webhook(const OptionSet& set);
  void check_webhook_name(const OptionSet& set);
  oauth::WebhookFormat read_webhook_format(const OptionSet& set);
  std::optional<oauth::JsonPointer> read_pointer(const OptionSet& set, std::string_view key);
  void check_webhook_names_tokens(const OptionSet& set, const oauth::WebhookFormat& format);

  void read_caller(const OptionSet& set);
  void read_caller_secrets(const OptionSet& set, service::CallerSettings& caller);
  void read_caller_audience(const OptionSet& set, service::CallerSettings& caller);
  void read_caller_server(const OptionSet& set, service::CallerSettings& caller);
  void check_caller_ids(const OptionSet& set, const service::CallerSettings& caller);
  void check_callers_can_authenticate();

  const ConfigWorld& world_;
  std::vector<ConfigProblem> problems_;
  Configuration configuration_;
};

}  // namespace introspectd::app
