// StreamVerifier: has one AS prove that its stream delivers: asks for a verification event with a state of ours (SSF
// 1.0 §8.1.4) every third of the channel's time-out, unless the channel was proven otherwise meanwhile. The event that
// brings our state proves the channel as of the moment we asked (GUARANTEES, H); one that does not come in time means
// that events are lost.
// Threads: the back loop.  Owns: the request under way, and states not yet back (≤ kOutstandingMost).
// Errors: a request that fails proves nothing and is tried again.  Cost: one small request every channel_timeout / 3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/random.h"
#include "cache/identity.h"
#include "ports/event_loop.h"
#include "ports/upstream.h"
#include "service/channels.h"
#include "service/settings.h"

namespace introspectd::service {

struct StreamVerifierParts {
  ports::EventLoop& loop;
  ports::Upstream& upstream;
  Channels& channels;
  cache::ServerId server = 0;
  const AuthorizationServerSettings& settings;   // with events.has_verification
  Duration channel_timeout{};
  std::uint64_t seed = 0;
  Log log;
};

class StreamVerifier {
 public:
  static constexpr std::size_t kOutstandingMost = 4;

  explicit StreamVerifier(const StreamVerifierParts& parts);
  StreamVerifier(StreamVerifier&&) = delete;
  StreamVerifier& operator=(StreamVerifier&&) = delete;
  ~StreamVerifier() = default;

  void start();
  // A verification event was accepted. `complete`: everything of this AS that was received before it is applied.
  void arrived(std::string_view state, bool complete);
  void shut_down();

  struct Counts {
    std::uint64_t requested = 0;
    std::uint64_t failed = 0;    // requests that the AS did not take
    std::uint64_t returned = 0;
    std::uint64_t missed = 0;    // not back in time
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Outstanding {
    std::string state;
    MonoTime sent_at;
  };

  void on_timer();
  void request();
  void on_reply(const std::string& state, const ports::UpstreamReply& reply);
  void give_up_old(MonoTime now);
  std::string next_state();

  StreamVerifierParts parts_;
  Random random_;
  std::deque<Outstanding> outstanding_;   // the oldest first
  MonoTime not_before_;                   // Retry-After
  bool failing_ = false;
  Counts counts_;
  ports::PendingToken call_;
  ports::PendingToken timer_;
};

}  // namespace introspectd::service
