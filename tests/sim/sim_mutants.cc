// sim_mutants SOURCE_ROOT [NAME...]: switches on one MUTANT() after the other and lets the scenarios and the swarm judge
// it. A mutant that nobody notices fails the test, and so does a world that is broken without any.
// Each mutant runs in a process of its own, so that a CHECK_INVARIANT of the daemon counts as notice as well.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutant.h"
#include "tests/sim/swarm.h"

namespace introspectd {
namespace {

std::string& active_mutant() {
  static std::string name;
  return name;
}

bool& was_asked() {
  static bool asked = false;
  return asked;
}

}  // namespace

bool mutant_is_on(std::string_view name) {
  const bool on = active_mutant() == name;
  was_asked() |= on;
  return on;
}

namespace sim {
namespace {

constexpr std::uint64_t kSeeds = 400;
constexpr std::uint64_t kRequests = 300;
constexpr unsigned kSecondsMost = 240;
constexpr std::size_t kMutantsLeast = 20;
constexpr std::string_view kNeverAsked = "nobody: never reached, or marked since meson setup";

// Every name that the sources mark.
std::set<std::string> marked_mutants(const std::filesystem::path& root) {
  std::set<std::string> names;
  constexpr std::string_view kMark = "MUTANT(";
  for (const char* room : {"src", "tests/sim"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / room)) {
      const std::string file = entry.path().filename().string();
      const bool source = file.ends_with(".cc") || file.ends_with(".h");
      if (entry.path().parent_path().filename() == "codec") continue;  // judged by its own cases: unit_jose_mutants
      if (!source || file == "mutant.h" || file == "sim_mutants.cc") continue;
      std::ifstream stream(entry.path());
      const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
      for (std::size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1)) {
        const std::size_t begin = at + kMark.size();
        names.insert(text.substr(begin, text.find(')', begin) - begin));
      }
    }
  }
  return names;
}

// In the child: what noticed goes to standard output.
int judge(const std::string& mutant) {
  active_mutant() = mutant;
  doctest::Context scenarios;
  scenarios.setOption("abort-after", 1);
  scenarios.setOption("no-colors", true);
  if (scenarios.run() != 0) return 1;
  const std::uint64_t seeds = mutant.empty() ? kSeeds / 8 : kSeeds;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const SwarmResult result = run_seed(seed, kRequests);
    if (result.violations.empty()) continue;
    std::printf("TEST CASE:  swarm seed %llu: %s %s\n", static_cast<unsigned long long>(seed),
                result.violations.front().invariant.c_str(), result.violations.front().sentence.c_str());
    return 2;
  }
  if (!mutant.empty() && !was_asked()) std::printf("%.*s\n", static_cast<int>(kNeverAsked.size()), kNeverAsked.data());
  return 0;
}

struct Verdict {
  bool noticed = false;
  std::string by;
};

std::string first_test_case(const std::string& output) {
  constexpr std::string_view kLabel = "TEST CASE:  ";
  const std::size_t at = output.find(kLabel);
  if (at == std::string::npos) return "a fault: " + output.substr(0, output.find('\n'));
  const std::size_t begin = at + kLabel.size();
  return output.substr(begin, output.find('\n', begin) - begin);
}

struct Child {
  std::string mutant;
  pid_t pid = -1;
  int output = -1;
};

Child start_child(const std::string& mutant) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return {mutant};
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    alarm(kSecondsMost);
    const int status = judge(mutant);
    std::fflush(stdout);
    _exit(status);
  }
  close(ends[1]);
  return {mutant, pid, ends[0]};
}

Verdict await_verdict(const Child& child) {
  if (child.pid <= 0) return {};
  std::string output;
  std::array<char, 4096> block{};
  for (ssize_t size = 0; (size = read(child.output, block.data(), block.size())) > 0;) {
    if (output.size() < 65536) output.append(block.data(), static_cast<std::size_t>(size));
  }
  close(child.output);
  int status = 0;
  waitpid(child.pid, &status, 0);
  if (WIFSIGNALED(status)) {
    if (WTERMSIG(status) == SIGALRM) return {false, "no verdict in time"};
    return {true, first_test_case(output)};
  }
  if (WEXITSTATUS(status) != 0) return {true, first_test_case(output)};
  return {false, output.find(kNeverAsked) == std::string::npos ? "nobody" : std::string(kNeverAsked)};
}

int run(int count, char** words) {
  if (count < 2) {
    std::printf("usage: %s SOURCE_ROOT [NAME...]\n", words[0]);
    return 2;
  }
  std::set<std::string> names = marked_mutants(words[1]);
  if (count > 2) names = std::set<std::string>(words + 2, words + count);
  if (count == 2 && names.size() < kMutantsLeast) {
    std::printf("only %zu mutants are marked\n", names.size());
    return 1;
  }
  int failed = 0;
  const Verdict healthy = await_verdict(start_child(""));
  if (healthy.noticed) ++failed;
  std::printf("%-34s %s\n", "(none)", healthy.noticed ? healthy.by.c_str() : "clean");
  std::deque<Child> judged;   // a core each, told in the order of their names
  const std::size_t most = std::max(std::thread::hardware_concurrency(), 1U);
  for (auto next = names.begin(); next != names.end() || !judged.empty();) {
    while (next != names.end() && judged.size() < most) judged.push_back(start_child(*next++));
    const Child child = std::move(judged.front());
    judged.pop_front();
    const Verdict verdict = await_verdict(child);
    if (!verdict.noticed) ++failed;
    std::printf("%-34s %s %s\n", child.mutant.c_str(), verdict.noticed ? "killed by" : "SURVIVES:", verdict.by.c_str());
    std::fflush(stdout);
  }
  std::printf("%zu mutants, %d failed\n", names.size(), failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace sim
}  // namespace introspectd

int main(int count, char** words) { return introspectd::sim::run(count, words); }
