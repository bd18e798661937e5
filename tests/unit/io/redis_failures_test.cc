// RedisStream against a server that plays each failure; Connector against addresses that do not answer.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/connector.h"
#include "io/redis_stream.h"
#include "tests/unit/io/loop_fixture.h"
#include "tests/unit/io/scripted_server.h"
#include "tests/unit/io/stream_recorder.h"

namespace introspectd::io {
namespace {

using Words = std::vector<std::string>;
// What to send for a command; nothing: hang.
using Answer = std::function<std::optional<std::string>(const Words& words)>;

constexpr const char* kServerReply = "$32\r\n# Server\r\nrun_id:0123456789abc\r\n\r\n";
constexpr const char* kEntry = "*1\r\n*2\r\n$6\r\nevents\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nv\r\n$1\r\na\r\n";

// One command off the wire; empty when the peer has gone.
Words read_command(const ScriptedConnection& connection, std::string& rest) {
  for (;;) {
    Words words;
    std::size_t at = rest.find("\r\n");
    const std::size_t count = at == std::string::npos ? 0 : std::strtoul(rest.c_str() + 1, nullptr, 10);
    while (at != std::string::npos && words.size() < count) {
      const std::size_t end = rest.find("\r\n", at + 2);
      if (end == std::string::npos) break;
      const std::size_t size = std::strtoul(rest.c_str() + at + 3, nullptr, 10);
      if (rest.size() < end + 2 + size + 2) break;
      words.push_back(rest.substr(end + 2, size));
      at = end + 2 + size;
    }
    if (count != 0 && words.size() == count) {
      rest.erase(0, at + 2);
      return words;
    }
    std::array<char, 4096> some{};
    const ssize_t got = ::recv(connection.fd(), some.data(), some.size(), 0);
    if (got <= 0) return {};
    rest.append(some.data(), static_cast<std::size_t>(got));
  }
}

std::optional<std::string> healthy(const Words& words) {
  if (words[0] == "INFO") return kServerReply;
  if (words[0] == "XINFO") return "-ERR no such key\r\n";
  if (words[0] == "XADD") return "$3\r\n1-0\r\n";
  if (words[0] == "XREAD") {
    ::poll(nullptr, 0, 20);
    return words.back() == "0-0" ? kEntry : "*-1\r\n";
  }
  return "+OK\r\n";
}

ScriptedServer::Script script_of(Answer answer, std::size_t bytes_at_once = 1U << 20U) {
  return [answer = std::move(answer), bytes_at_once](ScriptedConnection& connection) {
    std::string rest;
    for (;;) {
      const Words words = read_command(connection, rest);
      if (words.empty()) return;
      const std::optional<std::string> reply = answer(words);
      if (!reply) {
        connection.wait_for_close();
        return;
      }
      if (*reply == "close") return;
      for (std::size_t at = 0; at < reply->size(); at += bytes_at_once) {
        if (!connection.send(std::string_view(*reply).substr(at, bytes_at_once))) return;
      }
    }
  };
}

// Answers as a healthy server but for one command.
Answer except(std::string command, std::optional<std::string> reply) {
  return [command = std::move(command), reply = std::move(reply)](const Words& words) {
    return words[0] == command ? reply : healthy(words);
  };
}

struct World {
  explicit World(std::uint16_t port, std::string_view user = "node:hunter2@") {
    RedisStreamOptions options;
    auto address = parse_redis_url("redis://" + std::string(user) + "127.0.0.1:" + std::to_string(port) + "/3");
    REQUIRE(address.has_value());
    options.address = std::move(*address);
    options.key = "events";
    options.times = {
        .connect_within = 200ms, .reply_within = 100ms, .block = 20ms, .retry_least = 5ms, .retry_most = 20ms};
    options.on_append_trouble = [this](std::string_view why) { trouble.emplace_back(why); };
    stream.emplace(loop, resolver, std::move(options));
    stream->start(told);
  }

  UvLoop loop;
  Resolver resolver{loop};
  std::vector<std::string> trouble;
  StreamRecorder told;
  std::optional<RedisStream> stream;  // gone before what it tells
};

std::string first_loss(const Answer& answer) {
  ScriptedServer server(script_of(answer));
  World world(server.port());
  REQUIRE(run_until(world.loop, [&] { return !world.told.losses.empty(); }));
  for (const std::string& why : world.told.losses) CHECK(why.find("hunter2") == std::string::npos);
  std::string loss = world.told.losses.front();
  world.stream.reset();
  return loss;
}

constexpr std::array<const char*, 6> kCommands{"AUTH", "SELECT", "CLIENT", "INFO", "XINFO", "XREAD"};

// A peer that closes with bytes of ours unread resets the connection: whichever of the two arrives first is told.
bool is_end_of_connection(const std::string& told, std::string_view command) {
  const std::string at(command);
  return told == at + ": the server closed the connection" || told == at + ": the connection broke while reading";
}

}  // namespace

TEST_CASE("redis_stream: replies that come byte by byte are replies") {
  ScriptedServer server(script_of(healthy, 1));
  World world(server.port());
  REQUIRE(run_until(world.loop, [&] { return world.told.entries.size() == 1; }));
  CHECK(world.told.losses.empty());
  CHECK(world.told.facts[0].run_id == "0123456789abc");
  world.stream.reset();
}

TEST_CASE("redis_stream: each step that hangs is lost by name and tried again (F93)") {
  for (const char* command : kCommands) {
    CHECK(first_loss(except(command, std::nullopt)) == std::string(command) + ": no reply in time");
  }
}

TEST_CASE("redis_stream: each step that breaks off is lost, at once or in the middle of a reply (F92)") {
  for (const char* command : kCommands) {
    const std::string loss = first_loss(except(command, "close"));
    CHECK_MESSAGE(is_end_of_connection(loss, command), loss);
    const std::string cut = first_loss([command](const Words& words) -> std::optional<std::string> {
      if (words[0] != command) return healthy(words);
      return "$100\r\nhalf";
    });
    CHECK(cut == std::string(command) + ": no reply in time");
  }
}

TEST_CASE("redis_stream: garbage at each step is lost, never believed (F99)") {
  for (const char* command : kCommands) {
    CHECK(first_loss(except(command, "HTTP/1.1 400\r\n\r\n")) == std::string(command) + ": malformed reply");
    CHECK(first_loss(except(command, ":1\r\n")) == std::string(command) + ": unexpected reply");
  }
  CHECK(first_loss(except("XINFO", "-ERR no such key\r\n+push\r\n+push\r\n")).find("XREAD: unexpected reply") == 0);
}

TEST_CASE("redis_stream: an error at each step is told by its code alone; a name refused is no error (F98)") {
  for (const char* command : kCommands) {
    const std::string reply = "-LOADING hunter2 is the password\r\n";
    CHECK(first_loss(except(command, reply)) == std::string(command) + ": LOADING");
  }
  const char* const repeated = "-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n";
  CHECK(first_loss(except("AUTH", repeated)) == "AUTH: ERR");
  ScriptedServer server(script_of(except("CLIENT", "-NOPERM this user has no permissions\r\n")));
  World world(server.port());
  REQUIRE(run_until(world.loop, [&] { return world.told.is_connected; }));
  CHECK(world.told.losses.empty());
  world.stream.reset();
}

TEST_CASE("redis_stream: the credentials are sent first, as the server's version wants them") {
  using Case = std::pair<const char*, std::size_t>;
  for (const auto& [user, words] : {Case("node:hunter2@", 3), Case(":hunter2@", 2), Case("", 0)}) {
    std::mutex mutex;
    Words first;
    ScriptedServer server(script_of([&](const Words& command) {
      const std::lock_guard lock(mutex);
      if (first.empty()) first = command;
      return healthy(command);
    }));
    World world(server.port(), user);
    REQUIRE(run_until(world.loop, [&] { return world.told.is_connected; }));
    world.stream.reset();
    server.stop();
    CHECK((words == 0 ? first == Words{"SELECT", "3"} : first.size() == words && first.back() == "hunter2"));
  }
}

TEST_CASE("redis_stream: after a reply that was too large it asks for fewer entries, then for more again") {
  std::mutex mutex;
  Words counts;
  ScriptedServer server(script_of([&](const Words& words) -> std::optional<std::string> {
    if (words[0] != "XREAD") return healthy(words);
    const std::lock_guard lock(mutex);
    counts.push_back(words[4]);
    if (counts.size() <= 4) return "*131073\r\n";
    return counts.size() == 5 ? healthy(words) : healthy({"XREAD", "none"});
  }));
  World world(server.port());
  REQUIRE(run_until(world.loop, [&] {
    const std::lock_guard lock(mutex);
    return counts.size() >= 6;
  }));
  world.stream.reset();
  server.stop();
  counts.resize(6);
  CHECK(counts == Words{"512", "64", "8", "1", "1", "2"});
  CHECK(world.told.losses[0] == "XREAD: reply too large");
  CHECK(world.told.entries.size() == 1);
}

TEST_CASE("redis_stream: what one reply brings is told over turns, a turn's worth in each, then more is asked for (I35)") {
  std::size_t count = 0, bytes = 0;
  std::vector<std::size_t> told;
  SUBCASE("as many entries as fit, and one more") {
    count = RedisTail::kEntriesATurn + 1;
    bytes = 10;
    told = {RedisTail::kEntriesATurn, 1};
  }
  SUBCASE("as many bytes") {
    count = 5;
    bytes = RedisTail::kBytesATurn / 2 - 10;
    told = {2, 2, 1};
  }
  SUBCASE("one entry always fits") {
    count = 2;
    bytes = RedisTail::kBytesATurn + 1;
    told = {1, 1};
  }
  std::string reply = "*1\r\n*2\r\n$6\r\nevents\r\n*" + std::to_string(count) + "\r\n";
  for (std::size_t i = 0; i < count; ++i) {
    const std::string id = std::to_string(1000 + i) + "-0";
    reply += "*2\r\n$6\r\n" + id + "\r\n*2\r\n$1\r\nv\r\n$" + std::to_string(bytes) + "\r\n";
    reply += std::string(bytes, 'b') + "\r\n";
  }
  std::mutex mutex;
  Words cursors;
  ScriptedServer server(script_of([&](const Words& words) -> std::optional<std::string> {
    if (words[0] != "XREAD") return healthy(words);
    const std::lock_guard lock(mutex);
    cursors.push_back(words.back());
    return words.back() == "0-0" ? reply : healthy({"XREAD", "none"});
  }));
  World world(server.port());
  std::vector<std::size_t> sizes;
  std::size_t before = 0;
  world.told.when_entries = [&] {
    sizes.push_back(world.told.entries.size() - before);
    before = world.told.entries.size();
  };
  REQUIRE(run_until(world.loop, [&] {
    const std::lock_guard lock(mutex);
    return cursors.size() >= 2;
  }));
  world.stream.reset();
  server.stop();
  CHECK(sizes == told);
  CHECK(cursors[1] == std::to_string(1000 + count - 1) + "-0");
}

TEST_CASE("redis_stream: stopped between two turns' worths, nothing comes any more (I36)") {
  std::string reply = "*1\r\n*2\r\n$6\r\nevents\r\n*200\r\n";
  for (int i = 0; i < 200; ++i) {
    reply += "*2\r\n$6\r\n" + std::to_string(1000 + i) + "-0\r\n*2\r\n$1\r\nv\r\n$1\r\na\r\n";
  }
  ScriptedServer server(script_of(except("XREAD", reply)));
  World world(server.port());
  world.told.when_entries = [&] { world.stream->stop(); };
  REQUIRE(run_until(world.loop, [&] { return !world.told.entries.empty(); }));
  run_until(world.loop, [] { return false; }, 30ms);
  CHECK(world.told.entries.size() == RedisTail::kEntriesATurn);
  world.stream.reset();
  server.stop();
}

TEST_CASE("redis_stream: a refused, unanswered or broken append fails, and says why; reading goes on") {
  std::optional<std::string> reply;
  const char* why = nullptr;
  SUBCASE("refused") {
    reply = "-OOM command not allowed\r\n";
    why = "XADD: OOM";
  }
  SUBCASE("no answer") { why = "XADD: no reply in time"; }
  SUBCASE("closed") {
    reply = "close";
    why = nullptr;
  }
  SUBCASE("nonsense") {
    reply = ":1\r\n";
    why = "XADD: unexpected reply";
  }
  ScriptedServer server(script_of(except("XADD", reply)));
  World world(server.port());
  REQUIRE(run_until(world.loop, [&] { return world.told.is_connected; }));
  int failed = 0;
  int sent = 0;
  REQUIRE(run_until(world.loop, [&] {
    for (; sent < 2 + failed; ++sent) world.stream->append({{"v", "a"}}, [&](bool ok) { failed += ok ? 0 : 1; });
    return !world.trouble.empty();
  }));
  REQUIRE(run_until(world.loop, [&] { return failed == sent; }));
  if (why != nullptr) {
    CHECK(world.trouble.front() == why);
  } else {
    CHECK_MESSAGE(is_end_of_connection(world.trouble.front(), "XADD"), world.trouble.front());
  }
  CHECK(world.told.losses.empty());
  world.stream.reset();
}

TEST_CASE("redis_stream: nobody there is told with the address, at a growing distance, until somebody is") {
  std::optional<ScriptedServer> server(std::in_place, script_of(healthy));
  const std::uint16_t port = server->port();
  server.reset();
  World world(port);
  REQUIRE(run_until(world.loop, [&] { return world.told.losses.size() == 3; }));
  CHECK(world.told.losses[0] == "127.0.0.1 port " + std::to_string(port) + ": Connection refused");
}

TEST_CASE("connector: a peer that does not answer is given up at its time, and the fd with it (F84, I36)") {
  // A queue of one that nobody takes from: the kernel drops what comes beyond it.
  const FileDescriptor listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listening.get(), 0) == 0);
  REQUIRE(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  UvLoop loop;
  Resolver resolver(loop);
  const Connector::Target target{"127.0.0.1", true, ntohs(address.sin_port), ""};
  std::vector<FileDescriptor> made;
  std::string why;
  MonoTime start;
  for (int i = 0; i != 4 && why.empty(); ++i) {
    Connector connector(loop, resolver);
    bool done = false;
    start = loop.now().mono;
    connector.start(target, 100ms, [&](tl::expected<FileDescriptor, std::string> fd) {
      done = true;
      if (fd) made.push_back(std::move(*fd));
      if (!fd) why = fd.error();
    });
    CHECK_FALSE(done);
    REQUIRE(run_until(loop, [&] { return done; }));
  }
  CHECK(why == "127.0.0.1 port " + std::to_string(target.port) + ": no answer in time");
  CHECK(loop.now().mono - start >= 100ms);
  const std::size_t fds = open_fds();
  {
    Connector given_up(loop, resolver);
    given_up.start(target, 1s, [](const auto&) { FAIL("it was destroyed"); });
    CHECK_FALSE(run_until(loop, [] { return false; }, 20ms));
    CHECK(open_fds() == fds + 1);
  }
  CHECK(open_fds() == fds);
}

TEST_CASE("connector: a name is resolved first; one that does not exist, or a path too long, is told") {
  ScriptedServer server([](ScriptedConnection& connection) { connection.wait_for_close(); });
  UvLoop loop;
  Resolver resolver(loop);
  const auto connect = [&](const Connector::Target& target) {
    Connector connector(loop, resolver);
    std::optional<std::string> outcome;
    connector.start(target, 3s,
                    [&](tl::expected<FileDescriptor, std::string> fd) { outcome = fd ? "ok" : fd.error(); });
    REQUIRE(run_until(loop, [&] { return outcome.has_value(); }));
    return *outcome;
  };
  CHECK(connect({"localhost", false, server.port(), ""}) == "ok");  // ::1 refuses, 127.0.0.1 is next
  CHECK(connect({"no-such-host.invalid", false, 1, ""}).starts_with("no-such-host.invalid: not resolved"));
  CHECK(connect({"", false, 0, "/nowhere/s"}) == "/nowhere/s: No such file or directory");
  const std::string long_path = "/" + std::string(200, 'p');
  CHECK(connect({"", false, 0, long_path}) == long_path + ": File name too long");
}

}  // namespace introspectd::io
