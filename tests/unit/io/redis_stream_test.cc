// RedisStream against a real redis-server.
#include "io/redis_stream.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/io/loop_fixture.h"
#include "tests/unit/io/redis_server.h"
#include "tests/unit/io/stream_recorder.h"

namespace introspectd::io {
namespace {

using Fields = RedisAppender::Fields;

RedisStreamOptions options_for(const std::string& url) {
  RedisStreamOptions options;
  auto address = parse_redis_url(url);
  REQUIRE(address.has_value());
  options.address = std::move(*address);
  options.key = "events";
  options.jitter_seed = 7;
  return options;
}

// A node's side of the stream.
struct Client {
  Client(UvLoop& loop, RedisStreamOptions options) : resolver(loop), stream(loop, resolver, std::move(options)) {}
  Client(UvLoop& loop, const RedisServer& server) : Client(loop, options_for(server.url())) {}

  void append(const std::string& value) {
    stream.append({{"v", value}}, [this](bool ok) { (ok ? confirmed : failed)++; });
  }
  // The appending connection comes up by itself; until then appends fail.
  void append_surely(UvLoop& loop, const std::string& value) {
    const int before = confirmed;
    REQUIRE(run_until(loop, [&] {
      if (confirmed == before && failed == attempts) {
        ++attempts;
        append(value);
      }
      return confirmed != before;
    }));
    attempts = failed;
  }

  Resolver resolver;
  RedisStream stream;
  StreamRecorder told;
  int confirmed = 0;
  int failed = 0;
  int attempts = 0;
};

std::string values(const StreamRecorder& told) {
  std::string text;
  for (const ports::StreamEntry& entry : told.entries) {
    for (const auto& [name, value] : entry.fields) text += value + " ";
  }
  return text;
}

}  // namespace

TEST_CASE("redis_stream: what one client appends, two read, in order, from the start and from a cursor") {
  const RedisServer server;
  UvLoop loop;
  Client writer(loop, server);
  writer.stream.start(writer.told);
  CHECK(writer.told.facts.empty());  // events come in later turns
  REQUIRE(run_until(loop, [&] { return writer.told.is_connected; }));
  CHECK(writer.told.facts[0].run_id.size() == 40);
  CHECK(writer.told.facts[0].first_id.empty());
  CHECK(writer.told.facts[0].last_id.empty());
  writer.append_surely(loop, "a");
  for (const char* value : {"b", "c", "d"}) writer.append(value);
  REQUIRE(run_until(loop, [&] { return writer.confirmed == 4 && writer.told.entries.size() == 4; }));
  CHECK(values(writer.told) == "a b c d ");

  Client late(loop, server);
  late.told.cursor = writer.told.entries[1].id;
  late.stream.start(late.told);
  REQUIRE(run_until(loop, [&] { return late.told.entries.size() == 2; }));
  CHECK(values(late.told) == "c d ");
  CHECK(late.told.facts[0].first_id == writer.told.entries[0].id);
  CHECK(late.told.facts[0].last_id == writer.told.entries[3].id);
  CHECK(late.told.facts[0].max_deleted_id == "0-0");
  CHECK(late.told.facts[0].entries_added == 4);
  CHECK(server.command({"CLIENT", "LIST"}).find("name=introspectd") != std::string::npos);
}

TEST_CASE("redis_stream: a restarted server is another server: lost, then connected with a new run id (F97, F105)") {
  RedisServer server;
  UvLoop loop;
  Client client(loop, server);
  client.stream.start(client.told);
  REQUIRE(run_until(loop, [&] { return client.told.is_connected; }));
  client.append_surely(loop, "before");
  REQUIRE(run_until(loop, [&] { return client.told.entries.size() == 1; }));
  server.stop();
  REQUIRE(run_until(loop, [&] { return !client.told.is_connected; }));
  client.append("nobody there");
  REQUIRE(run_until(loop, [&] { return client.failed == 1; }));
  client.attempts = client.failed;
  server.start();
  REQUIRE(run_until(loop, [&] { return client.told.is_connected; }, 10s));
  REQUIRE(client.told.facts.size() == 2);
  CHECK(client.told.facts[1].run_id != client.told.facts[0].run_id);
  CHECK(client.told.facts[1].last_id.empty());
  client.append_surely(loop, "after");
  REQUIRE(run_until(loop, [&] { return client.told.entries.size() == 2; }));
  CHECK(values(client.told) == "before after ");
}

TEST_CASE("redis_stream: trimmed beyond the cursor shows in what is told of the stream (F94)") {
  const RedisServer server;
  for (const char* id : {"5-1", "5-2", "6-0", "7-0"}) server.command({"XADD", "events", id, "v", id});
  server.command({"XTRIM", "events", "MAXLEN", "1"});
  UvLoop loop;
  Client client(loop, server);
  client.told.cursor = "5-1";
  client.stream.start(client.told);
  REQUIRE(run_until(loop, [&] { return client.told.entries.size() == 1; }));
  CHECK(client.told.facts[0].first_id == "7-0");
  CHECK(client.told.facts[0].last_id == "7-0");
  CHECK(client.told.facts[0].max_deleted_id == "6-18446744073709551615");
  CHECK(client.told.facts[0].entries_added == 4);
  client.stream.stop();

  server.command({"XTRIM", "events", "MAXLEN", "0"});
  Client empty(loop, server);
  empty.stream.start(empty.told);
  REQUIRE(run_until(loop, [&] { return empty.told.is_connected; }));
  CHECK(empty.told.facts[0].first_id.empty());
  CHECK(empty.told.facts[0].last_id == "7-0");
  CHECK(empty.told.facts[0].max_deleted_id == "7-0");
}

TEST_CASE("redis_stream: a server that hangs is lost within three and a half seconds, and comes back (F93)") {
  const RedisServer server;
  UvLoop loop;
  Client client(loop, server);
  client.stream.start(client.told);
  REQUIRE(run_until(loop, [&] { return client.told.is_connected; }));
  client.append_surely(loop, "a");
  server.signal(SIGSTOP);
  const MonoTime stopped = loop.now().mono;
  client.append("unheard");
  REQUIRE(run_until(loop, [&] { return !client.told.is_connected && client.failed == 1; }));
  CHECK(loop.now().mono - stopped <= 3500ms);
  CHECK(client.told.losses.back() == "XREAD: no reply in time");
  server.signal(SIGCONT);
  REQUIRE(run_until(loop, [&] { return client.told.is_connected; }, 10s));
}

TEST_CASE("redis_stream: a password opens, a wrong or missing one is told by its code and tried again") {
  const RedisServer server({"--requirepass", "s3cret", "--user", "node", "on", ">n0de", "~events", "+@all"});
  UvLoop loop;
  const auto with = [&](const char* user, const char* password) {
    RedisStreamOptions options = options_for(server.url() + "?db=0");
    options.address.user = user;
    options.address.password = Secret(password);
    return options;
  };
  Client right(loop, with("", "s3cret"));
  right.stream.start(right.told);
  CHECK(run_until(loop, [&] { return right.told.is_connected; }));
  Client named(loop, with("node", "n0de"));
  named.stream.start(named.told);
  CHECK(run_until(loop, [&] { return named.told.is_connected; }));

  Client wrong(loop, with("", "wrong"));
  wrong.stream.start(wrong.told);
  CHECK(run_until(loop, [&] { return wrong.told.losses.size() == 2; }));
  CHECK(wrong.told.losses[0] == "AUTH: WRONGPASS");
  Client none(loop, with("", ""));
  none.stream.start(none.told);
  CHECK(run_until(loop, [&] { return !none.told.losses.empty(); }));
  CHECK(none.told.losses[0] == "CLIENT: NOAUTH");
  CHECK(wrong.told.facts.size() + none.told.facts.size() == 0);
}

TEST_CASE("redis_stream: another database holds another stream; one that does not exist is refused") {
  const RedisServer server;
  UvLoop loop;
  Client second(loop, options_for(server.url() + "?db=2"));
  second.stream.start(second.told);
  REQUIRE(run_until(loop, [&] { return second.told.is_connected; }));
  second.append_surely(loop, "two");
  CHECK(server.command({"EXISTS", "events"}) == "0");
  Client beyond(loop, options_for(server.url() + "?db=99"));
  beyond.stream.start(beyond.told);
  REQUIRE(run_until(loop, [&] { return !beyond.told.losses.empty(); }));
  CHECK(beyond.told.losses[0] == "SELECT: ERR");
}

TEST_CASE("redis_stream: a key of another type and a read-only replica are told, and tried again until they change") {
  const RedisServer server;
  server.command({"SET", "events", "text"});
  UvLoop loop;
  std::vector<std::string> trouble;
  RedisStreamOptions options = options_for(server.url());
  options.on_append_trouble = [&](std::string_view why) { trouble.emplace_back(why); };
  Client client(loop, std::move(options));
  client.stream.start(client.told);
  REQUIRE(run_until(loop, [&] { return client.told.losses.size() == 2; }));
  CHECK(client.told.losses[0] == "XINFO: WRONGTYPE");
  server.command({"DEL", "events"});
  REQUIRE(run_until(loop, [&] { return client.told.is_connected; }));
  client.append_surely(loop, "a");

  server.command({"REPLICAOF", "127.0.0.1", "1"});
  trouble.clear();
  REQUIRE(run_until(loop, [&] {
    if (client.failed == client.attempts) {
      ++client.attempts;
      client.append("refused");
    }
    return !trouble.empty() && trouble.back() == "XADD: READONLY";
  }));
  server.command({"REPLICAOF", "NO", "ONE"});
  client.attempts = client.failed;
  client.append_surely(loop, "b");
  REQUIRE(run_until(loop, [&] { return client.told.entries.size() == 2; }));
  CHECK(values(client.told) == "a b ");
}

TEST_CASE("redis_stream: the log is kept at about its length, and ten thousand appends stay in order (F100)") {
  const RedisServer server;
  UvLoop loop;
  RedisStreamOptions options = options_for(server.url());
  options.entries_most = 4000;
  Client client(loop, std::move(options));
  client.stream.start(client.told);
  REQUIRE(run_until(loop, [&] { return client.told.is_connected; }));
  client.append_surely(loop, "0");
  int sent = 1;
  // Never so far ahead of the reader that what it has not read is trimmed.
  const auto unread = [&] { return sent - static_cast<int>(client.told.entries.size()); };
  REQUIRE(run_until(loop, [&] {
    for (; sent < 10'000 && sent - client.confirmed < 500 && unread() < 2000; ++sent) client.append(std::to_string(sent));
    return client.told.entries.size() == 10'000 && client.confirmed == 10'000;
  }, 20s));
  CHECK(client.failed == 0);
  for (std::size_t i = 0; i != client.told.entries.size(); ++i) {
    REQUIRE(client.told.entries[i].fields.at(0).second == std::to_string(i));
  }
  CHECK(std::stoi(server.command({"XLEN", "events"})) <= 4200);
}

TEST_CASE("redis_stream: appends beyond the bound fail at once, those within it are confirmed") {
  const RedisServer server;
  UvLoop loop;
  Client client(loop, server);
  client.stream.start(client.told);
  REQUIRE(run_until(loop, [&] { return client.told.is_connected; }));
  client.append_surely(loop, "0");
  const int failed_before = client.failed;
  for (std::size_t i = 0; i != RedisAppender::kPendingMost; ++i) client.append("within");
  client.append("beyond");
  CHECK(client.failed == failed_before);  // told in a later turn
  REQUIRE(run_until(loop, [&] { return client.confirmed == 1 + static_cast<int>(RedisAppender::kPendingMost); }));
  CHECK(client.failed == failed_before + 1);
}

TEST_CASE("redis_stream: stopped or destroyed inside its own events, nothing comes any more (I36)") {
  const RedisServer server;
  server.command({"XADD", "events", "1-0", "v", "a"});
  UvLoop loop;
  const std::size_t fds = open_fds();
  auto client = std::make_unique<Client>(loop, server);
  StreamRecorder told;
  SUBCASE("stopped when connected") {
    told.when_connected = [&] { client->stream.stop(); };
    client->stream.start(told);
    REQUIRE(run_until(loop, [&] { return told.facts.size() == 1; }));
  }
  SUBCASE("destroyed when entries come") {
    told.when_entries = [&] { client.reset(); };
    client->stream.start(told);
    REQUIRE(run_until(loop, [&] { return told.entries.size() == 1; }));
  }
  SUBCASE("destroyed when lost") {
    told.when_lost = [&] { client.reset(); };
    client->stream.start(told);
    REQUIRE(run_until(loop, [&] { return told.is_connected; }));
    server.command({"CLIENT", "KILL", "TYPE", "normal"});
    REQUIRE(run_until(loop, [&] { return told.losses.size() == 1; }));
  }
  CHECK_FALSE(run_until(loop, [&] { return told.facts.size() + told.losses.size() > 2; }, 300ms));
  CHECK(open_fds() == fds);
}

TEST_CASE("redis_stream: stop fails what is under way, in a later turn; destruction drops it") {
  const RedisServer server;
  UvLoop loop;
  Client client(loop, server);
  client.stream.start(client.told);
  REQUIRE(run_until(loop, [&] { return client.told.is_connected; }));
  client.append_surely(loop, "a");
  const int failed_before = client.failed;
  client.append("b");
  client.stream.stop();
  CHECK(client.failed == failed_before);
  REQUIRE(run_until(loop, [&] { return client.failed == failed_before + 1; }));

  auto second = std::make_unique<Client>(loop, server);
  int told = 0;
  second->stream.append({{"v", "c"}}, [&told](bool) { ++told; });
  second.reset();
  CHECK_FALSE(run_until(loop, [&] { return told != 0; }, 20ms));
}

}  // namespace introspectd::io
