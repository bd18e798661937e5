// KeyRing: the public keys of one authorization server, from its JWKS (RFC 7517), so that its signed events can be
// verified. Fetched at the start and in the background; honours Cache-Control within 5 min–24 h (STD 3.15); a failed
// refresh keeps the last good keys for 24 h past their time; a key that is gone from the JWKS verifies nothing any more
// (STD 3.17). A `kid` that is not there is worth one fetch for all who wait for it, at most one in 30 s (STD 3.16). A
// signature that does not verify is worth the same fetch: an AS may rotate under the same kid, or name none. So neither
// made-up kids nor made-up signatures can make this node hammer an AS, nor keep a new key out for longer than the 30 s.
// That a key is not there says only what the AS's JWKS said when it was asked for: whoever refuses an event for that
// looks at `asked_ago`. Nothing is remembered of who asked for what.
// Threads: the back loop.  Owns: the keys, the fetch under way, and who waits for it (≤ 256, ≤ 5 s).
// Errors: KeyAnswer.  Cost: a look in the set; a fetch where the key is not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/log.h"
#include "base/random.h"
#include "base/unique_function.h"
#include "cache/identity.h"
#include "codec/jose.h"
#include "ports/event_loop.h"
#include "ports/upstream.h"
#include "service/backoff.h"
#include "service/settings.h"

namespace introspectd::service {

// How long a JWKS stays fresh by its Cache-Control field: within 5 min–24 h, 1 h where it does not say.
Duration keys_lifetime(std::string_view cache_control);

enum class KeyAnswer : std::uint8_t {
  kHere,          // verify now, in this turn
  kNoSuchKey,     // the JWKS that is here, asked for as long ago as `asked_ago` says, has no such key
  kUnavailable,   // it may exist, but the JWKS cannot be had now: try again later
  kTooManyWait,
};

// May a signature that did not verify verify with other keys than ours?
enum class DoubtAnswer : std::uint8_t {
  kChanged,       // the AS has other keys by now: look again
  kSame,          // it had the same when it was asked, as long ago as `asked_ago` says
  kUnavailable,   // the JWKS cannot be had now, or too many wait: try again later
};

struct KeyRingParts {
  ports::EventLoop& loop;
  ports::Upstream& upstream;
  cache::ServerId server = 0;
  const AuthorizationServerSettings& settings;
  std::uint64_t seed = 0;
  Log log;
};

class KeyRing {
 public:
  static constexpr std::size_t kWaitersMost = 256;
  static constexpr Duration kWaitMost = std::chrono::seconds{5};
  static constexpr Duration kCooldown = std::chrono::seconds{30};
  static constexpr Duration kKeptStale = std::chrono::hours{24};

  explicit KeyRing(const KeyRingParts& parts);
  KeyRing(KeyRing&&) = delete;
  KeyRing& operator=(KeyRing&&) = delete;
  ~KeyRing() = default;

  // The first fetch.
  void start();
  // `done` runs once, in this turn or within kWaitMost.
  void find(const codec::CompactJws& jws, UniqueFunction<void(KeyAnswer)> done);
  // A signature by a key that is here did not verify. `done` as of `find`.
  void doubt(UniqueFunction<void(DoubtAnswer)> done);
  // After kHere, in the same turn. kNoKey: it has gone since.
  tl::expected<void, codec::JoseError> verify(const codec::CompactJws& jws) const;
  // An upper estimate of what `verify` takes, every key that might fit counted.
  unsigned verification_cost_us(const codec::CompactJws& jws) const {
    return keys_ ? keys_->verification_cost_us(jws) : 0;
  }
  // How long ago the JWKS that is here was asked for: what the AS has published since may not be in it. After kHere,
  // kNoSuchKey, kChanged or kSame, in the same turn.
  Duration asked_ago() const { return parts_.loop.now().mono - asked_for_at_; }
  // Until an event may make it be fetched once more; zero: now.
  Duration cooldown_left() const;
  // No more fetches; who waits is told.
  void shut_down();

  struct Counts {
    std::size_t keys = 0;
    std::optional<Duration> age;   // since the last fetch that succeeded
    std::uint64_t fetched = 0;
    std::uint64_t failed = 0;
  };
  Counts counts() const;

 private:
  struct Waiter {
    codec::CompactJws wanted;   // algorithm and kid alone
    UniqueFunction<void(KeyAnswer)> done;
  };

  void fetch();
  void send(bool fresh_connection);
  void on_reply(const ports::UpstreamReply& reply);
  void succeeded(codec::KeySet keys, Duration lifetime);
  void failed(std::string_view why, int status);
  void schedule(Duration delay);
  bool has_keys(MonoTime now) const { return keys_.has_value() && now < drop_at_; }
  bool is_cooling(MonoTime now) const;
  bool has_room() const { return waiters_.size() + doubters_.size() < kWaitersMost; }
  void fetch_for_an_event(MonoTime now);
  void tell(DoubtAnswer outcome);

  KeyRingParts parts_;
  Random random_;
  Backoff backoff_;
  std::optional<codec::KeySet> keys_;
  MonoTime fetched_at_;
  MonoTime asked_for_at_;       // the fetch that brought them began
  MonoTime drop_at_;            // the last good keys are given up then
  bool asked_before_ = false;   // an event has made us fetch …
  MonoTime asked_at_;           // … then
  bool failing_ = false;        // the last fetch failed; the next one is scheduled
  bool fetching_ = false;
  bool shut_down_ = false;
  MonoTime sent_at_;            // the fetch under way began
  std::vector<Waiter> waiters_;
  std::vector<UniqueFunction<void(DoubtAnswer)>> doubters_;
  Counts counts_;
  ports::PendingToken call_;
  ports::PendingToken deadline_;   // of the fetch under way
  ports::PendingToken refresh_;
};

}  // namespace introspectd::service
