// The notify listener, revocation and the fleet: what is refused, and what is only told.
#include "app/config_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "conf_fixture.h"

namespace introspectd::app {
namespace {

const std::string kKey = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";

struct TlsFixture : ConfFixture {
  TlsFixture() {
    files.put("/tls/chain.pem", {"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", 0644, 0});
    files.put("/tls/key.pem", {kKey});
  }
  static std::string notify(const std::string& lines) { return "[notify]\n" + lines + "\n" + kServer; }
};

const std::string kTls = "tls_cert_file = \"/tls/chain.pem\"\ntls_key_file = \"/tls/key.pem\"\n";
const std::string kFleet = "[revocation]\nstate_dir = \"/s\"\n[fleet]\nredis = \"redis://localhost:1/0\"\n";
const std::string kFleetKey = "key_file = \"/etc/introspectd/fleet.key\"\n";

}  // namespace

TEST_CASE_FIXTURE(TlsFixture, "configuration_revocation: off loopback the notify listener speaks TLS or is refused") {
  CHECK(problems(notify("tcp = [\"127.0.0.1:8935\", \"[::1]:8935\"]")).empty());
  for (const char* address : {"0.0.0.0:8935", "192.0.2.1:8935", "[::]:8935"}) {
    CAPTURE(address);
    const std::string tcp = "tcp = [\"127.0.0.1:1\", \"" + std::string(address) + "\"]";
    CHECK_REFUSED(notify(tcp), "2: notify.tcp: ", "tls_cert_file and tls_key_file with others, got neither");
    CHECK(problems(notify(tcp + "\n" + kTls)).empty());
  }
  CHECK_REFUSED(notify("tls_cert_file = \"/tls/chain.pem\""), "1: notify.tls_key_file: ", "go together, got none");
  CHECK_REFUSED(notify("tls_key_file = \"/tls/key.pem\""), "1: notify.tls_cert_file: ", "go together, got none");
}

TEST_CASE_FIXTURE(TlsFixture, "configuration_revocation: certificate and key are read, private, and fit (F5, F7)") {
  const std::string conf = notify("tcp = \"0.0.0.0:8935\"\n" + kTls);
  files.put("/tls/key.pem", {kKey, 0644});
  CHECK_REFUSED(conf, "4: notify.tls_key_file: ", "with mode \"0644\"");
  files.remove("/tls/key.pem");
  CHECK_REFUSED(conf, "4: notify.tls_key_file: ", "No such file");
  files.put("/tls/key.pem", {std::string((1U << 20U) + 1, 'k')});
  CHECK_REFUSED(conf, "4: notify.tls_key_file: ", "more than 1048576 bytes");
  files.put("/tls/key.pem", {std::string(1U << 20U, 'k')});
  CHECK(problems(conf).empty());
  files.put("/tls/chain.pem", {"no PEM"});
  CHECK_REFUSED(conf, "3: notify.tls_cert_file: ", "without any");
  files.put("/tls/chain.pem", {"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"});
  std::string judged;
  world.judge_tls = [&](const std::string& cert, const std::string& key) -> std::optional<std::string> {
    judged = cert + " " + key;
    return "a key of another certificate";
  };
  CHECK_REFUSED(conf, "3: notify.tls_cert_file: ", "got a key of another certificate");
  CHECK(judged == "/tls/chain.pem /tls/key.pem");
  world.judge_tls = [](const std::string&, const std::string&) { return std::nullopt; };
  CHECK(problems(conf).empty());
}

TEST_CASE_FIXTURE(TlsFixture, "configuration_revocation: a TLS key may be a systemd credential (STD 9.07)") {
  world.credentials_directory = "/run/credentials/introspectd.service";
  files.put("/run/credentials/introspectd.service/notify.key", {kKey, 0440, 0});
  const Configuration read =
      accepted(notify("tcp = \"0.0.0.0:8935\"\ntls_cert_file = \"/tls/chain.pem\"\ntls_key_file = \"notify.key\""));
  CHECK(read.notify_tls->key_file == "/run/credentials/introspectd.service/notify.key");
}

TEST_CASE_FIXTURE(TlsFixture, "configuration_revocation: each address listens for one purpose") {
  CHECK_REFUSED(notify("tcp = [\"127.0.0.1:1\", \"127.0.0.1:1\"]"), "2: notify.tcp: ", "twice");
  CHECK_REFUSED(notify("tcp = \"127.0.0.1:1\"") + "[admin]\ntcp = \"127.0.0.1:1\"\n", "2: notify.tcp: ",
                "other addresses than those of listen.tcp and admin.tcp");
  CHECK_REFUSED(notify("tcp = \"127.0.0.1:1\"") + kCaller + "[listen]\ntcp = \"127.0.0.1:1\"\n", "2: notify.tcp: ",
                "other addresses than those of listen.tcp and admin.tcp");
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_revocation: state_dir is the unit's unless the conf says otherwise") {
  CHECK(accepted(kServer).state_dir.empty());
  world.state_directory = "/var/lib/introspectd";
  CHECK(accepted(kServer).state_dir == "/var/lib/introspectd");
  CHECK(accepted(kServer + "[revocation]\nstate_dir = \"\"\n").state_dir.empty());
  CHECK(accepted(kServer + "[revocation]\nstate_dir = \"/x\"\n").state_dir == "/x");
  CHECK_REFUSED(kServer + "[revocation]\nstate_dir = \"x\"\n", "7: revocation.state_dir: ", "an absolute path");
  CHECK(print_option_sets(accepted(kServer).effective).find("state_dir = \"/var/lib/introspectd\"") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_revocation: ttl_live is never less than ttl (F8)") {
  const auto cache = [](const std::string& lines) { return "[cache]\n" + lines + "\n" + kServer; };
  CHECK_REFUSED(cache("ttl = \"31s\"\nttl_live = \"30s\""), "3: cache.ttl_live: ", "at least ttl, 31s, got \"30s\"");
  CHECK(problems(cache("ttl = \"30s\"\nttl_live = \"30s\"")).empty());
  CHECK(accepted(cache("ttl = \"10m\"")).settings.cache.ttl_live == std::chrono::minutes{10});
  CHECK(accepted(cache("ttl = \"5m\"")).settings.cache.ttl_live == std::chrono::minutes{5});
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_revocation: clear that does no more than shorten is told (I13)") {
  const auto with = [](const std::string& lines) { return "[revocation]\n" + lines + "\n" + kServer; };
  const std::string clear = "on_channel_loss = \"clear\"\n";
  CHECK(notices(with(clear)).find("conf:2: revocation.on_channel_loss: notice: \"clear\" does no more than \"shorten\"") !=
        std::string::npos);
  CHECK(notices(with(clear + "channel_timeout = \"29s\"")).empty());
  CHECK(notices(with("on_channel_loss = \"shorten\"")).empty());
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_revocation: a fleet needs a disk, and is told what stays local") {
  CHECK_REFUSED("[fleet]\nredis = \"redis://r:1/0\"\n" + kServer, "2: fleet.redis: ",
                "revocation.state_dir with it, for the outbox and the cursor, got none");
  CHECK(notices(kFleet + kServer) ==
        "config: conf:3: fleet.key_file: notice: none: purges that no authorization server signed stay on this "
        "node, and no channel is proven alive, so that cache.ttl applies and cache.ttl_live does not\n");
  CHECK(notices(kFleet + kFleetKey + kServer).empty());
  CHECK_FALSE(accepted(kServer).fleet);
  CHECK(notices("[fleet]\n" + kFleetKey + kServer) ==
        "config: conf:2: fleet.key_file: notice: never used, as there is no fleet.redis\n");
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_revocation: a Redis beyond this machine is read on the way, which is said") {
  const auto notices_of = [this](const std::string& url) {
    return notices(replaced(kFleet + kFleetKey + kServer, "redis://localhost:1/0", url));
  };
  for (const char* url : {"redis://localhost", "redis://localhost/1", "redis://127.0.0.1:6379/0", "redis://127.0.0.2",
                          "redis://[::1]:6379/0", "unix:/run/redis.sock"}) {
    CAPTURE(url);
    CHECK(notices_of(url).empty());
  }
  for (const char* url : {"redis://redis.example.com", "redis://redis.example.com:6379/0", "redis://192.0.2.1:6379",
                          "redis://[2001:db8::1]:6379/0", "redis://[2001:db8::1]", "redis://localhost.example.com/0"}) {
    CAPTURE(url);
    CHECK(notices_of(url) ==
          "config: conf:4: fleet.redis: notice: not a loopback address, and Redis is spoken to without TLS: key_file "
          "keeps entries from being forged, not from being read on the way, and fleet.password_file is sent in the "
          "clear\n");
  }
}

TEST_CASE_FIXTURE(ConfFixture, "configuration_revocation: a Redis URL with a password is refused and not echoed") {
  for (const char* url : {"redis://:hunter2@r/0", "redis://u:hunter2@r/0", "redis://hunter2@r"}) {
    CAPTURE(url);
    const std::string conf = replaced(kFleet + kFleetKey + kServer, "redis://localhost:1/0", url);
    CHECK_REFUSED(conf, "4: fleet.redis: ", "fleet.password_file, got one with them");
    CHECK(problems(conf).find("hunter2") == std::string::npos);
  }
  for (const char* url : {"rediss://r", "http://r", "r:6379", "unix:run/redis.sock"}) {
    CAPTURE(url);
    CHECK_REFUSED(replaced(kFleet + kFleetKey + kServer, "redis://localhost:1/0", url), "4: fleet.redis: ",
                  "expected redis://HOST:PORT/DB or unix:/PATH, got \"" + std::string(url));
  }
  CHECK(problems(replaced(kFleet + kFleetKey + kServer, "redis://localhost:1/0", "unix:/run/redis.sock?db=1")).empty());
  world.judge_redis = [](const std::string& url) -> std::optional<std::string> { return "no port in " + url; };
  CHECK_REFUSED(kFleet + kFleetKey + kServer, "4: fleet.redis: ", "got no port in redis://localhost:1/0");
  world.judge_redis = {};
  CHECK_REFUSED(replaced(kFleet + kFleetKey, "[fleet]\n", "[fleet]\nuser = \"u\"\n") + kServer, "4: fleet.user: ",
                "a password_file with it");
}

}  // namespace introspectd::app
