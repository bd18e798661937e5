// Events of authorization servers and webhooks: what they need to be believed.
#include "app/config_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "conf_fixture.h"

namespace introspectd::app {
namespace {

const std::string kIssuer = "issuer = \"https://as.example.com\"\n";
const std::string kKeys = "jwks_uri = \"https://as.example.com/jwks\"\n";
const std::string kAudience = "event_audience = [\"node\"]\n";
const std::string kPoll = "[authorization_server.poll]\nendpoint = \"https://as.example.com/poll\"\n";
const std::string kVerification =
    "[authorization_server.verification]\nendpoint = \"https://as.example.com/verify\"\nstream_id = \"s\"\n";
const std::string kNotify = "[notify]\ntcp = \"127.0.0.1:8935\"\n";
const std::string kWebhook =
    "[[webhook]]\nname = \"portal\"\nsecret_file = \"/etc/introspectd/portal.key\"\nsignature_header = \"X-S\"\n";

std::string webhook(const std::string& lines) { return kNotify + kServer + kWebhook + lines + "\n"; }

}  // namespace

TEST_CASE_FIXTURE(ConfFixture, "configuration_events: a channel of events that nobody could believe is refused") {
  const std::string all = kServer + kIssuer + kKeys + kAudience + kPoll;
  CHECK(problems(all).empty());
  CHECK_REFUSED(replaced(all, kIssuer, ""), "9: authorization_server.poll.endpoint: ", "got no issuer");
  CHECK_REFUSED(replaced(all, kKeys, ""), "9: authorization_server.poll.endpoint: ", "got no jwks_uri");
  CHECK_REFUSED(replaced(all, kAudience, ""), "9: authorization_server.poll.endpoint: ", "got no event_audience");
  CHECK_REFUSED(kServer + kPoll, "7: authorization_server.poll.endpoint: ",
                "issuer, jwks_uri and event_audience of its authorization server, to believe its events, got no "
                "issuer, jwks_uri, event_audience");
  CHECK_REFUSED(kNotify + kServer + kVerification, "9: authorization_server.verification.endpoint: ",
                "got no issuer, jwks_uri, event_audience");
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_events: a verification needs a way for its event to arrive") {
  const std::string believed = kServer + kIssuer + kKeys + kAudience;
  CHECK(problems(kNotify + believed + kVerification).empty());
  CHECK(problems(believed + kPoll + kVerification).empty());
  CHECK_REFUSED(believed + kVerification, "10: authorization_server.verification.endpoint: ",
                "notify.tcp or [authorization_server.poll] with it");
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_events: endpoints of events are https, or http on loopback (F4)") {
  const std::string all = kServer + kIssuer + kKeys + kAudience + kPoll + kVerification;
  for (const char* path : {"/jwks", "/poll", "/verify"}) {
    CAPTURE(path);
    const std::string url = "https://as.example.com" + std::string(path);
    CHECK_REFUSED(replaced(all, url, "http://as.example.com/x"), "", "https, as its host is not loopback");
    CHECK_REFUSED(replaced(all, url, "https://u:p@as.example.com/x"), "", "without user information");
    CHECK(problems(replaced(all, url, "http://127.0.0.1/x")).empty());
  }
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_events: any https endpoint needs certificates to be judged by (F6)") {
  files.remove("/etc/ssl/certs/ca-certificates.crt");
  const std::string plain = endpoint("http://127.0.0.1/i") + kIssuer + kKeys + kAudience + kPoll + kVerification;
  const auto local = [](std::string text, const std::string& path) {
    return replaced(std::move(text), "https://as.example.com" + path, "http://127.0.0.1" + path);
  };
  CHECK(problems(local(local(local(plain, "/jwks"), "/poll"), "/verify")).empty());
  CHECK_REFUSED(local(local(plain, "/jwks"), "/poll"), "1: authorization_server.ca_file: ", "none: No such file");
  CHECK_REFUSED(local(local(plain, "/jwks"), "/verify"), "1: authorization_server.ca_file: ", "none: No such file");
  CHECK_REFUSED(local(local(plain, "/poll"), "/verify"), "1: authorization_server.ca_file: ", "none: No such file");
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_events: a quiet poll must not look like a lost channel (F8)") {
  const std::string all = kServer + kIssuer + kKeys + kAudience + kPoll;
  const auto with = [&](const std::string& timeout) {
    return all + "long_poll = \"5s\"\n[revocation]\nchannel_timeout = \"" + timeout + "\"\n";
  };
  CHECK_REFUSED(with("5s"), "11: authorization_server.poll.long_poll: ", "less than revocation.channel_timeout, 5s");
  CHECK(problems(with("5001ms")).empty());
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_events: what is never used is told, and no mistake") {
  const std::string unused = "never used, as there is no notify.tcp";
  CHECK(notices(kServer + kIssuer).empty());   // admins name an authorization server by its issuer
  CHECK(notices(kServer + kIssuer + kKeys + kAudience).find("conf:7: authorization_server.jwks_uri: notice: " + unused) !=
        std::string::npos);
  CHECK(notices(kNotify + kServer + kIssuer + kKeys + kAudience).empty());
  CHECK(notices(kServer + kIssuer + kKeys + kAudience + kPoll).empty());
  CHECK(notices(kNotify + kServer + kKeys + kAudience).find("signed events need issuer") != std::string::npos);
  files.put("/g", {"x"});
  CHECK(notices(server_with("global_revocation_bearer_file = \"/g\"")).find(unused) != std::string::npos);
  CHECK(notices(server_with("assume_live = true")).find("without any proof") != std::string::npos);
  CHECK(notices("[cache]\nttl_live = \"1m\"\n" + kServer).find("2: cache.ttl_live: notice: never used") !=
        std::string::npos);
  CHECK(notices("[cache]\nttl_live = \"1m\"\n" + kServer + kIssuer + kKeys + kAudience + kPoll).empty());
  CHECK(notices(kServer + kWebhook + "sub = \"/s\"\n").find("webhook.name: notice: " + unused) != std::string::npos);
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_events: a webhook without a secret is refused (F5)") {
  CHECK(problems(webhook("sub = \"/user/id\"")).empty());
  CHECK_REFUSED(replaced(webhook("sub = \"/s\""), "secret_file = \"/etc/introspectd/portal.key\"\n", ""),
                "8: webhook.secret_file: ", "got nothing");
  files.put("/etc/introspectd/portal.key", {""});
  CHECK_REFUSED(webhook("sub = \"/s\""), "10: webhook.secret_file: ", "which is empty");
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_events: a webhook names tokens by what its kind takes") {
  for (const char* lines :
       {"sub = \"/s\"", "kind = \"logout\"\nsid = \"/s\"", "kind = \"hold\"\nclient_id = \"/s\"", "jti = \"/s\"",
        "kind = \"dead\"\ntoken = \"/t\"", "kind = \"dead\"\ntoken_sha256 = \"/t\""}) {
    CAPTURE(lines);
    CHECK(problems(webhook(lines)).empty());
  }
  for (const char* lines : {"time = \"/t\"", "token = \"/t\"", "sub = \"/s\"\ntoken = \"/t\"", "kind = \"dead\"",
                            "kind = \"dead\"\nsub = \"/s\"", "kind = \"dead\"\nsub = \"/s\"\ntoken = \"/t\""}) {
    CAPTURE(lines);
    CHECK(problems(webhook(lines)).find("webhook.kind: expected ") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_events: names, pointers and fields of a webhook are checked") {
  CHECK_REFUSED(webhook("sub = \"user\""), "12: webhook.sub: ", "a JSON pointer such as \"/user/id\", got \"user\"");
  CHECK_REFUSED(webhook("sub = \"/a~2\""), "12: webhook.sub: ", "a JSON pointer");
  CHECK_REFUSED(webhook("sub = \"/s\"\nonly = \"/type\""), "8: webhook.only_values: ", "go together");
  CHECK_REFUSED(webhook("sub = \"/s\"\nonly_values = \"x\""), "8: webhook.only: ", "go together");
  CHECK_REFUSED(webhook("sub = \"/s\"\nauthorization_server = \"other\""), "13: webhook.authorization_server: ",
                "the name of an [[authorization_server]]");
  CHECK_REFUSED(webhook("sub = \"/s\"\ntimestamp_header = \"X T\""), "13: webhook.timestamp_header: ",
                "the name of a header field");
  CHECK_REFUSED(replaced(webhook("sub = \"/s\""), "X-S", "X:S"), "11: webhook.signature_header: ",
                "the name of a header field");
  CHECK_REFUSED(replaced(webhook("sub = \"/s\""), "\"portal\"", "\"a/b\""), "9: webhook.name: ", "letters, digits");
  CHECK_REFUSED(webhook("sub = \"/s\"") + kWebhook + "sub = \"/s\"\n", "14: webhook.name: ", "each name once");
}

}  // namespace introspectd::app
