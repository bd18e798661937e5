// RedisReply, RedisReplyReader: the replies of a Redis server as values, cut out of a stream of bytes (RESP2) and kept
// within limits. Sans-I/O; hiredis parses, our own functions build the values and count.
// Threads: one owner.  Owns: the bytes of an incomplete reply, at most kReplyBytesMost and one feed.
// Errors: kMalformed, kTooLarge; after either only destruction is left.  Cost: linear in the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;  // NOLINT(readability-identifier-naming): hiredis' name

namespace introspectd::io {

struct RedisReply {
  enum class Kind : std::uint8_t { kNil, kString, kStatus, kError, kInteger, kArray };

  Kind kind = Kind::kNil;
  std::string text;  // of a string, a status or an error
  std::int64_t integer = 0;
  std::vector<RedisReply> elements;

  bool is_error() const { return kind == Kind::kError; }
  bool is_text() const { return kind == Kind::kString || kind == Kind::kStatus; }
};

// The first word of an error reply, by which Redis tells kinds apart ("NOAUTH"); "?" where there is none. Never more of
// the text: Redis repeats the arguments of commands that it does not know, a password among them.
std::string_view redis_error_code(const RedisReply& error);

class RedisReplyReader {
 public:
  enum class Status : std::uint8_t { kReply, kNeedMore, kMalformed, kTooLarge };
  static constexpr std::size_t kReplyBytesMost = 16U << 20U;
  static constexpr std::size_t kElementsMost = 131'072;  // of one reply, arrays and what is in them

  RedisReplyReader();
  RedisReplyReader(const RedisReplyReader&) = delete;
  RedisReplyReader& operator=(const RedisReplyReader&) = delete;
  ~RedisReplyReader();

  void feed(std::string_view bytes);
  // The next complete reply; call until it says something else.
  Status next(RedisReply& reply);

 private:
  struct Build;  // hiredis calls it for every value

  std::unique_ptr<redisReader, void (*)(redisReader*)> reader_;
  std::size_t elements_ = 0;  // of the reply being built
  std::size_t unread_ = 0;    // bytes fed since the last complete reply
  bool too_large_ = false;
};

}  // namespace introspectd::io
