// Revoker: RFC 7009 for callers: the token is dead here first, then the revocation is forwarded to the authorization
// server with this node's client authentication (STD 4.06). 200 → dead, before and after the answer; refused → the
// token lives again and is asked for anew; no answer → 503, and dead it stays.
// Revocations of one token at the same time share one forwarded call, so that a refusal lifts what they all made.
// Threads: the back loop only.  Owns: forwarded calls.  Errors: outcomes, delivered.  Cost: one upstream call a token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "base/log.h"
#include "ports/event_loop.h"
#include "ports/upstream.h"
#include "service/loop_counters.h"
#include "service/messages.h"
#include "service/purger.h"
#include "service/server_link.h"
#include "service/settings.h"

namespace introspectd::service {

// How many unknown tokens a caller may revoke: made-up ones must not fill the memory of dead tokens (F102).
class UnknownQuota {
 public:
  static constexpr std::uint64_t kPerSecond = 100;
  static constexpr std::uint64_t kBurst = 1000;
  bool take(MonoTime now);

 private:
  bool started_ = false;
  MonoTime filled_;
  std::uint64_t tokens_ = kBurst;
};

struct RevokerParts {
  ports::EventLoop& loop;
  ports::Upstream& upstream;
  Purger& purger;
  const Settings& settings;
  std::vector<std::unique_ptr<ServerLink>>& servers;
  Replies& replies;
  LoopCounters& counters;
  Log log;
};

class Revoker {
 public:
  explicit Revoker(const RevokerParts& parts);
  void revoke(RevokeRequest request);
  std::size_t under_way() const { return forwards_.size(); }
  void shut_down();

 private:
  struct Forward {
    cache::TokenHash hash;
    cache::ServerId server = 0;
    Secret token;
    std::string hint;
    cache::Seq purge = 0;         // the newest purge that these revocations made
    bool newly_dead = false;      // the first of them made the token dead: a refusal may lift it
    unsigned tries = 0;
    MonoTime started;
    std::vector<WaiterId> waiters;
    ports::PendingToken call;
  };

  void forward(RevokeRequest request, const cache::TokenCache::Purged& purged);
  void call(Forward& forward, bool fresh_connection);
  void on_reply(Forward& forward, const ports::UpstreamReply& reply);
  bool retry(Forward& forward, const ports::UpstreamReply& reply);
  void finish(Forward& forward, const Reply& reply);

  RevokerParts parts_;
  std::vector<UnknownQuota> quotas_;   // a caller each
  std::list<Forward> forwards_;
  bool shutting_down_ = false;
};

}  // namespace introspectd::service
