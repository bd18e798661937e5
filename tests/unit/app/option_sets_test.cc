// What the file alone shows: F1, F2, F3, and each option at its bounds and one past.
#include "app/option_sets.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "app/option_syntax.h"
#include "conf_fixture.h"

namespace introspectd::app {
namespace {

// A file in which only this option is said.
std::string only(const Option& option, const std::string& value) {
  const OptionSection& section = *find_section(option.section());
  if (section.nested()) {
    return "[[" + std::string(section.parent()) + "]]\n" + std::string(section.last_name()) + "." +
           std::string(option.key()) + " = " + value + "\n";
  }
  const bool repeated = section.repeated;
  return (repeated ? "[[" : "[") + std::string(option.section()) + (repeated ? "]]\n" : "]\n") +
         std::string(option.key()) + " = " + value + "\n";
}

// The problems about this option itself.
std::string problem_of(const Option& option, const std::string& value) {
  for (const ConfigProblem& problem : read_option_sets(only(option, value)).problems) {
    if (problem.key == option.path && problem.line == 2) return problem.message;
  }
  return {};
}

#define CHECK_BOUNDS(option, first, last, before, after)                                               \
  do {                                                                                                 \
    CHECK(problem_of(option, first).empty());                                                          \
    CHECK(problem_of(option, last).empty());                                                           \
    CHECK(problem_of(option, before).find(describe_expected(option) + ", got ") != std::string::npos); \
    CHECK(problem_of(option, after).find(describe_expected(option) + ", got ") != std::string::npos);  \
  } while (false)

std::string text_of(std::int64_t size, char first) {
  std::string text(static_cast<std::size_t>(std::max<std::int64_t>(size, 0)), 'a');
  if (!text.empty()) text.front() = first;
  return quote(text);
}

}  // namespace

TEST_CASE("option_sets: every number is taken at its bounds and refused one past them (F3)") {
  for (const Option& option : options()) {
    CAPTURE(option.path);
    if (option.type == OptionType::kInteger) {
      CHECK_BOUNDS(option, std::to_string(option.least), std::to_string(option.most),
                   std::to_string(option.least - 1), std::to_string(option.most + 1));
    } else if (option.type == OptionType::kDuration) {
      const auto ms = [](std::int64_t ns) { return "\"" + std::to_string(ns / 1'000'000) + "ms\""; };
      CHECK_BOUNDS(option, ms(option.least), ms(option.most), ms(option.least - 1'000'000),
                   ms(option.most + 1'000'000));
    } else if (option.type == OptionType::kSize) {
      const auto bytes = [](std::int64_t size) { return "\"" + std::to_string(size) + "B\""; };
      CHECK_BOUNDS(option, bytes(option.least), bytes(option.most), bytes(option.least - 1),
                   bytes(option.most + 1));
    } else if (option.type == OptionType::kIdList) {
      CHECK_BOUNDS(option, "0", "[4294967294]", "-1", "[4294967295]");
      CHECK_FALSE(problem_of(option, "65534").empty());
      CHECK(problem_of(option, "[65533, 65535]").empty());
    }
  }
}

TEST_CASE("option_sets: every text is taken at its lengths and refused one past them") {
  for (const Option& option : options()) {
    CAPTURE(option.path);
    const bool is_path = option.type == OptionType::kPath || option.type == OptionType::kSocketPath ||
                         option.type == OptionType::kSecretFile;
    if (!is_path && option.type != OptionType::kText && option.type != OptionType::kUrl &&
        option.type != OptionType::kTextList) {
      continue;
    }
    const char first = is_path ? '/' : 'a';
    CHECK(problem_of(option, text_of(option.least, first)).empty());
    CHECK(problem_of(option, text_of(option.most, first)).empty());
    CHECK_FALSE(problem_of(option, text_of(option.most + 1, first)).empty());
    if (option.least > 0) CHECK_FALSE(problem_of(option, text_of(option.least - 1, first)).empty());
    CHECK_FALSE(problem_of(option, "\"/a\\u0007\"").empty());
  }
}

TEST_CASE("option_sets: a value of the wrong type is refused for every option") {
  for (const Option& option : options()) {
    CAPTURE(option.path);
    for (const std::string wrong : {"1.5", "{ a = 1 }", "2026-01-01", "[[1]]"}) {
      CAPTURE(wrong);
      CHECK_FALSE(problem_of(option, wrong).empty());
    }
    const bool takes_text = option.type != OptionType::kBool && option.type != OptionType::kInteger &&
                            option.type != OptionType::kIdList;
    CHECK(problem_of(option, takes_text ? "7" : "\"x\"").find("expected ") == 0);
    if (option.type != OptionType::kBool) CHECK_FALSE(problem_of(option, "true").empty());
  }
}

TEST_CASE("option_sets: a number without a unit is refused and the range told (F3)") {
  const Option& timeout = *find_option("authorization_server.timeout");
  CHECK(problem_of(timeout, "\"5\"") == "expected a duration from 10ms to 30s, got \"5\"");
  CHECK(problem_of(timeout, "5") == "expected a duration from 10ms to 30s, got 5");
  CHECK(problem_of(timeout, "\"-5s\"") == "expected a duration from 10ms to 30s, got \"-5s\"");
  CHECK(problem_of(timeout, "\"99999999999999999999s\"").find("from 10ms to 30s") != std::string::npos);
}

TEST_CASE("option_sets: only the words of a choice are taken") {
  const Option& method = *find_option("authorization_server.client_auth");
  for (const char* word : {"client_secret_basic", "client_secret_post", "none"}) {
    CHECK(problem_of(method, quote(word)).empty());
  }
  for (const char* word : {"", "None", "client_secret_basic|client_secret_post", "client_secret", "|"}) {
    CHECK_FALSE(problem_of(method, quote(word)).empty());
  }
}

TEST_CASE("option_sets: a list takes 256 elements and not one more, one value stands for a list of one") {
  const Option& audience = *find_option("caller.audience");
  const auto list = [](int count) {
    std::string text = "[";
    for (int i = 0; i < count; ++i) text += "\"a\",";
    return text + "]";
  };
  CHECK(problem_of(audience, list(256)).empty());
  CHECK(problem_of(audience, list(257)) == "expected at most 256 elements, got 257");
  const OptionSets sets = read_option_sets("[listen]\ntcp = \"127.0.0.1:1\"\n");
  CHECK(sets.only("listen").texts("tcp").size() == 1);
  const Option& tcp = *find_option("listen.tcp");
  std::string addresses;
  for (int i = 1; i <= 16; ++i) addresses += "\"127.0.0.1:" + std::to_string(i) + "\",";
  CHECK(problem_of(tcp, "[" + addresses + "]").empty());
  CHECK(problem_of(tcp, "[" + addresses + "\"127.0.0.1:99\"]") == "expected at most 16 elements, got 17");
}

TEST_CASE_FIXTURE(ConfFixture, "option_sets: an unknown key is refused with the nearest known one (F2)") {
  CHECK_REFUSED("[cache]\n\ntll = \"5s\"\n" + kServer, "3: cache.tll: ", "did you mean cache.ttl?");
  CHECK_REFUSED("[cache]\nzzzzzzzz = 1\n" + kServer,
                "2: cache.zzzzzzzz: expected a known key, got an unknown one", "");
  CHECK_REFUSED("[chache]\n" + kServer, "1: chache: ", "did you mean cache?");
  CHECK_REFUSED("ttl = \"5s\"\n" + kServer, "1: ttl: ", "unknown");
  // What is written under an unknown key may be a secret.
  const std::string found = problems(kServer + "client_secret = \"hunter2\"\n");
  CHECK(found.find("did you mean authorization_server.client_secret_file?") != std::string::npos);
  CHECK(found.find("hunter2") == std::string::npos);
}

TEST_CASE_FIXTURE(ConfFixture, "option_sets: a table within an instance belongs to it and to no other") {
  const OptionSets sets = read_option_sets(
      "[[authorization_server]]\nname = \"a\"\n[authorization_server.poll]\nendpoint = \"https://a/p\"\n"
      "[[authorization_server]]\nname = \"b\"\n[[authorization_server]]\nname = \"c\"\n"
      "[authorization_server.verification]\nstream_id = \"s\"\n[authorization_server.poll]\n"
      "endpoint = \"https://c/p\"\n[[caller]]\nid = \"x\"\n");
  const auto servers = sets.all("authorization_server");
  REQUIRE(servers.size() == 3);
  const OptionSet* first = sets.nested(*servers[0], "authorization_server.poll");
  REQUIRE(first != nullptr);
  CHECK(first->text("endpoint") == "https://a/p");
  CHECK(first->line == 3);
  CHECK(first->line_of("endpoint") == 4);
  CHECK(sets.nested(*servers[0], "authorization_server.verification") == nullptr);
  CHECK(sets.nested(*servers[1], "authorization_server.poll") == nullptr);
  CHECK(sets.nested(*servers[2], "authorization_server.poll")->text("endpoint") == "https://c/p");
  CHECK(sets.nested(*servers[2], "authorization_server.verification")->text("stream_id") == "s");
  CHECK(sets.nested(*sets.all("caller")[0], "authorization_server.poll") == nullptr);
}

TEST_CASE_FIXTURE(ConfFixture, "option_sets: a nested table of the wrong shape, place or key is refused (F2)") {
  CHECK_REFUSED(server_with("poll = 5"), "6: authorization_server.poll: ", "expected [authorization_server.poll]");
  CHECK_REFUSED(server_with("[[authorization_server.poll]]\nendpoint = \"https://a/p\""),
                "6: authorization_server.poll: ", "expected [authorization_server.poll]");
  CHECK_REFUSED(kServer + "[\"authorization_server.poll\"]\n", "6: authorization_server.poll: ",
                "expected a known section");
  CHECK_REFUSED(kServer + "[poll]\n", "6: poll: expected a known section", "");
  const std::string told = problems(server_with("[authorization_server.poll]\nendpiont = \"https://a/p\""));
  CHECK(told.find("7: authorization_server.poll.endpiont: expected a known key (did you mean "
                  "authorization_server.poll.endpoint?)") != std::string::npos);
  CHECK(told.find("6: authorization_server.poll.endpoint: expected an https URL, or http on loopback, got nothing") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(ConfFixture, "option_sets: a key that has moved is refused with its new place (F2)") {
  CHECK_REFUSED("[cache]\nhold = \"10s\"\n" + kServer, "2: cache.hold: ", "did you mean revocation.hold?");
}

TEST_CASE("option_sets: a list of choices takes each word and no other") {
  const Option& algorithms = *find_option("authorization_server.event_algorithms");
  CHECK(problem_of(algorithms, "[\"RS256\", \"ES512\"]").empty());
  CHECK(problem_of(algorithms, "\"EdDSA\"").empty());
  CHECK(problem_of(algorithms, "[]").empty());
  CHECK(problem_of(algorithms, "[\"none\"]") ==
        "expected a list of \"RS256\", \"RS384\", \"RS512\", \"PS256\", \"PS384\", \"PS512\", \"ES256\", \"ES384\", "
        "\"ES512\", \"EdDSA\", got \"none\"");
  for (const char* wrong : {"\"HS256\"", "[\"RS256|RS384\"]", "[\"rs256\"]", "[\"\"]", "[7]"}) {
    CHECK_FALSE(problem_of(algorithms, wrong).empty());
  }
}

TEST_CASE_FIXTURE(ConfFixture, "option_sets: a duplicate key or table is refused (F2)") {
  CHECK_REFUSED("[cache]\nttl = \"5s\"\nttl = \"6s\"\n" + kServer, "3: syntax: ", "ttl");
  CHECK_REFUSED("[cache]\n[listen]\n[cache]\n" + kServer, "3: syntax: ", "cache");
}

TEST_CASE_FIXTURE(ConfFixture, "option_sets: a table of the wrong shape is refused") {
  CHECK_REFUSED("[caller]\nid = \"a\"\n" + kServer, "1: caller: ", "[[caller]]");
  CHECK_REFUSED("caller = [1]\n" + kServer, "1: caller: ", "[[caller]]");
  CHECK_REFUSED("cache = 5\n" + kServer, "1: cache: ", "expected [cache]");
  CHECK_REFUSED("[[cache]]\n" + kServer, "1: cache: ", "expected [cache]");
}

TEST_CASE_FIXTURE(ConfFixture,
                  "option_sets: syntax errors, cut files, BOM and NUL are refused with their line (F1)") {
  CHECK_REFUSED("[cache\n", "1: syntax: expected TOML, got: ", "");
  CHECK_REFUSED(kServer + "[cache]\nttl = \"5s\n", "7: syntax: expected TOML, got: ", "");
  CHECK_REFUSED("\xEF\xBB\xBF" + kServer, "1: syntax: ", "byte order mark");
  CHECK_REFUSED("[cache]\n" + std::string(1, '\0') + "\n", "2: syntax: ", "NUL");
  CHECK_REFUSED("# \xC3\x28\n" + kServer, "1: syntax: ", "expected TOML");
  const std::string whole = kServer + kCaller;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    read_configuration(whole.substr(0, size), world);  // no exception, no fault, at any cut
  }
}

TEST_CASE_FIXTURE(ConfFixture, "option_sets: a file of 1 MiB is read, one byte more is not (F1)") {
  std::string padded = kServer + "#";
  padded.resize(kConfigBytesMost - 1, '.');
  padded += '\n';
  CHECK(problems(padded).empty());
  CHECK_REFUSED(padded + "\n", "1: syntax: ", "at most 1MiB");
  CHECK_REFUSED(std::string(10U << 20U, 'a'), "1: syntax: ", "at most 1MiB");
}

TEST_CASE_FIXTURE(ConfFixture,
                  "option_sets: a key of many parts is refused before it can exhaust the stack (F1)") {
  const auto key = [](std::size_t parts) {
    std::string text = "a";
    for (std::size_t i = 1; i < parts; ++i) text += ".a";
    return text;
  };
  CHECK_REFUSED("[" + key(8) + "]\n" + kServer, "1: a: ", "unknown");
  CHECK_REFUSED("\n[" + key(9) + "]\n" + kServer, "2: syntax: ", "at most 8 parts");
  CHECK_REFUSED(key(400000) + " = 1\n", "1: syntax: ", "at most 8 parts");
  CHECK_REFUSED("x = { " + key(9) + " = 1 }\n", "1: syntax: ", "at most 8 parts");
  // Dots in comments and texts are no parts.
  CHECK(problems("# " + std::string(100, '.') + "\n" + kServer + "# 'a" + std::string(100, '.') + "\n")
            .empty());
  CHECK(problems("[listen]\npaths = ['/a.b.c.d.e.f.g.h.i.j', \"/\\\".b.c.d.e.f.g.h.i.j\", "
                 "'''/a'b.c.d.e.f.g.h.i.j''']\n" +
                 kServer)
            .empty());
  CHECK_REFUSED("x = " + std::string(100000, '[') + "\n", "1: syntax: ", "");
}

TEST_CASE_FIXTURE(ConfFixture, "option_sets: all problems are told at once, in the order of their lines") {
  const std::string found =
      problems("[listen]\nthreads = -1\nthread = 1\n[cache]\nttl = \"5\"\nmemory = \"1MiB\"\n" + kServer);
  CHECK(std::count(found.begin(), found.end(), '\n') == 4);
  CHECK(found.find(":2: listen.threads: expected an integer from 0 to 256, got -1\n") != std::string::npos);
  CHECK(found.find(":3: listen.thread: ") < found.find(":5: cache.ttl: "));
  CHECK(found.find(":5: cache.ttl: ") < found.find(":6: cache.memory: "));
}

TEST_CASE_FIXTURE(ConfFixture, "option_sets: problems beyond 50 are counted, not listed") {
  std::string many = kServer;
  for (int i = 0; i < 60; ++i) many += "zzzzzz" + std::to_string(i) + " = 1\n";
  const std::string found = problems(many);
  CHECK(std::count(found.begin(), found.end(), '\n') == 51);
  CHECK(found.find("got 10 more problems") != std::string::npos);
}

TEST_CASE_FIXTURE(ConfFixture, "option_sets: what is echoed of a value is cut and cannot move a terminal") {
  const std::string found =
      problems("[cache]\nttl = \"\\u001b[2J" + std::string(500, 'x') + "\"\n" + kServer);
  CHECK(found.find("got \"\\u001b[2Jxxx") != std::string::npos);
  CHECK(found.size() < 220);
  CHECK_REFUSED("[log]\nlevel = tr\n", "2: syntax: expected TOML, got: ", "tr");
  const std::string key = problems("\"\\u001b]0;x\" = 1\n" + kServer);
  CHECK(key.find('\x1b') == std::string::npos);
}

TEST_CASE_FIXTURE(ConfFixture, "option_sets: a required key that is missing is told at its table") {
  CHECK_REFUSED(kServer + "[[authorization_server]]\nname = \"b\"\nclient_auth = \"none\"\n",
                "6: authorization_server.introspection_endpoint: ", "got nothing");
}

}  // namespace introspectd::app
