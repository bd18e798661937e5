#include "app/daemon_command.h"

#include <doctest/doctest.h>

#include <string>

#include "app/option_documents.h"
#include "conf_fixture.h"

namespace introspectd::app {
namespace {

struct CommandFixture : ConfFixture {
  CommandFixture() { files.put("/c/introspectd.conf", {kServer}); }
  CommandOutcome run(std::vector<std::string> arguments) { return run_daemon_command(arguments, world); }
};

}  // namespace

TEST_CASE_FIXTURE(CommandFixture, "daemon_command: a good configuration is handed on to run") {
  const CommandOutcome outcome = run({"--config", "/c/introspectd.conf"});
  REQUIRE(outcome.to_run);
  CHECK(outcome.to_run->settings.authorization_servers[0].name == "main");
  CHECK(outcome.out.empty());
  CHECK(outcome.err.empty());
}

TEST_CASE_FIXTURE(
    CommandFixture,
    "daemon_command: the configuration is /etc/introspectd/introspectd.conf unless said otherwise") {
  CHECK(run({}).exit_status == 78);
  files.put("/etc/introspectd/introspectd.conf", {kServer});
  CHECK(run({}).to_run);
}

TEST_CASE_FIXTURE(CommandFixture,
                  "daemon_command: a refused configuration ends with 78 and its lines, nothing runs") {
  files.put("/c/introspectd.conf", {"[cache]\ntll = \"5s\"\nttl = \"5\"\n" + kServer});
  for (const char* mode : {"", "--check", "--print-config"}) {
    std::vector<std::string> arguments{"--config", "/c/introspectd.conf"};
    if (*mode != '\0') arguments.emplace_back(mode);
    const CommandOutcome outcome = run(arguments);
    CHECK(outcome.exit_status == 78);
    CHECK_FALSE(outcome.to_run);
    CHECK(outcome.out.empty());
    CHECK(outcome.err ==
          "config: introspectd.conf:2: cache.tll: expected a known key (did you mean cache.ttl?), got an "
          "unknown one\n"
          "config: introspectd.conf:3: cache.ttl: expected a duration from 0s to 1d, got \"5\"\n");
  }
}

TEST_CASE_FIXTURE(CommandFixture,
                  "daemon_command: --check of a good configuration is silent and does not run it") {
  const CommandOutcome outcome = run({"--check", "--config=/c/introspectd.conf"});
  CHECK(outcome.exit_status == 0);
  CHECK_FALSE(outcome.to_run);
  CHECK(outcome.err.empty());
}

TEST_CASE_FIXTURE(CommandFixture, "daemon_command: --print-config shows what is in force, without secrets") {
  const CommandOutcome outcome = run({"--print-config", "--config", "/c/introspectd.conf"});
  CHECK(outcome.exit_status == 0);
  CHECK_FALSE(outcome.to_run);
  CHECK(outcome.out.find("negative_ttl = \"5s\"\n") != std::string::npos);
  CHECK(outcome.out.find("client_secret_file = \"/etc/introspectd/main.secret\"") != std::string::npos);
  CHECK(outcome.out.find("s3cret") == std::string::npos);
}

TEST_CASE_FIXTURE(CommandFixture, "daemon_command: --help lists every option, --version its name") {
  const CommandOutcome help = run({"--help"});
  CHECK(help.exit_status == 0);
  CHECK_FALSE(help.to_run);
  CHECK(help.out.find("--config") != std::string::npos);
  CHECK(help.out.find(options_help()) != std::string::npos);
  CHECK(help.out.find("--print-options-markdown") == std::string::npos);
  const CommandOutcome version = run({"--version"});
  CHECK(version.exit_status == 0);
  CHECK(version.out.rfind("introspectd ", 0) == 0);
}

TEST_CASE_FIXTURE(CommandFixture, "daemon_command: a command line that is not understood ends with 2") {
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"--nonsense"}, {"run"}, {"--config"}, {"--check", "--print-config"}}) {
    const CommandOutcome outcome = run(wrong);
    CHECK(outcome.exit_status == 2);
    CHECK_FALSE(outcome.to_run);
    CHECK_FALSE(outcome.err.empty());
  }
}

TEST_CASE_FIXTURE(CommandFixture, "daemon_command: the documents are printed for those who regenerate them") {
  CHECK(run({"--print-default-config"}).out == documented_conf());
  CHECK(run({"--print-options-markdown"}).out == options_markdown());
}

}  // namespace introspectd::app
