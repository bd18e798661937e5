#include "io/timer_queue.h"

#include <memory>
#include <utility>

namespace introspectd::io {

struct TimerQueue::Timer final : ports::Pending {
  Timer(TimerQueue& q, MonoTime at, std::uint64_t n, UniqueFunction<void()> f)
      : queue(&q), deadline(at), number(n), callback(std::move(f)) {}
  ~Timer() override {
    if (queue != nullptr) queue->remove(place);
  }

  TimerQueue* queue;  // null: has run, or the queue is gone
  MonoTime deadline;
  std::uint64_t number;
  UniqueFunction<void()> callback;
  std::size_t place = 0;
};

ports::PendingToken TimerQueue::add(MonoTime deadline, UniqueFunction<void()> callback) {
  auto timer = std::make_unique<Timer>(*this, deadline, next_number_++, std::move(callback));
  heap_.push_back(timer.get());
  timer->place = heap_.size() - 1;
  sift_up(timer->place);
  return timer;
}

std::optional<MonoTime> TimerQueue::next_deadline() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->deadline;
}

void TimerQueue::run_due(MonoTime now) {
  const std::uint64_t end = next_number_;
  while (!heap_.empty() && heap_.front()->deadline <= now && heap_.front()->number < end) {
    Timer& timer = *heap_.front();
    remove(0);
    timer.queue = nullptr;
    // The callback may destroy its own token, hence the timer.
    UniqueFunction<void()> callback = std::move(timer.callback);
    callback();
  }
}

void TimerQueue::clear() noexcept {
  // Dropping a callback may destroy other tokens, which would look for their place: first forget all, then drop.
  std::vector<Timer*> timers = std::exchange(heap_, {});
  std::vector<UniqueFunction<void()>> callbacks;
  callbacks.reserve(timers.size());
  for (Timer* timer : timers) {
    timer->queue = nullptr;
    callbacks.push_back(std::move(timer->callback));
  }
}

bool TimerQueue::earlier(const Timer& a, const Timer& b) {
  return a.deadline != b.deadline ? a.deadline < b.deadline : a.number < b.number;
}

void TimerQueue::remove(std::size_t at) noexcept {
  Timer* const last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return;
  place(last, at);
  sift_up(at);
  sift_down(last->place);
}

void TimerQueue::sift_up(std::size_t at) noexcept {
  Timer* const timer = heap_[at];
  while (at != 0) {
    const std::size_t parent = (at - 1) / 2;
    if (!earlier(*timer, *heap_[parent])) break;
    place(heap_[parent], at);
    at = parent;
  }
  place(timer, at);
}

void TimerQueue::sift_down(std::size_t at) noexcept {
  Timer* const timer = heap_[at];
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && earlier(*heap_[child + 1], *heap_[child])) ++child;
    if (!earlier(*heap_[child], *timer)) break;
    place(heap_[child], at);
    at = child;
  }
  place(timer, at);
}

void TimerQueue::place(Timer* timer, std::size_t at) noexcept {
  heap_[at] = timer;
  timer->place = at;
}

}  // namespace introspectd::io
