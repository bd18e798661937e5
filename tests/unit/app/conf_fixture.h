// ConfFixture: a configuration that is right, to be made wrong in one place.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "app/config_file.h"
#include "fake_files.h"

namespace introspectd::app {

inline const std::string kServer =
    "[[authorization_server]]\n"
    "name = \"main\"\n"
    "introspection_endpoint = \"https://as.example.com/oauth2/introspect\"\n"
    "client_id = \"node\"\n"
    "client_secret_file = \"/etc/introspectd/main.secret\"\n";
inline const std::string kCaller =
    "[[caller]]\n"
    "id = \"orders\"\n"
    "secret_file = \"/etc/introspectd/callers/orders.secret\"\n";

inline std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}
inline std::string server_with(const std::string& line) {
  return kServer + line + "\n";
}
inline std::string endpoint(const std::string& url) {
  return replaced(kServer, "https://as.example.com/oauth2/introspect", url);
}

struct ConfFixture {
  FakeFiles files;
  ConfigWorld world = fake_world();

  ConfigWorld fake_world() {
    ConfigWorld fake;
    fake.files = &files;
    fake.gid = 900;
    return fake;
  }

  // The problems as one text, a line each; empty when the text is a configuration.
  std::string problems(const std::string& toml) {
    const auto read = read_configuration(toml, world);
    std::string lines;
    if (read) return lines;
    for (const ConfigProblem& problem : read.error())
      lines += format_problem("/etc/introspectd.conf", problem) + "\n";
    return lines;
  }

  // What --check says of a configuration that is right.
  std::string notices(const std::string& toml) {
    std::string lines;
    for (const ConfigProblem& notice : accepted(toml).notices) lines += format_problem("conf", notice) + "\n";
    return lines;
  }

  Configuration accepted(const std::string& toml) {
    auto read = read_configuration(toml, world);
    if (!read) {
      for (const ConfigProblem& problem : read.error()) MESSAGE(format_problem("conf", problem));
    }
    REQUIRE(read);
    return std::move(*read);
  }
};

// One problem exactly, at this line, about this key, with these words.
#define CHECK_REFUSED(toml, start, words)                                          \
  do {                                                                             \
    const std::string told = problems(toml);                                       \
    INFO(told);                                                                    \
    CHECK(std::count(told.begin(), told.end(), '\n') == 1);                        \
    CHECK(told.rfind(std::string("config: introspectd.conf:") + (start), 0) == 0); \
    CHECK(told.find(words) != std::string::npos);                                  \
  } while (false)

}  // namespace introspectd::app
