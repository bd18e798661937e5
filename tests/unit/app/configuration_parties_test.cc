// Authorization servers and callers: their secrets (F5), their names, what they may share.
#include "app/config_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "app/secret_file.h"
#include "conf_fixture.h"

namespace introspectd::app {

TEST_CASE_FIXTURE(ConfFixture,
                  "configuration_parties: a secret file that is missing or empty is refused (F5)") {
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
                  "configuration_parties: a secret that world or a foreign group may read is refused (F5)") {
  const std::string at =
      "5: authorization_server.client_secret_file: expected a file for the daemon and its group (900) only";
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

TEST_CASE_FIXTURE(
    ConfFixture,
    "configuration_parties: one trailing line end of a secret is trimmed, more is refused (STD 9.07)") {
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

TEST_CASE_FIXTURE(ConfFixture,
                  "secret_file: a rotated secret is read again from where the configuration says (F63)") {
  const Configuration configuration = accepted(kServer);
  const std::string& name = configuration.authorization_servers[0].client_secret_file;
  files.put(name, {"rotated\n"});
  CHECK(read_secret_file(name, world)->reveal() == "rotated");
  files.put(name, {"rotated\n", 0644, 900});
  CHECK(read_secret_file(name, world).error().got == "\"/etc/introspectd/main.secret\" with mode \"0644\"");
}

TEST_CASE_FIXTURE(ConfFixture,
                  "configuration_parties: a name without a slash is a systemd credential (STD 9.07)") {
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

TEST_CASE_FIXTURE(ConfFixture,
                  "configuration_parties: a secret written in place of its file's name is never echoed") {
  for (const char* value : {"\"hunter2\"", "\"hunter2/with/slashes\"", "[\"hunter2\"]"}) {
    const std::string found = problems(replaced(kServer, "\"/etc/introspectd/main.secret\"", value));
    CAPTURE(found);
    CHECK(found.find("client_secret_file: expected") != std::string::npos);
    CHECK(found.find("hunter2") == std::string::npos);
  }
}

TEST_CASE_FIXTURE(ConfFixture,
                  "configuration_parties: an authorization server is needed, each by a name of its own") {
  CHECK_REFUSED("", "1: authorization_server: ", "at least one");
  CHECK_REFUSED(kServer + kServer, "7: authorization_server.name: ", "\"main\" twice");
  for (const char* name : {"a b", "a/b", "é", ".hidden", ".."}) {
    CHECK_REFUSED(replaced(kServer, "\"main\"", "\"" + std::string(name) + "\""),
                  "2: authorization_server.name: ", "letters");
  }
}

TEST_CASE_FIXTURE(ConfFixture,
                  "configuration_parties: client authentication has what it needs and nothing else") {
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
                  "configuration_parties: a caller is known by something, and by nothing that is another's") {
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

TEST_CASE_FIXTURE(ConfFixture, "configuration_parties: a caller has two secrets while they rotate") {
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

TEST_CASE_FIXTURE(ConfFixture,
                  "configuration_parties: 64 audience names are taken in all, a 65th is refused") {
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

TEST_CASE_FIXTURE(ConfFixture, "configuration_parties: a caller names an authorization server that exists") {
  const std::string second = replaced(kServer, "\"main\"", "\"other\"");
  CHECK(accepted(kServer + second + kCaller + "authorization_server = \"other\"\n")
            .settings.callers[0]
            .authorization_server == 1);
  CHECK(accepted(kServer + second + kCaller).settings.callers[0].authorization_server == 0);
  CHECK_REFUSED(kServer + kCaller + "authorization_server = \"othr\"\n",
                "9: caller.authorization_server: ", "\"othr\"");
}

TEST_CASE_FIXTURE(ConfFixture,
                  "configuration_parties: a caller's share of the questions is half by default") {
  CHECK(accepted(kServer + kCaller).settings.callers[0].max_in_flight == 128);
  CHECK(accepted(server_with("max_in_flight = 1") + kCaller).settings.callers[0].max_in_flight == 1);
  CHECK(accepted(kServer + kCaller + "max_in_flight = 7\n").settings.callers[0].max_in_flight == 7);
}

}  // namespace introspectd::app
