#include "service/front.h"

#include <utility>

#include "base/assert.h"

namespace introspectd::service {
namespace {

constexpr Duration kSweepInterval = std::chrono::milliseconds{100};

}  // namespace

Front::Front(ports::EventLoop& loop, Application& application, const ListenSettings& limits,
             http::ResponseWriter& writer, LoopCounters& counters, Closed closed)
    : services_{loop, application, limits, writer, counters, *this}, closed_(std::move(closed)) {}

Front::~Front() = default;

void Front::accept(std::unique_ptr<ports::ByteStream> stream) {
  std::uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  services_.counters.add(Counter::kConnectionsAccepted);
  open_.fetch_add(1, std::memory_order_relaxed);
  slots_[slot] = std::make_unique<ServerSession>(services_, std::move(stream), slot);
  ServerSession& session = *slots_[slot];
  services_.writer.set_time(services_.loop.now().wall);
  session.start();
  if (draining_) session.drain();
  schedule_sweep();
}

void Front::deliver(const WaiterId& waiter, const Reply& reply) {
  if (waiter.slot >= slots_.size()) return;
  ServerSession* const session = slots_[waiter.slot].get();
  if (session == nullptr || !session->awaits(waiter.serial)) return;
  session->deliver(reply);
}

// Called from within the session: it is destroyed in a turn of its own.
void Front::session_ended(std::uint32_t slot) {
  services_.counters.add(Counter::kConnectionsClosed);
  open_.fetch_sub(1, std::memory_order_relaxed);
  if (closed_) closed_(slots_[slot]->peer());
  ended_.push_back(slot);
  if (ended_.size() == 1) services_.loop.post([this] { reap(); });
}

void Front::reap() {
  const std::vector<std::uint32_t> ended = std::exchange(ended_, {});
  for (const std::uint32_t slot : ended) {
    slots_[slot].reset();
    free_slots_.push_back(slot);
  }
  if (draining_ && sessions() == 0 && drained_) std::exchange(drained_, {})();
}

void Front::schedule_sweep() {
  if (sweep_ || sessions() == 0) return;
  sweep_ = services_.loop.after(kSweepInterval, [this] { sweep(); });
}

void Front::sweep() {
  const ports::PendingToken ended = std::move(sweep_);
  const MonoTime now = services_.loop.now().mono;
  for (const std::unique_ptr<ServerSession>& session : slots_) {
    if (session && !session->over()) session->check_deadline(now);
  }
  schedule_sweep();
}

void Front::drain(UniqueFunction<void()> drained) {
  draining_ = true;
  drained_ = std::move(drained);
  for (const std::unique_ptr<ServerSession>& session : slots_) {
    if (session && !session->over()) session->drain();
  }
  services_.loop.post([this] { reap(); });   // says so at once when nobody is there
}

void Front::abandon() {
  for (const std::unique_ptr<ServerSession>& session : slots_) {
    if (session && !session->over()) session->abandon();
  }
}

}  // namespace introspectd::service
