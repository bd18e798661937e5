#include "app/option_documents.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "app/file_reader.h"
#include "conf_fixture.h"

namespace introspectd::app {
namespace {

std::string read_file(const char* path) {
  auto file = DiskFileReader().read(path, 1U << 20U);
  REQUIRE(file);
  return std::string(file->bytes.reveal());
}

// The lines that show a default come into force.
std::string with_defaults_said(const std::string& conf) {
  std::string said;
  std::size_t begin = 0;
  while (begin < conf.size()) {
    const std::size_t end = conf.find('\n', begin);
    std::string line = conf.substr(begin, end - begin);
    const bool is_option = line.size() > 1 && line[0] == '#' && line[1] >= 'a' && line[1] <= 'z';
    said += (is_option ? line.substr(1) : line) + "\n";
    begin = end + 1;
  }
  return said;
}

bool say_the_same(const OptionSets& a, const OptionSets& b) {
  return std::equal(
      a.sets.begin(), a.sets.end(), b.sets.begin(), b.sets.end(), [](const OptionSet& x, const OptionSet& y) {
        return x.section == y.section &&
               std::equal(x.values.begin(), x.values.end(), y.values.begin(), y.values.end(),
                          [](const OptionValue& v, const OptionValue& w) { return v.says_the_same(w); });
      });
}

}  // namespace

TEST_CASE(
    "option_documents: conf/introspectd.conf is what the table says; regenerate with introspectd "
    "--print-default-config") {
  CHECK(read_file(PROJECT_ROOT "/conf/introspectd.conf") == documented_conf());
}

TEST_CASE(
    "option_documents: the README's table is what the table says; regenerate with introspectd "
    "--print-options-markdown") {
  CHECK(between_option_markers(read_file(PROJECT_ROOT "/README.md")) == options_markdown());
}

TEST_CASE_FIXTURE(ConfFixture,
                  "option_documents: the documented conf is valid, its commented lines are the defaults") {
  const Configuration shown = accepted(documented_conf());
  const Configuration said = accepted(with_defaults_said(documented_conf()));
  CHECK(with_defaults_said(documented_conf()) != documented_conf());
  CHECK(say_the_same(shown.effective, said.effective));
  for (const OptionSet& set : said.effective.sets) {
    for (const OptionValue& value : set.values) CHECK(value.given());
  }
}

TEST_CASE_FIXTURE(
    ConfFixture, "option_documents: every option without an example has its default in the documented conf") {
  const Configuration shown = accepted(documented_conf());
  for (const OptionSet& set : shown.effective.sets) {
    const auto rows = options_of(set.section);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      CAPTURE(rows[i].path);
      CHECK(set.values[i].given() == !rows[i].example_toml.empty());
    }
  }
}

TEST_CASE_FIXTURE(
    ConfFixture,
    "option_sets: what --print-config prints parses to the same configuration, without secrets") {
  files.put("/old", {"0ld-secret"});
  for (const std::string& conf :
       {documented_conf(), kServer,
        kServer + kCaller + "secret_file_previous = \"/old\"\naudience = [\"a\\\"b\", \"\\u00e9\"]\n",
        "[cache]\nttl = \"1500ms\"\nmemory = \"8388609B\"\n[listen]\nunix_mode = \"600\"\nunix_allow_uid = "
        "[1, 2]\ntcp = \"[::1]:1\"\n" +
            kServer + "raw_basic = true\n" + kCaller}) {
    const Configuration first = accepted(conf);
    const std::string printed = print_option_sets(first.effective);
    const Configuration second = accepted(printed);
    CHECK(say_the_same(first.effective, second.effective));
    CHECK(print_option_sets(second.effective) == printed);
    CHECK(printed.find("s3cret") == std::string::npos);
    CHECK(printed.find("0ld-secret") == std::string::npos);
    CHECK(printed.find("\"/etc/introspectd/main.secret\"  # its content is not shown") != std::string::npos);
  }
}

TEST_CASE("option_documents: each option is in every document") {
  const std::string markdown = options_markdown();
  const std::string help = options_help();
  const std::string conf = documented_conf();
  for (const Option& option : options()) {
    CAPTURE(option.path);
    CHECK(markdown.find("| `" + std::string(option.key()) + "` |") != std::string::npos);
    CHECK(help.find(std::string(option.sentence)) != std::string::npos);
    CHECK(conf.find(std::string(option.key()) + " = ") != std::string::npos);
  }
}

TEST_CASE("option_documents: the markers bound the README's table") {
  CHECK(between_option_markers("a\n<!-- options -->\ntable\n<!-- /options -->\nb") == "table\n");
  CHECK(between_option_markers("no markers").empty());
  CHECK(between_option_markers("<!-- options -->\ncut").empty());
}

}  // namespace introspectd::app
