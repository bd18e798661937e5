// EventDesk: the EventInbox of a node: verifies signed events under their AS's keys, reads them by their kind, applies
// them, hands them to the fleet, and only then says accepted (SPEC §6: apply → outbox → ack).
//   received → keys at hand or fetched → its turn (≤ 1 ms of verification a loop turn) → applied → relayed → done
// What does not verify makes the keys be fetched once more (KeyRing::doubt), and is tried again where they have changed.
// An AS's new key may reach us late, by a cache in front of its JWKS or because somebody's made-up events use up the
// fetches. So what our keys refuse is refused for good only by keys that were asked for after it came, and kKeysSettle
// after it says it was issued; its sender is told to come again until then. By what it says, so that nothing need be
// remembered of it: who lies makes his own event come again, and nobody else's. After kKeysSettleAtLast whoever asked for
// the keys will do: an event that can never be verified must not wait behind somebody's made-up ones for ever.
// What came from the fleet is verified like everything else, and not relayed again.
// Threads: the back loop.  Owns: what waits, at most kWaitingMost events of kWaitingBytesMost in all.
// Errors: EventVerdict.  Cost: one signature verification an event; a map entry while it waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "base/log.h"
#include "base/unique_function.h"
#include "codec/jose.h"
#include "oauth/security_event.h"
#include "ports/event_loop.h"
#include "service/event_figures.h"
#include "service/event_inbox.h"
#include "service/key_ring.h"
#include "service/purger.h"
#include "service/relay.h"
#include "service/seen_events.h"
#include "service/settings.h"

namespace introspectd::service {

struct EventDeskParts {
  ports::EventLoop& loop;
  const Settings& settings;
  Purger& purger;
  std::vector<std::unique_ptr<KeyRing>>& keys;   // one an AS; null where it has no jwks_uri
  const Log& log;
};

class EventDesk final : public EventInbox {
 public:
  static constexpr std::size_t kWaitingMost = 4096;
  static constexpr std::size_t kWaitingBytesMost = std::size_t{16} << 20U;
  static constexpr unsigned kBudgetUs = 1000;   // of verification a loop turn; one event always fits
  static constexpr std::size_t kPayloadBytesAUs = 64;   // so many of a refused event's payload are read in a microsecond
  // A key may reach us this long after it has signed, and its AS's clock be this far from ours: a minute of each.
  static constexpr Duration kKeysSettle = std::chrono::minutes{2};
  static constexpr Duration kKeysSettleAtLast = std::chrono::hours{1};

  explicit EventDesk(const EventDeskParts& parts);

  // Null: there is no fleet. Set before the first event.
  void set_relay(Relay* relay) { relay_ = relay; }
  // What an accepted event says of its stream (SSF 1.0 §8.1.4, §8.1.5). `complete`: nothing of the same AS that was
  // received before it still waits, so that a verification event proves what it is to prove.
  using StreamNews = UniqueFunction<void(cache::ServerId, const oauth::SecurityEvent&, bool complete)>;
  void on_stream_news(StreamNews news) { news_ = std::move(news); }

  void receive(SignedEvent event, UniqueFunction<void(EventResult)> done) override;
  void receive_unsigned(UnsignedEvent event, UniqueFunction<void(EventResult)> done) override;
  // What waits is dropped; nothing is done any more.
  void shut_down();

  EventFigures figures() const;

 private:
  using Serial = std::uint64_t;   // in the order of receipt
  struct Waiting {
    SignedEvent event;
    codec::CompactJws jws;
    EventResult result;
    UniqueFunction<void(EventResult)> done;
    MonoTime received;
    // By the keys; told when the turn has the time to read its date.
    std::optional<EventVerdict> refused = std::nullopt;
    bool doubted = false;   // its signature did not verify, and the keys were asked for once more
  };

  bool accepts(const SignedEvent& event) const;
  void look_for_keys(Serial serial);
  void on_keys(Serial serial, KeyAnswer answer);
  void refuse_in_turn(Serial serial, EventVerdict verdict);
  unsigned cost_us(const Waiting& waiting) const;
  void verify_in_turn();
  void verify(Serial serial);
  void doubt_keys(Serial serial, Waiting& waiting);
  void on_doubt(Serial serial, DoubtAnswer answer);
  bool key_may_come(const Waiting& waiting) const;
  EventVerdict read(Waiting& waiting) const;
  void apply(Serial serial, Waiting& waiting);
  void relay(Serial serial, Waiting& waiting);
  void finish(Serial serial, EventVerdict verdict);
  void refuse_by_keys(Waiting& waiting, EventVerdict verdict);
  void count(EventOrigin origin, EventVerdict verdict, std::int64_t happened);
  bool nothing_waits_before(Serial serial, cache::ServerId server) const;

  EventDeskParts parts_;
  std::vector<oauth::EventPolicy> policies_;   // one an AS
  Relay* relay_ = nullptr;
  StreamNews news_;
  std::map<Serial, Waiting> waiting_;
  std::deque<Serial> ready_;                   // keys are here, their turn has not come
  std::size_t waiting_bytes_ = 0;
  Serial next_serial_ = 1;
  unsigned spent_us_ = 0;                      // in this turn
  bool verifying_ = false;
  bool shut_down_ = false;
  SeenEvents seen_;
  EventFigures figures_;
};

}  // namespace introspectd::service
