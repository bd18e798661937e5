// RedisLink: a connection to a Redis server that is made again whenever it is lost: connect, AUTH, SELECT, CLIENT
// SETNAME; then it is up until something fails; then a back-off.
// Threads: the loop's.  Owns: the attempt, the connection, the wait before the next one.
// Errors: on_down with a reason for the log, for every attempt that fails and every connection that is lost.
// Cost: four round trips a connection at most.
// Contract: events come in later turns than start; on_down may destroy the link, on_up may not; none after stop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/time.h"
#include "io/backoff.h"
#include "io/connector.h"
#include "io/redis_address.h"
#include "io/redis_connection.h"
#include "io/resolver.h"
#include "io/uv_loop.h"

namespace introspectd::io {

struct RedisTimes {
  Duration connect_within = std::chrono::seconds(2);  // name and addresses
  Duration reply_within = std::chrono::seconds(2);    // of a command, beyond what it blocks for
  Duration block = std::chrono::seconds(1);           // of one XREAD: how often silence is told from death
  Duration retry_least = std::chrono::milliseconds(50);
  Duration retry_most = std::chrono::seconds(5);
};

class RedisLinkEvents {
 public:
  RedisLinkEvents() = default;
  RedisLinkEvents(const RedisLinkEvents&) = delete;
  RedisLinkEvents& operator=(const RedisLinkEvents&) = delete;
  virtual ~RedisLinkEvents() = default;
  virtual void on_up(RedisConnection& connection) = 0;
  virtual void on_down(RedisLoss loss) = 0;
};

class RedisLink {
 public:
  // `address` and `events` outlive the link.
  RedisLink(UvLoop& loop, Resolver& resolver, const RedisAddress& address, const RedisTimes& times,
            std::uint64_t jitter_seed, RedisLinkEvents& events);
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  void start();
  void stop();
  // Null while down.
  RedisConnection* connection() { return is_up_ ? connection_.get() : nullptr; }
  // The server did what it is here for: the next loss is the first in a row.
  void prove() { backoff_.reset(); }
  // Gives the connection up as if it were lost: on_down runs inside.
  void fail(RedisLoss loss);

 private:
  void connect();
  void connected(FileDescriptor fd);
  void authenticate();
  void select_database();
  void name_client();
  void up();

  UvLoop& loop_;
  Resolver& resolver_;
  const RedisAddress& address_;
  RedisTimes times_;
  RedisLinkEvents& events_;
  Backoff backoff_;
  std::unique_ptr<Connector> connector_;
  std::unique_ptr<RedisConnection> connection_;
  ports::PendingToken retry_;
  bool is_up_ = false;
};

}  // namespace introspectd::io
