// Revoker: RFC 7009 for callers: the token is dead here first, then the revocation is forwarded to the authorization
// server with this node's client authentication (STD 4.06). 200 → dead, before and after the answer; refused → the
// token lives again and is asked for anew; no answer → 503, and dead it stays.
// A token that nobody has presented here may be a refresh token: the AS is asked once what it knows of it, and the
// access tokens of the same session, else of the same user and client, are held before and after the AS's answer
// (STD 4.05: the cache sees no grant). What the AS confirmed is durable, here and for the fleet, before the caller's
// 200.
// Revocations of one token at the same time share one forwarded call, so that a refusal lifts what they all made.
// Threads: the back loop only.  Owns: forwarded calls.  Errors: outcomes, delivered.
// Cost: one upstream call a token, two for what may be a refresh token; each is tried once more, within the budget, where
// its connection had died idle or the credential has changed (F63, F78).
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "oauth/signal.h"
#include "ports/event_loop.h"
#include "ports/upstream.h"
#include "service/loop_counters.h"
#include "service/messages.h"
#include "service/purger.h"
#include "service/relay.h"
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
  Relay* relay = nullptr;   // to the disk and the fleet; nullptr: there is neither
};

class Revoker {
 public:
  explicit Revoker(const RevokerParts& parts);
  void revoke(RevokeRequest request);
  std::size_t under_way() const { return forwards_.size(); }
  void shut_down();

 private:
  struct Forward {
    std::uint64_t number = 0;
    cache::TokenHash hash;
    cache::ServerId server = 0;
    Secret token;
    std::string hint;
    cache::Seq purge = 0;         // the newest purge that these revocations made
    bool newly_dead = false;      // the first of them made the token dead: a refusal may lift it
    unsigned tries = 0;           // of what is under way: the look-up, then the revocation
    unsigned credential = 0;      // ServerLink::renewals() of the credential that it was sent with
    MonoTime started;
    oauth::Signals holds;         // the access tokens that go with it, where it was learned
    std::vector<WaiterId> waiters;
    ports::PendingToken call;     // none: confirmed by the AS, on its way to the relay
  };

  Forward* join(const RevokeRequest& request, const cache::TokenCache::Purged& purged);
  Forward& add(RevokeRequest request, const cache::TokenCache::Purged& purged);
  void forward(RevokeRequest request, const cache::TokenCache::Purged& purged, bool may_be_refresh_token);
  bool learn(Forward& forward);
  void look_up(Forward& forward, bool fresh_connection);
  void on_learned(Forward& forward, const ports::UpstreamReply& reply);
  void read_learned(Forward& forward, const ports::UpstreamReply& reply, WallTime now);
  void not_learned(const Forward& forward, std::string_view why);
  void confirmed(Forward& forward);
  void relay(Forward& forward);
  void relayed(std::uint64_t number, bool durable);
  void call(Forward& forward, bool fresh_connection);
  void on_reply(Forward& forward, const ports::UpstreamReply& reply);
  bool worth_a_retry(const Forward& forward, const ports::UpstreamReply& reply, bool refused);
  void finish(Forward& forward, const Reply& reply);

  RevokerParts parts_;
  std::vector<UnknownQuota> quotas_;   // a caller each
  std::list<Forward> forwards_;
  std::uint64_t forwards_begun_ = 0;
  bool shutting_down_ = false;
};

}  // namespace introspectd::service
