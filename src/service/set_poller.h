// SetPoller: asks one AS for its Security Event Tokens by long polls (RFC 8936), hands them to the inbox, acknowledges
// in the next poll what is applied and durable, and says why the others were refused. What this node had no room for
// (outbox, load) is kept and judged again; until then nothing more is asked for, so memory is one poll's events.
//   polling → events at the inbox → (what could not be judged: wait, again) → all settled → polling …
// An answered poll proves the channel as of the moment it was sent, once everything it brought is applied and no more
// is there (GUARANTEES, H). An event that was refused may have been a revocation: what was proven before is forgotten.
// What our keys refuse is neither acknowledged nor reported for two minutes, so that the AS sends it again: its JWKS may
// come to us late; while the JWKS cannot be had at all, for as long as that is so (held_events.h). Meanwhile the poll goes
// on and proves nothing, and asks for more events where some are held, so that these keep no others from coming.
// Threads: the back loop.  Owns: the poll under way, acknowledgements not yet taken, events not yet settled.
// Errors: counted, backed off with jitter, Retry-After honoured.  Cost: one held connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "base/unique_function.h"
#include "cache/identity.h"
#include "oauth/set_poll.h"
#include "ports/event_loop.h"
#include "ports/upstream.h"
#include "service/backoff.h"
#include "service/channels.h"
#include "service/event_inbox.h"
#include "service/held_events.h"
#include "service/settings.h"

namespace introspectd::service {

struct SetPollerParts {
  ports::EventLoop& loop;
  ports::Upstream& upstream;
  EventInbox& inbox;
  Channels& channels;
  cache::ServerId server = 0;
  const AuthorizationServerSettings& settings;   // with events.poll
  std::uint64_t seed = 0;
  Log log;
};

class SetPoller {
 public:
  // An AS that does not hold polls is asked this often while it has nothing to say.
  static constexpr Duration kPaceLeast = std::chrono::seconds{1};
  static constexpr Duration kBackoffMost = std::chrono::seconds{30};

  explicit SetPoller(const SetPollerParts& parts);
  SetPoller(SetPoller&&) = delete;
  SetPoller& operator=(SetPoller&&) = delete;
  ~SetPoller() = default;

  void start();
  // No more polls; what is to be acknowledged is, in one last request that nobody waits for.
  void stop();
  void shut_down();

  struct Counts {
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;
    std::uint64_t events = 0;
  };
  const Counts& counts() const { return counts_; }
  // When everything that the last answer brought has been at the inbox, which may be now: what one of its events says
  // of all others is judged then, as the events of an answer stand in no order (RFC 8936 §2.3).
  void once_settled(UniqueFunction<void()> then);
  // Everything that came by it has been applied: else no other proof of this channel may be believed (I13).
  bool all_applied() const { return held_.empty() && unsettled_.empty() && !any_refused_ && !any_unheld_; }

 private:
  void poll();
  ports::UpstreamCall call_with(const oauth::PollRequest& request, Duration timeout) const;
  void on_reply(const ports::UpstreamReply& reply);
  void on_failure(std::string_view why, const ports::UpstreamReply& reply);
  void deliver(std::vector<oauth::PolledSet> sets);
  void on_result(const oauth::PolledSet& set, EventVerdict verdict);
  bool is_held(const oauth::PolledSet& set, EventVerdict verdict);
  std::size_t events_to_ask_for() const;
  void settle();
  void tell_channel();
  void next();
  void wait(Duration delay, void (SetPoller::*then)());

  SetPollerParts parts_;
  const PollSettings* settings_;
  Random random_;
  Backoff backoff_;
  MonoTime sent_at_;
  std::size_t asked_for_ = 0;               // events of the poll under way
  bool return_at_once_ = false;             // the next poll: the last long one was held longer than we wait
  bool more_ = false;                       // the last answer said so, or was full
  bool failing_ = false;
  bool stopped_ = false;
  std::vector<std::string> acknowledged_;   // until an answer shows that the AS has them
  std::vector<oauth::SetRefusal> refused_;
  std::vector<oauth::PolledSet> unsettled_; // to be judged again
  std::size_t at_the_inbox_ = 0;
  std::size_t received_ = 0;                // with the last answer
  bool any_refused_ = false;                // of what the last answer brought
  bool any_held_ = false;                   // likewise
  bool any_unheld_ = false;                 // likewise: it waits for keys, and there was no room to remember it
  std::vector<UniqueFunction<void()>> once_settled_;
  HeldEvents held_;
  Counts counts_;
  ports::PendingToken call_;
  ports::PendingToken timer_;
};

}  // namespace introspectd::service
