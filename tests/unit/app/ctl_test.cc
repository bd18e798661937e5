#include "app/ctl.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "app/ctl_text.h"
#include "fake_files.h"

namespace introspectd::app {
namespace {

// SHA-256 of "abc" (FIPS 180-4).
const std::string kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

struct CtlFixture {
  FakeFiles files;
  std::string input;
  tl::expected<AdminReply, AdminError> reply = AdminReply{200, "{}"};
  std::vector<AdminRequest> asked;
  std::string asked_at;

  CtlOutcome run(const std::vector<std::string>& arguments) {
    return run_ctl(arguments, {&files, [this](std::size_t most) { return read(most); },
                               [this](const std::string& socket, const AdminRequest& request) {
                                 asked_at = socket;
                                 asked.push_back(request);
                                 return reply;
                               }});
  }
  tl::expected<Secret, std::string> read(std::size_t most) const {
    return Secret(std::string_view(input).substr(0, most + 1));
  }
};

const std::string kPurged = R"({"purged":true,"known":true,"authorization_servers":["main","b"]})";

}  // namespace

TEST_CASE_FIXTURE(CtlFixture, "ctl: purge sends the token's SHA-256, never the token (I44)") {
  reply = AdminReply{200, kPurged};
  for (const char* typed : {"abc", "abc\n", "abc\r\n"}) {
    input = typed;
    const CtlOutcome outcome = run({"purge"});
    CHECK(outcome.exit == CtlExit::kOk);
    CHECK(outcome.out == "purged at main, b: it was in the cache\n");
    CHECK(asked.back().method == "POST");
    CHECK(asked.back().path == "/purge");
    CHECK(asked.back().body == "{\"token_sha256\":\"" + kAbc + "\"}");
  }
  CHECK(asked_at == "/run/introspectd/admin.sock");
}

TEST_CASE_FIXTURE(CtlFixture, "ctl: purge takes a hash in place of the token, and an authorization server") {
  reply = AdminReply{200, R"({"purged":true,"known":false,"authorization_servers":["main"]})"};
  std::string upper = kAbc;
  for (char& c : upper) c = static_cast<char>(c >= 'a' ? c - 'a' + 'A' : c);
  const CtlOutcome outcome = run({"purge", "--sha256", upper, "--as", "ma\"in"});
  CHECK(outcome.exit == CtlExit::kOk);
  CHECK(outcome.out == "purged at main: it was not in the cache\n");
  CHECK(asked.back().body == "{\"token_sha256\":\"" + kAbc + "\",\"authorization_server\":\"ma\\\"in\"}");
}

TEST_CASE_FIXTURE(CtlFixture, "ctl: a token that is none is refused before the daemon is asked") {
  for (const std::string& wrong :
       {std::string(), std::string("\n"), std::string("a\nb"), std::string("a\tb"), std::string("\xC3\xA9"),
        std::string("a\n\n"), std::string(16385, 'a'), std::string(100000, 'a')}) {
    input = wrong;
    const CtlOutcome outcome = run({"purge"});
    CHECK(outcome.exit == CtlExit::kUsage);
    CHECK(outcome.err.rfind("introspectctl: expected ", 0) == 0);
    CHECK(outcome.err.size() < 120);
  }
  for (const std::string& wrong : {std::string("abc"), kAbc + "0", kAbc.substr(1), "g" + kAbc.substr(1)}) {
    CHECK(run({"purge", "--sha256", wrong}).exit == CtlExit::kUsage);
  }
  CHECK(asked.empty());
  reply = AdminReply{200, kPurged};
  input = std::string(16384, 'a') + "\r\n";
  CHECK(run({"purge"}).exit == CtlExit::kOk);
}

TEST_CASE_FIXTURE(CtlFixture, "ctl: purge by every key, and what the sweep has dropped") {
  reply = AdminReply{200, R"({"purged":true,"purges":1,"authorization_servers":["main"],"swept":true,"records":12})"};
  const auto body = [this](const std::vector<std::string>& arguments) {
    const CtlOutcome outcome = run(arguments);
    CHECK(outcome.exit == CtlExit::kOk);
    CHECK(outcome.out == "purged at main: 12 answers dropped\n");
    return asked.back().body;
  };
  CHECK(body({"purge", "--sub", "alice"}) == R"({"sub":"alice","wait":true})");
  CHECK(body({"purge", "--sid", "s", "--ask"}) == R"({"sid":"s","ask":true,"wait":true})");
  CHECK(body({"purge", "--client", "app", "--sub", "a"}) == R"({"sub":"a","client_id":"app","wait":true})");
  CHECK(body({"purge", "--jti", "j", "--as", "main"}) == R"({"jti":"j","wait":true,"authorization_server":"main"})");
  CHECK(body({"purge", "--all", "--issuer", "https://as.example.com"}) ==
        R"({"all":true,"wait":true,"issuer":"https://as.example.com"})");
  CHECK(body({"purge", "--issued-before", "now"}) == R"({"issued_before":"now","wait":true})");
  CHECK(body({"purge", "--issued-before", "1700000000", "--client", "app"}) ==
        R"({"client_id":"app","issued_before":1700000000,"wait":true})");
  CHECK(body({"purge", "--issued-before", "2023-11-14T22:13:20Z"}) == R"({"issued_before":1700000000,"wait":true})");
  reply = AdminReply{200, R"({"purged":true,"authorization_servers":["main"],"swept":false,"records":1})"};
  CHECK(run({"purge", "--sub", "alice"}).out == "purged at main: 1 answer dropped so far, the sweep goes on\n");
}

TEST_CASE_FIXTURE(CtlFixture, "ctl: purge options that contradict each other are refused before the daemon is asked") {
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"purge", "--sha256", kAbc, "--sub", "a"},
           {"purge", "--sha256", kAbc, "--all"},
           {"purge", "--ask"},
           {"purge", "--issued-before", "yesterday"}}) {
    const CtlOutcome outcome = run(wrong);
    CHECK(outcome.exit == CtlExit::kUsage);
    CHECK(outcome.err.find("expected") != std::string::npos);
  }
  CHECK(run({"purge", "--sub"}).exit == CtlExit::kUsage);
  CHECK(asked.empty());
}

TEST_CASE_FIXTURE(CtlFixture, "ctl: flush names an authorization server or means all") {
  reply = AdminReply{200, R"({"flushed":["main","b"]})"};
  CHECK(run({"flush"}).out == "flushed main, b\n");
  CHECK(asked.back().path == "/flush");
  CHECK(asked.back().body == "{}");
  run({"flush", "--as", "main"});
  CHECK(asked.back().body == R"({"authorization_server":"main"})");
}

TEST_CASE_FIXTURE(CtlFixture, "ctl: status is a table for people and the daemon's JSON for programs") {
  const std::string json = R"({"version":"0.1.0","ready":true,"cache":{"entries":12},)"
                           R"("authorization_servers":[{"name":"main","in_flight":7}],"list":[1,null]})";
  reply = AdminReply{200, json};
  CHECK(run({"status"}).out ==
        "version                               0.1.0\n"
        "ready                                 yes\n"
        "cache.entries                         12\n"
        "authorization_servers.main.in_flight  7\n"
        "list.0                                1\n"
        "list.1                                -\n");
  CHECK(asked.back().method == "GET");
  CHECK(asked.back().path == "/status");
  CHECK(asked.back().body.empty());
  CHECK(run({"status", "--json"}).out == json + "\n");
  CHECK(run({"--json", "status"}).out == json + "\n");
}

TEST_CASE_FIXTURE(CtlFixture, "ctl: what the daemon refuses ends with 1 and its words") {
  reply =
      AdminReply{404, R"({"error":"invalid_request","error_description":"no such authorization server"})"};
  const CtlOutcome outcome = run({"flush", "--as", "x"});
  CHECK(outcome.exit == CtlExit::kRefused);
  CHECK(outcome.err == "introspectctl: refused: 404 invalid_request: no such authorization server\n");
  CHECK(outcome.out.empty());
  reply = AdminReply{500, "not json"};
  CHECK(run({"flush", "--json"}).err == "introspectctl: refused: 500\n");
}

TEST_CASE_FIXTURE(CtlFixture, "ctl: no daemon ends with 3, a reply that makes no sense with 4") {
  reply = tl::unexpected(AdminError{AdminError::Kind::kNotReachable, "/x: No such file or directory"});
  const CtlOutcome gone = run({"--socket", "/x", "status"});
  CHECK(gone.exit == CtlExit::kNotReachable);
  CHECK(gone.err == "introspectctl: the daemon is not reachable: /x: No such file or directory\n");
  CHECK(asked_at == "/x");
  reply = tl::unexpected(AdminError{AdminError::Kind::kBadReply, "it has no length"});
  CHECK(run({"status"}).exit == CtlExit::kBadReply);
  for (const char* body :
       {"", "[]", "{\"purged\":true}", "{\"purged\":false,\"known\":true,\"authorization_servers\":[]}",
        "{\"purged\":true,\"known\":1,\"authorization_servers\":[]}",
        "{\"purged\":true,\"known\":true,\"authorization_servers\":[1]}"}) {
    reply = AdminReply{200, body};
    CHECK(run({"purge", "--sha256", kAbc}).exit == CtlExit::kBadReply);
    CHECK(run({"flush", "--json"}).exit == CtlExit::kBadReply);
  }
}

TEST_CASE_FIXTURE(CtlFixture, "ctl: the socket can be read from the configuration, whose secrets are not") {
  reply = AdminReply{200, R"({"a":1})"};
  files.put("/c", {"[admin]\nunix = \"/elsewhere/admin.sock\"\n[[caller]]\nid = \"a\"\nsecret_file = "
                   "\"/not/for/you\"\n"});
  CHECK(run({"--config", "/c", "status"}).exit == CtlExit::kOk);
  CHECK(asked_at == "/elsewhere/admin.sock");
  files.put("/c", {"[cache]\nttl = \"5s\"\n"});
  run({"--config", "/c", "status"});
  CHECK(asked_at == "/run/introspectd/admin.sock");
  files.put("/c", {"[admin]\nunix = \"\"\n"});
  CHECK(run({"--config", "/c", "status"}).exit == CtlExit::kUsage);
  files.put("/c", {"[admin]\nunix = 5\n"});
  CHECK(run({"--config", "/c", "status"}).err.find("c:2: admin.unix: expected an absolute path") !=
        std::string::npos);
  files.put("/c", {"[admin\n"});
  CHECK(run({"--config", "/c", "status"}).exit == CtlExit::kUsage);
  CHECK(run({"--config", "/none", "status"}).exit == CtlExit::kUsage);
}

TEST_CASE_FIXTURE(CtlFixture, "ctl: a command line that is not understood ends with 2, --help with 0") {
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{},
                                                {"nonsense"},
                                                {"purge", "TOKEN"},
                                                {"status", "flush"},
                                                {"--socket", "/a", "--config", "/b", "status"},
                                                {"status", "--as", "main"}}) {
    CHECK(run(wrong).exit == CtlExit::kUsage);
  }
  CHECK(run({"--help"}).exit == CtlExit::kOk);
  CHECK(run({"purge", "--help"}).exit == CtlExit::kOk);
  CHECK(run({"--version"}).out.rfind("introspectctl ", 0) == 0);
  CHECK(asked.empty());
}

TEST_CASE("ctl_text: what the daemon says cannot move the terminal") {
  CHECK(error_text(R"({"error":"a\u001b[2J","error_description":"b\nc"})") == "a?[2J: b?c");
  CHECK(status_text(R"({"k\u0007":"\u001b]0;x"})") == "k?  ?]0;x\n");
  CHECK(error_text("{}").empty());
  CHECK(error_text("{\"error\":1}").empty());
}

}  // namespace introspectd::app
