// What needs more than one value or a file: F4, F6, F8, F9, F10, F13.
#include "app/config_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "conf_fixture.h"

namespace introspectd::app {

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

TEST_CASE_FIXTURE(ConfFixture, "config_file: a file that cannot be read is a problem of its own (F12)") {
  const auto missing = load_configuration("/etc/introspectd/introspectd.conf", world);
  REQUIRE_FALSE(missing);
  CHECK(format_problem("/etc/introspectd/introspectd.conf", missing.error()[0]) ==
        "config: introspectd.conf:1: file: expected a readable configuration, got none: No such file or "
        "directory");
  files.put("/c", {std::string(kConfigBytesMost + 1, '#')});
  CHECK_FALSE(load_configuration("/c", world));
  files.put("/c", {kServer});
  CHECK(load_configuration("/c", world).has_value());
}

}  // namespace introspectd::app
