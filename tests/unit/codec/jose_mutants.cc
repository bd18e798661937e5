// jose_mutants SOURCE_ROOT: switches on one MUTANT() of src/codec after the other and lets the room's own cases judge
// it; one that no case notices fails the test.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "base/mutant.h"

namespace introspectd {
namespace {

std::string& active_mutant() {
  static std::string name;
  return name;
}

}  // namespace

bool mutant_is_on(std::string_view name) { return active_mutant() == name; }

namespace codec {
namespace {

constexpr std::size_t kMutantsLeast = 5;

std::set<std::string> marked_mutants(const std::filesystem::path& room) {
  std::set<std::string> names;
  constexpr std::string_view kMark = "MUTANT(";
  for (const auto& entry : std::filesystem::directory_iterator(room)) {
    std::ifstream stream(entry.path());
    const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    for (std::size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1)) {
      const std::size_t begin = at + kMark.size();
      names.insert(text.substr(begin, text.find(')', begin) - begin));
    }
  }
  return names;
}

// The first case that fails; "" when none does.
std::string noticed_by(const std::string& mutant) {
  active_mutant() = mutant;
  std::ostringstream output;
  doctest::Context cases;
  cases.setOption("abort-after", 1);
  cases.setOption("no-colors", true);
  cases.setCout(&output);
  const bool failed = cases.run() != 0;
  if (!failed) return {};
  constexpr std::string_view kLabel = "TEST CASE:  ";
  const std::string text = output.str();
  const std::size_t at = text.find(kLabel);
  if (at == std::string::npos) return "a fault";
  return text.substr(at + kLabel.size(), text.find('\n', at) - at - kLabel.size());
}

int run(const std::filesystem::path& root) {
  const std::set<std::string> names = marked_mutants(root / "src" / "codec");
  std::size_t failed = names.size() < kMutantsLeast ? 1 : 0;
  const std::string broken = noticed_by("");
  if (!broken.empty()) ++failed;
  std::printf("%-34s %s\n", "(none)", broken.empty() ? "clean" : broken.c_str());
  for (const std::string& name : names) {
    const std::string by = noticed_by(name);
    if (by.empty()) ++failed;
    std::printf("%-34s %s %s\n", name.c_str(), by.empty() ? "SURVIVES" : "killed by", by.c_str());
  }
  std::printf("%zu passed, %zu failed\n", names.size() + 1 - failed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace codec
}  // namespace introspectd

int main(int count, char** words) {
  if (count != 2) {
    std::printf("usage: %s SOURCE_ROOT\n", words[0]);
    return 2;
  }
  return introspectd::codec::run(words[1]);
}
