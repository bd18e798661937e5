// What needs more than one value or a file: F4, F5, F6, F8, F9, F10, F13, and where each option ends up.
#include "app/config_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "conf_fixture.h"

namespace introspectd::app {
namespace {

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

std::string server_with(const std::string& line) {
  return kServer + line + "\n";
}
std::string endpoint(const std::string& url) {
  return replaced(kServer, "https://as.example.com/oauth2/introspect", url);
}

}  // namespace

TEST_CASE_FIXTURE(ConfFixture, "config_file: an endpoint is https, or http on loopback (F4)") {
  for (const char* url : {"https://as.example.com/i", "http://127.0.0.1:4000/i", "http://127.9.9.9/i",
                          "http://[::1]:4000/i", "http://localhost:4000/i"}) {
    CAPTURE(url);
    CHECK(problems(endpoint(url)).empty());
  }
  for (const char* url : {"http://as.example.com/i", "http://10.0.0.1/i", "http://localhost.example.com/i",
                          "http://127.0.0.1.example.com/i", "http://128.0.0.1/i", "http://[::2]/i"}) {
    CAPTURE(url);
    CHECK_REFUSED(endpoint(url), "3: authorization_server.introspection_endpoint: expected https",
                  "got http to ");
  }
  CHECK_REFUSED(endpoint("ftp://as.example.com/"),
                "3: authorization_server.introspection_endpoint: ", "https URL");
  CHECK_REFUSED(server_with("revocation_endpoint = \"http://as.example.com/r\""),
                "6: authorization_server.revocation_endpoint: ", "expected https");
  // User information is a secret.
  const std::string found = problems(endpoint("https://node:hunter2@as.example.com/i"));
  CHECK(found.find("without user information") != std::string::npos);
  CHECK(found.find("hunter2") == std::string::npos);
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: a secret file that is missing or empty is refused (F5)") {
  const std::string at = "5: authorization_server.client_secret_file: ";
  files.remove("/etc/introspectd/main.secret");
  CHECK_REFUSED(kServer, at, "\"/etc/introspectd/main.secret\": none: No such file");
  files.put("/etc/introspectd/main.secret", {""});
  CHECK_REFUSED(kServer, at, "which is empty");
  files.put("/etc/introspectd/main.secret", {"\n"});
  CHECK_REFUSED(kServer, at, "which is empty");
  files.put("/etc/introspectd/main.secret", {std::string(4096, 's')});
  CHECK(problems(kServer).empty());
  files.put("/etc/introspectd/main.secret", {std::string(4097, 's')});
  CHECK_REFUSED(kServer, at, "more than 4096 bytes");
}

TEST_CASE_FIXTURE(ConfFixture,
                  "config_file: a secret that world or a foreign group may read is refused (F5)") {
  const std::string at =
      "5: authorization_server.client_secret_file: expected a file for the daemon and its group only";
  for (const std::uint32_t mode : {0400U, 0600U, 0640U, 0440U, 0660U}) {
    files.put("/etc/introspectd/main.secret", {"x", mode, 900});
    CHECK(problems(kServer).empty());
  }
  for (const std::uint32_t mode : {0604U, 0644U, 0602U, 0601U, 0777U}) {
    files.put("/etc/introspectd/main.secret", {"x", mode, 900});
    CHECK_REFUSED(kServer, at, "with mode \"0");
  }
  for (const std::uint32_t mode : {0640U, 0620U, 0610U}) {
    files.put("/etc/introspectd/main.secret", {"x", mode, 901});
    CHECK_REFUSED(kServer, at, "with mode \"0");
  }
  files.put("/etc/introspectd/main.secret", {"x", 0600, 901});
  CHECK(problems(kServer).empty());
}

TEST_CASE_FIXTURE(ConfFixture,
                  "config_file: one trailing line end of a secret is trimmed, more is refused (STD 9.07)") {
  for (const auto* text : {"hunter2", "hunter2\n"}) {
    files.put("/etc/introspectd/main.secret", {text});
    CHECK(accepted(kServer).settings.authorization_servers[0].credential.client_secret.reveal() == "hunter2");
  }
  files.put("/etc/introspectd/main.secret", {" hunter 2 \n"});
  CHECK(accepted(kServer).settings.authorization_servers[0].credential.client_secret.reveal() ==
        " hunter 2 ");
  for (const auto* text : {"hunter2\n\n", "hunter2\r\n", "hun\nter2", "\nhunter2", "hunter2\t"}) {
    files.put("/etc/introspectd/main.secret", {text});
    CHECK_REFUSED(kServer, "5: authorization_server.client_secret_file: ", "control characters");
    CHECK(problems(kServer).find("hunter2") == std::string::npos);
  }
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: a name without a slash is a systemd credential (STD 9.07)") {
  const std::string named = replaced(kServer, "/etc/introspectd/main.secret", "main.secret");
  CHECK_REFUSED(named, "5: authorization_server.client_secret_file: ", "started without systemd credentials");
  world.credentials_directory = "/run/credentials/introspectd.service";
  CHECK_REFUSED(named, "5: authorization_server.client_secret_file: ", "a credential: none");
  // systemd shows the mask of its ACL as group permissions of a foreign group.
  files.put("/run/credentials/introspectd.service/main.secret", {"from-systemd", 0440, 0});
  CHECK(accepted(named).settings.authorization_servers[0].credential.client_secret.reveal() ==
        "from-systemd");
  const std::string by_path =
      replaced(kServer, "/etc/introspectd/main.secret", "/run/credentials/introspectd.service/main.secret");
  CHECK(problems(by_path).empty());
  files.put("/run/credentials/introspectd.service/main.secret", {"from-systemd", 0444, 0});
  CHECK_REFUSED(named, "5: authorization_server.client_secret_file: ", "with mode \"0444\"");
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: a secret written in place of its file's name is never echoed") {
  for (const char* value : {"\"hunter2\"", "\"hunter2/with/slashes\"", "[\"hunter2\"]"}) {
    const std::string found = problems(replaced(kServer, "\"/etc/introspectd/main.secret\"", value));
    CAPTURE(found);
    CHECK(found.find("client_secret_file: expected") != std::string::npos);
    CHECK(found.find("hunter2") == std::string::npos);
  }
}

TEST_CASE_FIXTURE(ConfFixture,
                  "config_file: a CA file that is missing or without certificates is refused (F6)") {
  const std::string conf = server_with("ca_file = \"/ca.pem\"");
  const std::string at = "6: authorization_server.ca_file: ";
  CHECK_REFUSED(conf, at, "\"/ca.pem\": none: No such file");
  files.put("/ca.pem", {""});
  CHECK_REFUSED(conf, at, "without any");
  files.put("/ca.pem", {"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"});
  CHECK_REFUSED(conf, at, "without any");
  files.put("/ca.pem", {"-----BEGIN CERTIFICATE-----\nMIIB"});
  CHECK_REFUSED(conf, at, "without any");
  files.put("/ca.pem", {"# comment\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"});
  CHECK(problems(conf).empty());
  CHECK_REFUSED(server_with("ca_file = \"ca.pem\""), at, "an absolute path");
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: the default CA file is needed for https only (F6)") {
  files.remove("/etc/ssl/certs/ca-certificates.crt");
  CHECK_REFUSED(kServer, "1: authorization_server.ca_file: ", "No such file");
  CHECK(problems(endpoint("http://127.0.0.1:4000/i")).empty());
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: times that contradict each other are refused (F8)") {
  CHECK(problems("[cache]\nttl = \"10s\"\nnegative_ttl = \"10s\"\n" + kServer).empty());
  CHECK_REFUSED("[cache]\nttl = \"10s\"\nnegative_ttl = \"10001ms\"\n" + kServer,
                "3: cache.negative_ttl: ", "at most ttl, 10s, got \"10001ms\"");
  CHECK_REFUSED("[cache]\nttl = \"10s\"\nttl_without_exp = \"11s\"\n" + kServer,
                "3: cache.ttl_without_exp: ", "at most ttl");
  CHECK(problems("[listen]\nrequest_timeout = \"2001ms\"\n" + kServer).empty());
  CHECK_REFUSED("[listen]\nrequest_timeout = \"2s\"\n" + kServer,
                "3: authorization_server.timeout: ", "less than listen.request_timeout, 2s, got \"2s\"");
  CHECK(problems(server_with("timeout = \"500ms\"")).empty());
  CHECK_REFUSED(server_with("timeout = \"499ms\""),
                "1: authorization_server.connect_timeout: ", "at most timeout, 499ms");
  CHECK_REFUSED(server_with("connect_timeout = \"2001ms\""),
                "6: authorization_server.connect_timeout: ", "at most timeout, 2s");
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: defaults never contradict a short ttl") {
  const Configuration short_lived = accepted("[cache]\nttl = \"2s\"\n" + kServer);
  CHECK(short_lived.settings.cache.negative_ttl == std::chrono::seconds{2});
  CHECK(short_lived.settings.cache.ttl_without_exp == std::chrono::seconds{2});
  const Configuration always_asks = accepted("[cache]\nttl = \"0s\"\n" + kServer);
  CHECK(always_asks.settings.cache.negative_ttl == Duration::zero());
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: a socket path is at most 107 bytes and free or a socket (F9)") {
  const std::string longest = "/" + std::string(106, 's');
  CHECK(accepted("[listen]\nunix = \"" + longest + "\"\n" + kServer).listen_unix->path == longest);
  CHECK_REFUSED("[listen]\nunix = \"" + longest + "s\"\n" + kServer, "2: listen.unix: ", "at most 107 bytes");
  CHECK_REFUSED("[admin]\nunix = \"" + longest + "s\"\n" + kServer, "2: admin.unix: ", "at most 107 bytes");
  CHECK_REFUSED("[listen]\nunix = \"relative.sock\"\n" + kServer, "2: listen.unix: ", "an absolute path");
  files.put("/run/a.sock", {"a regular file"});
  CHECK_REFUSED("[listen]\nunix = \"/run/a.sock\"\n" + kServer,
                "2: listen.unix: ", "which is something else");
  CHECK_REFUSED("[admin]\nunix = \"/run/a.sock\"\n" + kServer, "2: admin.unix: ", "which is something else");
  files.put_socket("/run/a.sock");
  CHECK(problems("[listen]\nunix = \"/run/a.sock\"\n" + kServer).empty());
  CHECK_REFUSED("[listen]\nunix = \"/run/a.sock\"\n[admin]\nunix = \"/run/a.sock\"\n" + kServer,
                "4: admin.unix: ", "the same");
}

TEST_CASE_FIXTURE(ConfFixture,
                  "config_file: callers over TCP are on loopback, whatever the authentication (F10)") {
  for (const char* auth : {"required", "none"}) {
    const std::string head = "[listen]\ncaller_auth = \"" + std::string(auth) + "\"\ntcp = ";
    for (const char* inside : {"127.0.0.1:7662", "127.255.255.255:1", "[::1]:7662"}) {
      CHECK(problems(head + "[\"" + inside + "\"]\n" + kServer + kCaller).empty());
    }
    for (const char* outside :
         {"0.0.0.0:7662", "[::]:7662", "128.0.0.0:7662", "126.255.255.255:7662", "192.0.2.1:7662"}) {
      CAPTURE(outside);
      CHECK_REFUSED(head + "[\"127.0.0.1:7662\", \"" + outside + "\"]\n" + kServer + kCaller,
                    "3: listen.tcp: ", "loopback");
    }
  }
  CHECK_REFUSED("[listen]\ntcp = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n" + kServer + kCaller,
                "2: listen.tcp: ", "twice");
}

TEST_CASE_FIXTURE(
    ConfFixture,
    "config_file: a TCP listener needs a caller that can authenticate, or none said out loud (F10)") {
  const std::string tcp = "[listen]\ntcp = [\"127.0.0.1:7662\"]\n";
  CHECK_REFUSED(tcp + kServer, "2: listen.tcp: ", "a [[caller]] with a secret_file");
  CHECK_REFUSED(tcp + kServer + "[[caller]]\nid = \"a\"\nuid = 1000\n",
                "2: listen.tcp: ", "a [[caller]] with a secret_file");
  CHECK(problems(tcp + kServer + kCaller).empty());
  CHECK(problems(tcp + "caller_auth = \"none\"\n" + kServer).empty());
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: something must be listened on") {
  CHECK_REFUSED("[listen]\nunix = \"\"\n" + kServer, "2: listen.unix: ", "neither");
  const Configuration tcp_only =
      accepted("[listen]\nunix = \"\"\ntcp = \"[::1]:7662\"\n" + kServer + kCaller);
  CHECK_FALSE(tcp_only.listen_unix);
  CHECK(tcp_only.listen_tcp == std::vector<TcpAddress>{{"::1", 7662}});
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: the admin's TCP address is on loopback and its own") {
  CHECK(accepted("[admin]\ntcp = \"127.0.0.1:9662\"\n" + kServer).admin_tcp == TcpAddress{"127.0.0.1", 9662});
  CHECK_FALSE(accepted(kServer).admin_tcp);
  CHECK_REFUSED("[admin]\ntcp = \"0.0.0.0:9662\"\n" + kServer, "2: admin.tcp: ", "loopback");
  CHECK_REFUSED("[listen]\ntcp = \"127.0.0.1:1\"\n[admin]\ntcp = \"127.0.0.1:1\"\n" + kServer + kCaller,
                "4: admin.tcp: ", "another");
  CHECK_REFUSED("[admin]\ntcp = \"9662\"\n" + kServer, "2: admin.tcp: ", "an address and port");
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: a budget over the control group's limit is refused (F13)") {
  world.memory_limit = 64ULL << 20U;
  CHECK(problems(kServer).empty());
  world.memory_limit = (64ULL << 20U) - 1;
  CHECK_REFUSED(kServer,
                "1: cache.memory: ", "the memory limit of the control group, 67108863B, got \"64MiB\"");
  CHECK(problems("[cache]\nmemory = \"63MiB\"\n" + kServer).empty());
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: aliases are plain paths, none of the daemon's own") {
  CHECK(accepted("[listen]\npaths = [\"/oauth2/introspect\", \"/introspection\"]\n" + kServer)
            .settings.listen.paths.size() == 2);
  for (const char* path : {"oauth2", "/introspect", "/introspect/main", "/revoke", "/auth", "/auth/x",
                           "/.well-known/x", "/a?b", "/a#b", "/a%20b", "/a b", "/é"}) {
    CAPTURE(path);
    CHECK_REFUSED("[listen]\npaths = [\"" + std::string(path) + "\"]\n" + kServer,
                  "2: listen.paths: ", "none of the daemon's own");
  }
  CHECK_REFUSED("[listen]\npaths = [\"/a\", \"/a\"]\n" + kServer, "2: listen.paths: ", "twice");
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: an authorization server is needed, each by a name of its own") {
  CHECK_REFUSED("", "1: authorization_server: ", "at least one");
  CHECK_REFUSED(kServer + kServer, "7: authorization_server.name: ", "\"main\" twice");
  for (const char* name : {"a b", "a/b", "é", ".hidden", ".."}) {
    CHECK_REFUSED(replaced(kServer, "\"main\"", "\"" + std::string(name) + "\""),
                  "2: authorization_server.name: ", "letters");
  }
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: client authentication has what it needs and nothing else") {
  const std::string bare =
      "[[authorization_server]]\nname = \"m\"\nintrospection_endpoint = \"https://h/i\"\n";
  const std::string both = problems(bare);
  CHECK(both.find("authorization_server.client_id: expected a client id") != std::string::npos);
  CHECK(both.find("authorization_server.client_secret_file: expected a file") != std::string::npos);
  CHECK(problems(bare + "client_auth = \"none\"\n").empty());
  CHECK_REFUSED(server_with("client_auth = \"none\""),
                "5: authorization_server.client_secret_file: expected none", "got one");
  CHECK_REFUSED(server_with("client_auth = \"client_secret_post\"\nraw_basic = true"),
                "7: authorization_server.raw_basic: ", "false");
  const auto method = [&](const char* word) {
    return accepted(server_with("client_auth = \"" + std::string(word) + "\""))
        .settings.authorization_servers[0]
        .credential.method;
  };
  CHECK(method("client_secret_basic") == oauth::ClientAuth::kClientSecretBasic);
  CHECK(method("client_secret_post") == oauth::ClientAuth::kClientSecretPost);
  CHECK(accepted(bare + "client_auth = \"none\"\n").settings.authorization_servers[0].credential.method ==
        oauth::ClientAuth::kNone);
}

TEST_CASE_FIXTURE(ConfFixture,
                  "config_file: a caller is known by something, and by nothing that is another's") {
  CHECK_REFUSED(kServer + "[[caller]]\nid = \"a\"\n", "7: caller.id: ", "a secret_file, uid or gid");
  CHECK_REFUSED(kServer + kCaller + "[[caller]]\nid = \"orders\"\nuid = 1\n",
                "10: caller.id: ", "\"orders\" twice");
  const std::string two = kServer + "[[caller]]\nid = \"a\"\nuid = [1, 2]\ngid = 7\n[[caller]]\nid = \"b\"\n";
  CHECK(problems(two + "uid = 3\ngid = 8\n").empty());
  CHECK_REFUSED(two + "uid = [3, 2]\n", "12: caller.uid: ", "one of \"a\"");
  CHECK_REFUSED(two + "gid = 7\n", "12: caller.gid: ", "one of \"a\"");
  files.put("/same", {"s3cret-of-orders"});
  CHECK_REFUSED(kServer + kCaller + "[[caller]]\nid = \"b\"\nsecret_file = \"/same\"\n",
                "11: caller.secret_file: ", "that of \"orders\"");
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: a caller has two secrets while they rotate") {
  files.put("/old", {"old\n"});
  const Configuration rotating = accepted(kServer + kCaller + "secret_file_previous = \"/old\"\n");
  const auto& secrets = rotating.settings.callers[0].secrets;
  REQUIRE(secrets.size() == 2);
  CHECK(secrets[0].reveal() == "s3cret-of-orders");
  CHECK(secrets[1].reveal() == "old");
  CHECK_REFUSED(kServer + "[[caller]]\nid = \"a\"\nsecret_file_previous = \"/old\"\n",
                "8: caller.secret_file_previous: ", "a secret_file beside it");
  CHECK_REFUSED(kServer + kCaller + "secret_file_previous = \"/gone\"\n",
                "9: caller.secret_file_previous: ", "No such file");
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: 64 audience names are taken in all, a 65th is refused") {
  const auto callers = [](int names) {
    std::string text;
    for (int i = 0; i < names; ++i) {
      const std::string n = std::to_string(i);
      text += "[[caller]]\nid = \"c" + n + "\"\nuid = " + n + "\naudience = [\"urn:" + n + "\", \"urn:0\"]\n";
    }
    return text;
  };
  const Configuration full = accepted(kServer + callers(64));
  CHECK(full.settings.callers[63].audience ==
        (full.settings.audiences.find("urn:63") | full.settings.audiences.find("urn:0")));
  CHECK(accepted(kServer + kCaller).settings.callers[0].audience == 0);
  CHECK_REFUSED(kServer + callers(65), "265: caller.audience: ", "at most 64 names");
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: a caller names an authorization server that exists") {
  const std::string second = replaced(kServer, "\"main\"", "\"other\"");
  CHECK(accepted(kServer + second + kCaller + "authorization_server = \"other\"\n")
            .settings.callers[0]
            .authorization_server == 1);
  CHECK(accepted(kServer + second + kCaller).settings.callers[0].authorization_server == 0);
  CHECK_REFUSED(kServer + kCaller + "authorization_server = \"othr\"\n",
                "9: caller.authorization_server: ", "\"othr\"");
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: a caller's share of the questions is half by default") {
  CHECK(accepted(kServer + kCaller).settings.callers[0].max_in_flight == 128);
  CHECK(accepted(server_with("max_in_flight = 1") + kCaller).settings.callers[0].max_in_flight == 1);
  CHECK(accepted(kServer + kCaller + "max_in_flight = 7\n").settings.callers[0].max_in_flight == 7);
}

TEST_CASE_FIXTURE(ConfFixture, "config_file: a file that cannot be read is a problem of its own (F12)") {
  const auto missing = load_configuration("/etc/introspectd/introspectd.conf", world);
  REQUIRE_FALSE(missing);
  CHECK(format_problem("/etc/introspectd/introspectd.conf", missing.error()[0]) ==
        "config: introspectd.conf:1: file: expected a readable configuration, got none: No such file or "
        "directory");
  files.put("/c", {std::string(kConfigBytesMost + 1, '#')});
  CHECK_FALSE(load_configuration("/c", world));
  files.put("/c", {kServer});
  CHECK(load_configuration("/c", world));
}

}  // namespace introspectd::app
