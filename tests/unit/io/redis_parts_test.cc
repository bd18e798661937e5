// The pure parts of the Redis adapter: addresses, commands, replies, what they say of a stream, back-off.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/backoff.h"
#include "io/redis_address.h"
#include "io/redis_command.h"
#include "io/redis_reply.h"
#include "io/redis_stream_reply.h"

namespace introspectd::io {
namespace {

using Status = RedisReplyReader::Status;
using namespace std::chrono_literals;

std::string refusal(std::string_view url) {
  const auto address = parse_redis_url(url);
  REQUIRE_FALSE(address.has_value());
  return address.error();
}

// Everything that a text tells, on one line; the last word is why it ends.
std::string replies_of(std::string_view text, std::size_t cut) {
  const auto show = [](const auto& self, const RedisReply& reply) -> std::string {
    std::string shown = std::to_string(static_cast<int>(reply.kind)) + ":" + reply.text;
    if (reply.kind == RedisReply::Kind::kInteger) shown += std::to_string(reply.integer);
    for (const RedisReply& element : reply.elements) shown += "[" + self(self, element) + "]";
    return shown;
  };
  RedisReplyReader reader;
  std::string shown;
  for (const std::string_view part : {text.substr(0, cut), text.substr(cut)}) {
    reader.feed(part);
    for (;;) {
      RedisReply reply;
      const Status status = reader.next(reply);
      if (status == Status::kMalformed) return shown + "malformed";
      if (status == Status::kTooLarge) return shown + "too large";
      if (status == Status::kNeedMore) break;
      shown += show(show, reply) + " ";
    }
  }
  return shown;
}

RedisReply reply_of(std::string_view text) {
  RedisReplyReader reader;
  reader.feed(text);
  RedisReply reply;
  REQUIRE(reader.next(reply) == Status::kReply);
  return reply;
}

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

std::string array_of(const std::vector<std::string>& elements) {
  std::string text = "*" + std::to_string(elements.size()) + "\r\n";
  for (const std::string& element : elements) text += element;
  return text;
}

std::string entry_of(std::string_view id, std::size_t fields, std::string_view value = "v") {
  std::vector<std::string> pairs;
  for (std::size_t i = 0; i != fields; ++i) {
    pairs.push_back(bulk("f"));
    pairs.push_back(bulk(value));
  }
  return array_of({bulk(id), array_of(pairs)});
}

std::optional<std::vector<ports::StreamEntry>> entries_of(const std::string& list, StreamId after = {}) {
  return read_entries(reply_of(array_of({array_of({bulk("k"), list})})), "k", after);
}

}  // namespace

TEST_CASE("redis_address: host, port, database, user and password are read, each with its default") {
  const auto plain = parse_redis_url("redis://Redis.Example.com");
  REQUIRE(plain.has_value());
  CHECK(plain->host == "redis.example.com");
  CHECK(plain->port == 6379);
  CHECK(plain->database == 0);
  CHECK(plain->password.empty());
  CHECK_FALSE(plain->is_numeric);
  CHECK_FALSE(plain->is_loopback);

  const auto full = parse_redis_url("redis://us%65r:p%40ss%3A@[::1]:7000/15");
  REQUIRE(full.has_value());
  CHECK(full->host == "::1");
  CHECK(full->is_numeric);
  CHECK(full->is_loopback);
  CHECK(full->port == 7000);
  CHECK(full->database == 15);
  CHECK(full->user == "user");
  CHECK(full->password.reveal() == "p@ss:");

  const auto nameless = parse_redis_url("redis://:secret@127.0.0.1:1/");
  REQUIRE(nameless.has_value());
  CHECK(nameless->user.empty());
  CHECK(nameless->password.reveal() == "secret");

  const auto local = parse_redis_url("unix:/run/redis.sock?db=3");
  REQUIRE(local.has_value());
  CHECK(local->unix_path == "/run/redis.sock");
  CHECK(local->host.empty());
  CHECK(local->database == 3);
  CHECK(local->is_loopback);
  CHECK(parse_redis_url("unix:/" + std::string(106, 'p')).has_value());
}

TEST_CASE("redis_address: everything else is refused, and no refusal repeats a password") {
  CHECK(refusal("rediss://host") == "TLS to Redis is not supported: expected redis:// or unix:");
  for (const char* url : {"", "http://host", "host:6379", "redis:/host", "redis://", "redis://host:0",
                          "redis://host:65536", "redis://host:x", "redis://host/x", "redis://host/-1",
                          "redis://host/65536", "redis://host/1/2",
                          "redis://ho st", "redis://user@host", "redis://user:@host", "redis://u:%4@host",
                          "redis://u:%zz@host", "redis://host?db=1", "redis://host#x", "unix:", "unix:relative",
                          "unix:/s?db=", "unix:/s?x=1", "unix:/s?db=1x"}) {
    CAPTURE(url);
    CHECK_FALSE(refusal(url).empty());
  }
  CHECK_FALSE(refusal("unix:/" + std::string(107, 'p')).empty());
  for (const char* url : {"redis://u:hunter2@host:x", "redis://u:hunter2@ho st", "redis://u:hunter2%@host",
                          "redis://u:hunter2@host/x", "redis://u:hunter2@host?x", "rediss://u:hunter2@host"}) {
    CHECK(refusal(url).find("hunter2") == std::string::npos);
  }
}

TEST_CASE("redis_command: words are counted, so that none can become another command") {
  ByteBuffer out;
  const std::array<std::string_view, 3> words{"XADD", std::string_view("a\r\n\0b", 5), ""};
  append_redis_command(out, words);
  CHECK(out.view() == std::string_view("*3\r\n$4\r\nXADD\r\n$5\r\na\r\n\0b\r\n$0\r\n\r\n", 31));
}

TEST_CASE("redis_reply: all kinds of replies are read alike, wherever the bytes are cut (I26)") {
  const std::string text = "+OK\r\n-NOAUTH no\r\n:-7\r\n$-1\r\n*-1\r\n$0\r\n\r\n*0\r\n" + bulk("a\r\nb") +
                           array_of({bulk("k"), array_of({array_of({bulk("1-0"), ":5\r\n"}), "$-1\r\n"}), "+x\r\n"});
  const std::string whole = replies_of(text, 0);
  CHECK(whole == "2:OK 3:NOAUTH no 4:-7 0: 0: 1: 5: 1:a\r\nb 5:[1:k][5:[5:[1:1-0][4:5]][0:]][2:x] ");
  for (std::size_t cut = 1; cut < text.size(); ++cut) REQUIRE(replies_of(text, cut) == whole);
}

TEST_CASE("redis_reply: garbage and nesting without end are malformed, and stay so") {
  for (const char* text : {"x\r\n", "HTTP/1.1 400 Bad Request\r\n", "\r\n", "\x16\x03\x01"}) {
    CHECK(replies_of(text, 0) == "malformed");
  }
  std::string deep = ":1\r\n";
  for (int depth = 1; depth <= 7; ++depth) deep = "*1\r\n" + deep;
  CHECK(replies_of(deep, 0).find("malformed") == std::string::npos);
  CHECK(replies_of("*1\r\n*1\r\n" + deep, 0) == "malformed");

  RedisReplyReader reader;
  RedisReply reply;
  reader.feed("x\r\n");
  CHECK(reader.next(reply) == Status::kMalformed);
  reader.feed("+OK\r\n");
  CHECK(reader.next(reply) == Status::kMalformed);
}

TEST_CASE("redis_reply: a reply of 16 MiB is read, one byte more is too large, complete or not (F99)") {
  const std::string head = "$16777200\r\n";  // with its CRLFs 11 bytes more
  const std::size_t rest = RedisReplyReader::kReplyBytesMost - head.size() - 2;
  const auto sized = [](std::size_t bytes) { return bulk(std::string(bytes, 'x')); };
  CHECK(replies_of(sized(rest), 100).size() == rest + 3);
  CHECK(replies_of(sized(rest + 1), 100) == "too large");
  CHECK(replies_of("$99999999\r\n" + std::string(RedisReplyReader::kReplyBytesMost, 'x'), 100) == "too large");
  // The limit is each reply's own.
  CHECK(replies_of("+a\r\n" + sized(rest), 100).size() == rest + 7);
}

TEST_CASE("redis_reply: as many elements as the limit are read, one more is too large before it comes (F99)") {
  std::vector<std::string> elements(RedisReplyReader::kElementsMost - 1, ":1\r\n");  // and the array itself
  RedisReplyReader reader;
  reader.feed(array_of(elements));
  RedisReply reply;
  REQUIRE(reader.next(reply) == Status::kReply);
  CHECK(reply.elements.size() == elements.size());
  CHECK(replies_of("*" + std::to_string(RedisReplyReader::kElementsMost + 1) + "\r\n", 0) == "too large");
  // Announced in parts.
  const std::string half = array_of(std::vector<std::string>(RedisReplyReader::kElementsMost / 2, ":1\r\n"));
  CHECK(replies_of(array_of({half, half}), 0) == "too large");
}

TEST_CASE("redis_reply: of an error only its code is ever told") {
  const auto code = [](const char* text) { return std::string(redis_error_code(reply_of(text))); };
  CHECK(code("-NOAUTH Authentication required.\r\n") == "NOAUTH");
  CHECK(code("-LOADING\r\n") == "LOADING");
  CHECK(code("-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n") == "ERR");
  CHECK(code("-hunter2\r\n") == "?");
  CHECK(code("-\r\n") == "?");
}

TEST_CASE("redis_stream_reply: an id has one spelling, ordered by both numbers") {
  CHECK(parse_stream_id("5-7") == StreamId{5, 7});
  CHECK(format_stream_id({18446744073709551615U, 0}) == "18446744073709551615-0");
  CHECK(parse_stream_id("18446744073709551615-18446744073709551615").has_value());
  for (const char* text : {"", "5", "5-", "-5", "05-1", "5-01", "+5-1", " 5-1", "5-1 ", "5-1-1", "a-1",
                           "18446744073709551616-0"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_stream_id(text).has_value());
  }
  CHECK(StreamId{2, 0} > StreamId{1, 9});
  CHECK(StreamId{1, 10} > StreamId{1, 9});
}

TEST_CASE("redis_stream_reply: the run id is read out of INFO, or nothing") {
  CHECK(read_run_id(reply_of(bulk("# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\ntcp_port:0\r\n"))) == "abc");
  for (const char* text : {"run_id:abc\r\n", "\r\nrun_id:\r\n", "\r\nrun_id:abc", "\r\nold_run_id:abc\r\n"}) {
    CHECK_FALSE(read_run_id(reply_of(bulk(text))).has_value());
  }
  CHECK_FALSE(read_run_id(reply_of(":1\r\n")).has_value());
}

TEST_CASE("redis_stream_reply: what was removed is bounded from what each version tells (F94)") {
  const std::string first = entry_of("7-0", 1);
  const auto facts = [](std::vector<std::string> more) {
    more.insert(more.begin(), {bulk("last-generated-id"), bulk("9-1")});
    return read_stream_facts(reply_of(array_of(more)));
  };
  const auto whole = facts({bulk("length"), ":2\r\n", bulk("first-entry"), first, bulk("entries-added"), ":2\r\n",
                            bulk("max-deleted-entry-id"), bulk("0-0")});
  REQUIRE(whole.has_value());
  CHECK(whole->first_id == "7-0");
  CHECK(whole->last_id == "9-1");
  CHECK(whole->entries_added == 2);
  CHECK(whole->max_deleted_id == "0-0");
  const auto trimmed = facts({bulk("length"), ":2\r\n", bulk("first-entry"), first, bulk("entries-added"), ":3\r\n"});
  REQUIRE(trimmed.has_value());
  CHECK(trimmed->max_deleted_id == "6-18446744073709551615");
  const auto deleted = facts({bulk("length"), ":2\r\n", bulk("first-entry"), first, bulk("entries-added"), ":3\r\n",
                              bulk("max-deleted-entry-id"), bulk("8-0")});
  CHECK(deleted->max_deleted_id == "8-0");
  const auto old = facts({bulk("length"), ":2\r\n", bulk("first-entry"), first});
  REQUIRE(old.has_value());
  CHECK(old->max_deleted_id == "6-18446744073709551615");
  CHECK(old->entries_added == 0);
  const auto empty = facts({bulk("length"), ":0\r\n", bulk("first-entry"), "$-1\r\n", bulk("entries-added"), ":4\r\n"});
  REQUIRE(empty.has_value());
  CHECK(empty->first_id.empty());
  CHECK(empty->max_deleted_id == "9-1");

  CHECK_FALSE(facts({bulk("length"), ":2\r\n", bulk("first-entry"), "$-1\r\n"}).has_value());
  CHECK_FALSE(facts({bulk("length"), ":-1\r\n", bulk("first-entry"), first}).has_value());
  CHECK_FALSE(facts({bulk("first-entry"), first}).has_value());
  CHECK_FALSE(read_stream_facts(reply_of("+OK\r\n")).has_value());
}

TEST_CASE("redis_stream_reply: entries are read in order; any other shape or order is refused whole (F99)") {
  const auto some = entries_of(array_of({entry_of("1-0", 1), entry_of("1-1", 2)}));
  REQUIRE(some.has_value());
  REQUIRE(some->size() == 2);
  CHECK(some->at(1).id == "1-1");
  CHECK(some->at(1).fields.size() == 2);
  CHECK(read_entries(reply_of("*-1\r\n"), "k", {})->empty());

  CHECK_FALSE(entries_of(array_of({entry_of("1-1", 1), entry_of("1-1", 1)})).has_value());
  CHECK_FALSE(entries_of(array_of({entry_of("1-1", 1)}), {1, 1}).has_value());
  CHECK_FALSE(entries_of(array_of({})).has_value());
  CHECK_FALSE(entries_of(array_of({bulk("1-1")})).has_value());
  CHECK_FALSE(entries_of(array_of({array_of({bulk("1-1"), "*-1\r\n"})})).has_value());
  CHECK_FALSE(entries_of(array_of({array_of({bulk("1-1"), array_of({bulk("f")})})})).has_value());
  CHECK_FALSE(entries_of(array_of({array_of({bulk("1-1"), array_of({bulk("f"), ":1\r\n"})})})).has_value());
  CHECK_FALSE(entries_of(array_of({array_of({bulk("x"), array_of({})})})).has_value());
  CHECK_FALSE(read_entries(reply_of(array_of({array_of({bulk("other"), array_of({entry_of("1-0", 1)})})})), "k", {}));
  CHECK_FALSE(read_entries(reply_of("+OK\r\n"), "k", {}).has_value());
}

TEST_CASE("redis_stream_reply: an entry beyond the limits comes without fields and does not stop those behind it") {
  const std::string most(kEntryBytesMost - 1, 'x');
  const auto entries = entries_of(array_of({entry_of("1-0", kEntryFieldsMost), entry_of("2-0", kEntryFieldsMost + 1),
                                            entry_of("3-0", 1, most), entry_of("4-0", 1, most + "x"),
                                            entry_of("5-0", 1)}));
  REQUIRE(entries.has_value());
  REQUIRE(entries->size() == 5);
  CHECK(entries->at(0).fields.size() == kEntryFieldsMost);
  CHECK(entries->at(1).fields.empty());
  CHECK(entries->at(2).fields.size() == 1);
  CHECK(entries->at(3).fields.empty());
  CHECK(entries->at(4).fields.size() == 1);
}

TEST_CASE("backoff: doubles between its bounds, spread over all of them, and begins anew after a success") {
  Backoff backoff(50ms, 5s, 3);
  const auto spread = [&backoff](int failures) {
    Duration least = 1h;
    Duration most = 0s;
    for (int i = 0; i != 2000; ++i) {
      backoff.reset();
      for (int n = 1; n < failures; ++n) (void)backoff.next();
      const Duration drawn = backoff.next();
      least = std::min(least, drawn);
      most = std::max(most, drawn);
    }
    return std::pair(least, most);
  };
  for (const auto& [failures, ceiling] : {std::pair(1, Duration(100ms)), {2, 200ms}, {6, 3200ms}, {7, 5s}, {100, 5s}}) {
    const auto [least, most] = spread(failures);
    CHECK(least >= 50ms);
    CHECK(most <= ceiling);
    CHECK(most - least >= (ceiling - 50ms) * 9 / 10);
  }
}

}  // namespace introspectd::io
