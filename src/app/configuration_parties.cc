// ConfigurationBuilder, second part: what is judged about authorization servers and callers.
#include <algorithm>
#include <array>
#include <utility>

#include "app/configuration_builder.h"
#include "app/secret_file.h"

namespace introspectd::app {
namespace {

constexpr std::size_t kCaBytesMost = 16U << 20U;

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  // Names stand in paths: "." and ".." would be normalised away by somebody.
  return std::all_of(text.begin(), text.end(), fits) && text.front() != '.';
}

bool has_certificate(std::string_view pem) {
  constexpr std::array<std::string_view, 2> kBegins{"-----BEGIN CERTIFICATE-----",
                                                    "-----BEGIN TRUSTED CERTIFICATE-----"};
  return std::any_of(kBegins.begin(), kBegins.end(), [&](std::string_view begin) {
    const std::size_t at = pem.find(begin);
    return at != std::string_view::npos && pem.find("-----END ", at) != std::string_view::npos;
  });
}

template <typename Id>
bool share_one(const std::vector<Id>& a, const std::vector<Id>& b) {
  return std::any_of(a.begin(), a.end(), [&](Id id) { return std::find(b.begin(), b.end(), id) != b.end(); });
}

bool share_secret(const std::vector<Secret>& a, const std::vector<Secret>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Secret& one) {
    return std::any_of(b.begin(), b.end(), [&](const Secret& other) {
      return equal_in_constant_time(one.reveal(), other.reveal());
    });
  });
}

}  // namespace

void ConfigurationBuilder::check_name(const OptionSet& set, std::size_t index) {
  const std::string_view name = set.text("name");
  if (name.empty()) return;  // reported as missing
  if (!is_name(name)) report(set, "name", "letters, digits, '.', '_' and '-', not '.' first", quote(name));
  const auto& servers = configuration_.settings.authorization_servers;
  for (std::size_t i = 0; i < index; ++i) {
    if (servers[i].name == name) report(set, "name", "each name once", quote(name) + " twice");
  }
}

void ConfigurationBuilder::check_webhook_name(const OptionSet& set) {
  const std::string_view name = set.text("name");
  if (name.empty()) return;  // reported as missing
  if (!is_name(name)) report(set, "name", "letters, digits, '.', '_' and '-', not '.' first", quote(name));
  for (const service::WebhookSettings& other : configuration_.settings.notify.webhooks) {
    if (other.name == name) report(set, "name", "each name once", quote(name) + " twice");
  }
}

void ConfigurationBuilder::check_endpoint(const OptionSet& set, std::string_view key) {
  const std::string_view url = set.text(key);
  if (url.empty()) return;
  const auto parts = parse_url(url);
  if (!parts) {
    // Not echoed: user information in a URL is a secret, and one reason for being here.
    report(set, key, "an absolute https URL without user information or fragment", "something else");
  } else if (!parts->is_https && !is_loopback_host(parts->host)) {
    report(set, key, "https, as its host is not loopback", "http to " + quote(parts->host));  // F4
  }
}

void ConfigurationBuilder::check_times(const OptionSet& set) {
  const std::int64_t timeout = set.number("timeout");
  const std::int64_t connect = set.number("connect_timeout");
  const std::int64_t request = configuration_.settings.listen.request_timeout.count();
  if (timeout >= request) {  // I29: an answer in time must leave time to pass it on (F8)
    report(set, "timeout", "less than listen.request_timeout, " + format_duration(request),
           quote(format_duration(timeout)));
  }
  if (connect > timeout) {
    report(set, "connect_timeout", "at most timeout, " + format_duration(timeout),
           quote(format_duration(connect)));
  }
}

void ConfigurationBuilder::check_ca_file(const OptionSet& set) {
  const auto is_https = [&](std::string_view key) {
    const auto parts = parse_url(set.text(key));
    return parts && parts->is_https;
  };
  bool needed = is_https("introspection_endpoint") || is_https("revocation_endpoint") || is_https("jwks_uri");
  for (const char* channel : {"authorization_server.poll", "authorization_server.verification"}) {
    const OptionSet* nested = configuration_.effective.nested(set, channel);
    const auto parts = nested == nullptr ? std::nullopt : parse_url(nested->text("endpoint"));
    needed = needed || (parts && parts->is_https);
  }
  if (needed || set.value("ca_file").given()) check_certificates(set, "ca_file");
}

void ConfigurationBuilder::check_certificates(const OptionSet& set, std::string_view key) {
  const std::string path(set.text(key));
  const auto file = world_.files->read(path, kCaBytesMost);
  if (!file) {
    report(set, key, "a readable file with certificates", quote(path) + ": " + file.error());  // F6
  } else if (!has_certificate(file->bytes.reveal())) {
    report(set, key, "a PEM file with certificates", quote(path) + " without any");
  }
}

oauth::ClientCredential ConfigurationBuilder::read_credential(const OptionSet& set) {
  oauth::ClientCredential credential;
  credential.client_id = set.text("client_id");
  credential.raw_basic = set.number("raw_basic") != 0;
  const std::string_view method = set.text("client_auth");
  if (method == "none") {
    credential.method = oauth::ClientAuth::kNone;
    if (!set.text("client_secret_file").empty()) {
      report(set, "client_secret_file", "none, as client_auth is \"none\"", "one");
    }
  } else {
    const bool is_basic = method == "client_secret_basic";
    credential.method =
        is_basic ? oauth::ClientAuth::kClientSecretBasic : oauth::ClientAuth::kClientSecretPost;
    if (credential.client_id.empty())
      report(set, "client_id", "a client id, as client_auth needs one", "none");
    if (set.text("client_secret_file").empty()) {
      report(set, "client_secret_file", "a file, as client_auth needs a secret", "none");
    } else if (auto secret = read_secret(set, "client_secret_file")) {
      credential.client_secret = std::move(*secret);
    }
  }
  if (credential.raw_basic && credential.method != oauth::ClientAuth::kClientSecretBasic) {
    report(set, "raw_basic", "false, as client_auth is not \"client_secret_basic\"", "true");
  }
  return credential;
}

std::optional<Secret> ConfigurationBuilder::read_secret(const OptionSet& set, std::string_view key) {
  auto secret = read_secret_file(set.text(key), world_);
  if (secret) return std::move(*secret);
  report(set, key, secret.error().expected, secret.error().got);
  return std::nullopt;
}

Secret ConfigurationBuilder::read_optional_secret(const OptionSet& set, std::string_view key) {
  auto secret = set.text(key).empty() ? std::nullopt : read_secret(set, key);
  return secret ? std::move(*secret) : Secret();
}

void ConfigurationBuilder::read_caller_secrets(const OptionSet& set, service::CallerSettings& caller) {
  for (const std::string_view key : {"secret_file", "secret_file_previous"}) {
    if (set.text(key).empty()) continue;
    if (auto secret = read_secret(set, key)) caller.secrets.push_back(std::move(*secret));
  }
  if (set.text("secret_file").empty() && !set.text("secret_file_previous").empty()) {
    report(set, "secret_file_previous", "a secret_file beside it", "none");
  }
}

void ConfigurationBuilder::read_caller_audience(const OptionSet& set, service::CallerSettings& caller) {
  for (const std::string& name : set.texts("audience")) {
    const auto bit = configuration_.settings.audiences.add(name);
    if (!bit) {
      report(set, "audience",
             "at most " + std::to_string(oauth::AudienceNames::kMost) + " names in all callers", "more");
      return;
    }
    caller.audience |= *bit;
  }
}

std::optional<std::size_t> ConfigurationBuilder::read_server_name(const OptionSet& set) {
  const auto& servers = configuration_.settings.authorization_servers;
  const std::string_view name = set.text("authorization_server");
  std::size_t index = 0;
  while (!name.empty() && index < servers.size() && servers[index].name != name) ++index;
  if (index < servers.size()) return index;
  if (!name.empty()) report(set, "authorization_server", "the name of an [[authorization_server]]", quote(name));
  return std::nullopt;
}

void ConfigurationBuilder::read_caller_server(const OptionSet& set, service::CallerSettings& caller) {
  const auto index = read_server_name(set);
  if (!index) return;
  const std::size_t of_server = configuration_.settings.authorization_servers[*index].max_in_flight;
  caller.authorization_server = static_cast<std::uint16_t>(*index);
  const auto most = static_cast<std::size_t>(set.number("max_in_flight"));
  caller.max_in_flight = most != 0 ? most : std::max<std::size_t>(1, of_server / 2);
}

void ConfigurationBuilder::check_caller_ids(const OptionSet& set, const service::CallerSettings& caller) {
  const bool has_secret = !set.text("secret_file").empty() || !set.text("secret_file_previous").empty();
  if (!has_secret && caller.uids.empty() && caller.gids.empty()) {
    report(set, "id", "a secret_file, uid or gid with it, to know the caller by", "none");
  }
  for (const service::CallerSettings& other : configuration_.settings.callers) {
    if (other.id == caller.id && !caller.id.empty())
      report(set, "id", "each id once", quote(caller.id) + " twice");
    if (share_one(other.uids, caller.uids))
      report(set, "uid", "each user id in one caller", "one of " + quote(other.id));
    if (share_one(other.gids, caller.gids))
      report(set, "gid", "each group id in one caller", "one of " + quote(other.id));
    if (share_secret(other.secrets, caller.secrets)) {  // a bearer is known by nothing else
      report(set, "secret_file", "a secret of its own", "that of " + quote(other.id));
    }
  }
}

}  // namespace introspectd::app
