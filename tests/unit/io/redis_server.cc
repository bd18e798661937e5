#include "tests/unit/io/redis_server.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "base/assert.h"

namespace introspectd::io {
namespace {

using Context = std::unique_ptr<redisContext, decltype(&redisFree)>;

Context connect_to(const std::string& path) {
  Context context(redisConnectUnix(path.c_str()), &redisFree);
  if (context && context->err != 0) context.reset();
  return context;
}

std::string text_of(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER: return std::to_string(reply.integer);
    case REDIS_REPLY_NIL: return "nil";
    case REDIS_REPLY_ARRAY: break;
    default: return {reply.str, reply.len};
  }
  std::string text;
  for (std::size_t i = 0; i != reply.elements; ++i) text += (i == 0 ? "" : " ") + text_of(*reply.element[i]);
  return text;
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> options) : options_(std::move(options)) { start(); }

void RedisServer::start() {
  CHECK_INVARIANT(pid_ == -1);
  std::vector<std::string> words{"redis-server", "--port",    "0",  "--unixsocket", socket(),
                                 "--save",       "",          "--appendonly", "no", "--dir",
                                 directory_.path(""), "--logfile", directory_.path("log")};
  words.insert(words.end(), options_.begin(), options_.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  CHECK_INVARIANT(::posix_spawnp(&pid_, "redis-server", nullptr, nullptr, arguments.data(), environ) == 0);
  for (int tries = 0; tries != 500; ++tries) {
    if (connect_to(socket()) != nullptr) return;
    ::poll(nullptr, 0, 10);
  }
  constexpr bool kAnswers = false;
  CHECK_INVARIANT(kAnswers);
}

void RedisServer::stop() {
  if (pid_ == -1) return;
  signal(SIGKILL);
  CHECK_INVARIANT(::waitpid(std::exchange(pid_, -1), nullptr, 0) > 0);
  ::unlink(socket().c_str());
}

void RedisServer::signal(int number) const { CHECK_INVARIANT(::kill(pid_, number) == 0); }

std::string RedisServer::command(std::initializer_list<std::string_view> words) const {
  const Context context = connect_to(socket());
  CHECK_INVARIANT(context != nullptr);
  std::vector<const char*> starts;
  std::vector<std::size_t> sizes;
  for (const std::string_view word : words) {
    starts.push_back(word.data());
    sizes.push_back(word.size());
  }
  void* const raw = redisCommandArgv(context.get(), static_cast<int>(words.size()), starts.data(), sizes.data());
  CHECK_INVARIANT(raw != nullptr);
  const std::unique_ptr<void, decltype(&freeReplyObject)> reply(raw, &freeReplyObject);
  return text_of(*static_cast<redisReply*>(raw));
}

}  // namespace introspectd::io
