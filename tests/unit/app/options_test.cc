#include "app/options.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "app/option_sets.h"

namespace introspectd::app {

TEST_CASE("options: each key stands once in the table, in a known section, the rows of a section together") {
  std::set<std::string> seen;
  for (const Option& option : options()) {
    CAPTURE(option.path);
    CHECK(seen.insert(std::string(option.path)).second);
    CHECK(find_section(option.section()) != nullptr);
    CHECK(find_option(option.path) == &option);
    CHECK_FALSE(option.sentence.empty());
    CHECK(option.sentence.ends_with('.'));
    CHECK(option.required == option.default_toml.empty());
    CHECK((!option.required || !option.example_toml.empty()));
  }
  std::size_t rows = 0;
  for (const OptionSection& section : option_sections()) rows += options_of(section.name).size();
  CHECK(rows == options().size());
}

TEST_CASE("options: every name of the conf skeleton is there") {
  for (const char* path : {"listen.unix",
                           "listen.unix_mode",
                           "listen.tcp",
                           "listen.caller_auth",
                           "listen.threads",
                           "admin.unix",
                           "admin.tcp",
                           "cache.memory",
                           "cache.ttl",
                           "cache.ttl_without_exp",
                           "cache.negative_ttl",
                           "cache.tombstone_ttl",
                           "cache.exp_skew",
                           "cache.ttl_live",
                           "notify.tcp",
                           "notify.tls_cert_file",
                           "notify.tls_key_file",
                           "revocation.hold",
                           "revocation.on_channel_loss",
                           "revocation.channel_timeout",
                           "revocation.state_dir",
                           "authorization_server.issuer",
                           "authorization_server.jwks_uri",
                           "authorization_server.event_audience",
                           "authorization_server.poll.endpoint",
                           "authorization_server.poll.bearer_token_file",
                           "fleet.redis",
                           "fleet.stream",
                           "fleet.key_file",
                           "authorization_server.name",
                           "authorization_server.introspection_endpoint",
                           "authorization_server.revocation_endpoint",
                           "authorization_server.client_id",
                           "authorization_server.client_auth",
                           "authorization_server.client_secret_file",
                           "authorization_server.ca_file",
                           "authorization_server.connect_timeout",
                           "authorization_server.timeout",
                           "caller.id",
                           "caller.secret_file"}) {
    CAPTURE(path);
    CHECK(find_option(path) != nullptr);
  }
}

TEST_CASE("options: the nearest known key is found, in its own section first (F2)") {
  CHECK(nearest_key("cache", "tll") == "cache.ttl");
  CHECK(nearest_key("cache", "negativ_ttl") == "cache.negative_ttl");
  CHECK(nearest_key("cache", "memory_") == "cache.memory");
  CHECK(nearest_key("listen", "memory") == "cache.memory");
  CHECK(nearest_key("authorization_server", "client_secret") == "authorization_server.client_secret_file");
  CHECK(nearest_key("admin", "unix_mod") == "admin.unix_mode");
  CHECK(nearest_key("cache", "completely_different").empty());
  CHECK(nearest_key("cache", std::string(100000, 'x')).empty());
  CHECK(nearest_section("cach") == "cache");
  CHECK(nearest_section("authorisation_server") == "authorization_server");
  CHECK(nearest_section("upstream").empty());
  CHECK(nearest_key("cache", "hold") == "revocation.hold");
  CHECK(nearest_key("authorization_server.poll", "endpoints") == "authorization_server.poll.endpoint");
}

TEST_CASE("options: the words of an error tell the range") {
  CHECK(describe_expected(*find_option("authorization_server.timeout")) == "a duration from 10ms to 30s");
  CHECK(describe_expected(*find_option("cache.memory")) == "a size from 8MiB to 64GiB");
  CHECK(describe_expected(*find_option("listen.caller_auth")) == "one of \"required\", \"none\"");
  for (const Option& option : options()) CHECK_FALSE(describe_expected(option).empty());
}

}  // namespace introspectd::app
