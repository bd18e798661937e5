// Threads: long-lived connections, however few, share the front loops evenly, over TCP and over Unix sockets.
#include <doctest/doctest.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "blackbox/daemon_under_test.h"

namespace introspectd::blackbox {
namespace {

using ThreadId = std::string;
using Spread = std::vector<std::size_t>;   // connections by thread, the fewest first

const std::string kCaller =
    "Authorization: " + support::basic_credentials("orders", "orders-secret") + "\r\n";

// How often each thread of the program went to sleep or was set aside.
std::map<ThreadId, std::uint64_t> switches(pid_t pid) {
  std::map<ThreadId, std::uint64_t> found;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream status(task.path() / "status");
    std::uint64_t& sum = found[task.path().filename()];
    for (std::string line; std::getline(status, line);) {
      if (line.find("ctxt_switches:") == std::string::npos) continue;
      std::uint64_t count = 0;
      const std::size_t at = line.find('\t') + 1;
      std::from_chars(line.data() + at, line.data() + line.size(), count);
      sum += count;
    }
  }
  return found;
}

// Some connections to one daemon, each known to be answered by one thread.
class Callers {
 public:
  explicit Callers(std::size_t threads)
      : threads_(threads), daemon_({.listen = "max_connections_per_uid = 100\n", .threads = threads}) {
    daemon_.introspect("a");   // a hit from now on
  }

  // One comes, is answered and stays.
  void open(bool tcp) {
    connections_.emplace_back(tcp ? daemon_.connect_tcp() : daemon_.connect(), ThreadId());
    ask_once(connections_.back().first);
    connections_.back().second = thread_of(connections_.back().first);
  }
  // All that one of the threads serves go.
  void close_all_of_a_thread() {
    const ThreadId thread = connections_.front().second;
    std::erase_if(connections_, [&](const auto& open) { return open.second == thread; });
    await_open(connections_.size());
  }
  void close_first() {
    connections_.erase(connections_.begin());
    await_open(connections_.size());
  }
  // By the threads that answered.
  Spread spread() const {
    std::map<ThreadId, std::size_t> by_thread;
    for (const auto& open : connections_) ++by_thread[open.second];
    Spread counts(threads_ - std::min(threads_, by_thread.size()), 0);
    for (const auto& [thread, count] : by_thread) counts.push_back(count);
    std::sort(counts.begin(), counts.end());
    return counts;
  }

 private:
  void ask_once(HttpConnection& connection) {
    REQUIRE(connection.send_raw(introspection("a", kCaller)));
    const auto response = connection.receive();
    REQUIRE_MESSAGE(response.has_value(), (response ? "" : response.error()));
    REQUIRE(response->status == 200);
  }
  // The one that sleeps and wakes as this connection alone is asked on; the others look up ten times a second.
  ThreadId thread_of(HttpConnection& connection) {
    const auto before = switches(daemon_.pid());
    for (int i = 0; i < 40; ++i) {
      ask_once(connection);
      ::poll(nullptr, 0, 1);   // so that it has gone to sleep
    }
    std::pair<ThreadId, std::uint64_t> most;
    for (const auto& [thread, count] : switches(daemon_.pid())) {
      const auto known = before.find(thread);
      const std::uint64_t more = count - (known == before.end() ? 0 : known->second);
      if (more > most.second) most = {thread, more};
    }
    CHECK(most.second >= 20);
    return most.first;
  }
  // Until the daemon has seen the others go.
  void await_open(std::size_t wanted) {
    const support::SteadyTime deadline = support::after(10s);
    while (open_in_metrics() != wanted) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      ::poll(nullptr, 0, 5);
    }
  }
  std::size_t open_in_metrics() {
    constexpr std::string_view kName = "introspectd_connections{loop=\"";
    const std::string page = daemon_.metrics();
    std::size_t sum = 0;
    for (std::size_t at = page.find(kName); at != std::string::npos; at = page.find(kName, at + 1)) {
      std::size_t count = 0;
      const std::size_t value = page.find("} ", at) + 2;
      std::from_chars(page.data() + value, page.data() + page.size(), count);
      sum += count;
    }
    return sum;
  }

  std::size_t threads_;
  DaemonUnderTest daemon_;
  std::vector<std::pair<HttpConnection, ThreadId>> connections_;
};

enum class Kind { kTcp, kUnix, kMixed };

void comes_and_goes(std::size_t threads, Kind kind) {
  Callers callers(threads);
  const auto open = [&](int i) { callers.open(kind == Kind::kTcp || (kind == Kind::kMixed && i % 2 == 0)); };
  const Spread even(threads, 8 / threads);
  for (int i = 0; i < 8; ++i) open(i);
  CHECK(callers.spread() == even);
  callers.close_all_of_a_thread();
  for (std::size_t i = 0; i < 8 / threads; ++i) open(static_cast<int>(i));
  CHECK(callers.spread() == even);
  for (int i = 0; i < 3; ++i) {
    callers.close_first();
    open(i);
    CHECK(callers.spread() == even);
  }
}

TEST_CASE("threads: 8 long-lived connections over TCP, also as some go and others come") {
  for (const std::size_t threads : {std::size_t{2}, std::size_t{4}}) comes_and_goes(threads, Kind::kTcp);
}

TEST_CASE("threads: 8 long-lived connections over a Unix socket, also as some go and others come") {
  for (const std::size_t threads : {std::size_t{2}, std::size_t{4}}) comes_and_goes(threads, Kind::kUnix);
}

TEST_CASE("threads: 8 long-lived connections over both together, also as some go and others come") {
  comes_and_goes(2, Kind::kMixed);
}

}  // namespace
}  // namespace introspectd::blackbox
