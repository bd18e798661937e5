// conf: any bytes as a configuration: no exception, no fault, every problem a clean line that shows no
// secret; and what is accepted keeps the promises between options, and says the same when it is printed and
// read again (F1 to F13).
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "app/config_file.h"
#include "app/option_syntax.h"
#include "base/assert.h"

namespace introspectd::app {
namespace {

constexpr std::string_view kSecretContent = "never-to-be-echoed";

// Every path is a good secret and a good certificate, but for some that are told by their names.
class EveryFile final : public FileReader {
 public:
  tl::expected<FileContent, std::string> read(const std::string& path, std::size_t) override {
    if (path.find("missing") != std::string::npos)
      return tl::unexpected(std::string("none: No such file or directory"));
    const bool is_certificate = path.find("ca") != std::string::npos;
    // Each file has its own content, so that callers' secrets differ as they should.
    std::string text =
        is_certificate ? "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
                       : std::string(kSecretContent) + std::to_string(std::hash<std::string>()(path)) + "\n";
    if (path.find("lines") != std::string::npos) text += "more\n";
    const std::uint32_t mode = path.find("open") != std::string::npos ? 0644 : 0600;
    return FileContent{Secret(text), mode, 0};
  }
  FileKind kind(const std::string& path) override {
    return path.find("file") != std::string::npos ? FileKind::kOther : FileKind::kMissing;
  }
};

void check_problem(const ConfigProblem& problem, std::uint32_t lines) {
  const std::string line = format_problem("/etc/introspectd.conf", problem);
  CHECK_INVARIANT(problem.line >= 1 && problem.line <= lines);
  CHECK_INVARIANT(!problem.key.empty());
  CHECK_INVARIANT(problem.message.starts_with("expected "));
  CHECK_INVARIANT(problem.message.find(" got ") != std::string::npos ||
                  problem.message.find(" got: ") != std::string::npos);
  CHECK_INVARIANT(line.size() < 2048);
  CHECK_INVARIANT(line.find(kSecretContent) == std::string::npos);
  CHECK_INVARIANT(std::none_of(line.begin(), line.end(),
                               [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
}

void check_accepted(const Configuration& configuration) {
  const service::Settings& settings = configuration.settings;
  CHECK_INVARIANT(!settings.authorization_servers.empty());
  CHECK_INVARIANT(settings.authorization_servers.size() == configuration.authorization_servers.size());
  CHECK_INVARIANT(settings.cache.negative_ttl <= settings.cache.ttl);
  CHECK_INVARIANT(settings.cache.ttl_without_exp <= settings.cache.ttl);
  CHECK_INVARIANT(configuration.listen_unix || !configuration.listen_tcp.empty());
  for (const TcpAddress& address : configuration.listen_tcp)
    CHECK_INVARIANT(is_loopback_address(address.address));
  if (configuration.admin_tcp) CHECK_INVARIANT(is_loopback_address(configuration.admin_tcp->address));
  bool can_authenticate =
      configuration.listen_tcp.empty() || settings.listen.caller_auth == service::CallerAuth::kNone;
  for (const service::CallerSettings& caller : settings.callers) {
    CHECK_INVARIANT(caller.authorization_server < settings.authorization_servers.size());
    CHECK_INVARIANT(caller.max_in_flight > 0);
    CHECK_INVARIANT(caller.secrets.size() <= 2);
    can_authenticate = can_authenticate || !caller.secrets.empty();
  }
  CHECK_INVARIANT(can_authenticate);
  for (const service::AuthorizationServerSettings& server : settings.authorization_servers) {
    CHECK_INVARIANT(server.timeout < settings.listen.request_timeout);
    const bool is_plain = server.introspection_endpoint.starts_with("http://");
    CHECK_INVARIANT(!is_plain || is_loopback_host(parse_url(server.introspection_endpoint)->host));
    const service::EventSettings& events = server.events;
    const bool proves = events.poll || events.has_verification;
    CHECK_INVARIANT(!proves || (!events.issuer.empty() && events.has_keys && !events.audience.empty()));
  }
  CHECK_INVARIANT(settings.cache.ttl <= settings.cache.ttl_live);
  for (const TcpAddress& address : configuration.notify_tcp)
    CHECK_INVARIANT(configuration.notify_tls || is_loopback_address(address.address));
  CHECK_INVARIANT(!configuration.fleet || !configuration.state_dir.empty());
  for (const service::WebhookSettings& webhook : settings.notify.webhooks)
    CHECK_INVARIANT(!webhook.secret.empty() && webhook.authorization_server < settings.authorization_servers.size());
}

void check_printing(const Configuration& configuration, const ConfigWorld& world) {
  const std::string printed = print_option_sets(configuration.effective);
  CHECK_INVARIANT(printed.find(kSecretContent) == std::string::npos);
  const auto again = read_configuration(printed, world);
  CHECK_INVARIANT(again.has_value());
  CHECK_INVARIANT(print_option_sets(again->effective) == printed);
}

}  // namespace
}  // namespace introspectd::app

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace introspectd::app;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (text.find(kSecretContent) != std::string_view::npos)
    return 0;  // echoed because it stands in the file itself
  EveryFile files;
  ConfigWorld world;
  world.files = &files;
  world.memory_limit = 64ULL << 30U;
  if (text.starts_with("#c")) world.credentials_directory = "/run/credentials/x";
  const auto read = read_configuration(text, world);
  if (!read) {
    CHECK_INVARIANT(!read.error().empty());
    const auto lines = static_cast<std::uint32_t>(1 + std::count(text.begin(), text.end(), '\n'));
    for (const ConfigProblem& problem : read.error()) check_problem(problem, lines);
    return 0;
  }
  check_accepted(*read);
  check_printing(*read, world);
  return 0;
}
