#include "io/uv_loop.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/assert.h"
#include "io/clock.h"

namespace introspectd::io {

struct UvLoop::TurnStart {
  uv_prepare_t handle{};
  UvLoop* owner = nullptr;

  static void on_prepare(uv_prepare_t* handle) noexcept {
    auto* self = static_cast<TurnStart*>(handle->data);
    if (self->owner != nullptr) self->owner->begin_turn();
  }
  static void on_closed(uv_handle_t* handle) noexcept {
    const std::unique_ptr<TurnStart> self(static_cast<TurnStart*>(handle->data));
  }
};

UvLoop::UvLoop()
    : loop_(std::make_unique<uv_loop_s>()),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      timer_fd_(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
  CHECK_INVARIANT(wake_fd_ && timer_fd_);
  CHECK_INVARIANT(uv_loop_init(loop_.get()) == 0);

  auto turn_start = std::make_unique<TurnStart>();
  CHECK_INVARIANT(uv_prepare_init(loop_.get(), &turn_start->handle) == 0);
  turn_start->handle.data = turn_start.get();
  turn_start->owner = this;
  CHECK_INVARIANT(uv_prepare_start(&turn_start->handle, &TurnStart::on_prepare) == 0);
  turn_start_ = turn_start.release();

  CHECK_INVARIANT(wake_watch_.open(loop_.get(), wake_fd_.get(), this,
                                   [](void* self, Readiness) { static_cast<UvLoop*>(self)->run_mail(); }));
  CHECK_INVARIANT(timer_watch_.open(loop_.get(), timer_fd_.get(), this,
                                    [](void* self, Readiness) { static_cast<UvLoop*>(self)->run_timers(); }));
  wake_watch_.want({.readable = true});
  timer_watch_.want({.readable = true});
}

UvLoop::~UvLoop() { close(); }

Now UvLoop::now() const {
  if (!now_) now_ = read_clocks();
  return *now_;
}

void UvLoop::post(UniqueFunction<void()> task) {
  if (put(std::move(task), Wake::kNow)) wake();
}

void UvLoop::send(ports::EventLoop& to, UniqueFunction<void()> task) {
  auto* const other = dynamic_cast<UvLoop*>(&to);
  if (other == nullptr) return to.post(std::move(task));
  other->put(std::move(task), Wake::kLater);
  if (std::find(sent_to_.begin(), sent_to_.end(), other) == sent_to_.end()) sent_to_.push_back(other);
}

// A refused task is destroyed outside the lock: its destructor may be anything.
bool UvLoop::put(UniqueFunction<void()> task, Wake when) {
  return mailbox_.with([&task, when](Mailbox& mailbox) {
    if (mailbox.closed) return false;
    mailbox.tasks.push_back(std::move(task));
    return when == Wake::kNow && !std::exchange(mailbox.woken, true);
  });
}

// No more, where it has looked meanwhile.
bool UvLoop::must_wake() {
  return mailbox_.with([](Mailbox& mailbox) {
    return !mailbox.closed && !mailbox.tasks.empty() && !std::exchange(mailbox.woken, true);
  });
}

void UvLoop::wake_others() {
  for (UvLoop* const other : sent_to_) {
    if (other->must_wake()) other->wake();
  }
  sent_to_.clear();
}

ports::PendingToken UvLoop::after(Duration delay, UniqueFunction<void()> callback) {
  return timers_.add(now().mono + std::max(delay, Duration::zero()), std::move(callback));
}

void UvLoop::run() {
  CHECK_INVARIANT(!closed_);
  uv_run(loop_.get(), UV_RUN_DEFAULT);
  wake_others();   // the last turn ended without another's beginning
}

void UvLoop::stop() {
  post([this] { uv_stop(loop_.get()); });
}

void UvLoop::close() {
  if (std::exchange(closed_, true)) return;
  std::vector<UniqueFunction<void()>> dropped = mailbox_.with([](Mailbox& mailbox) {
    mailbox.closed = true;
    return std::exchange(mailbox.tasks, {});
  });
  dropped.clear();
  batch_.clear();
  timers_.clear();
  wake_watch_.close();
  timer_watch_.close();
  TurnStart* const turn_start = std::exchange(turn_start_, nullptr);
  turn_start->owner = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&turn_start->handle), &TurnStart::on_closed);
  // Whoever still has a handle here forgot its teardown: running on would wait for ever.
  uv_walk(
      loop_.get(), [](uv_handle_t* handle, void*) noexcept { CHECK_INVARIANT(uv_is_closing(handle) != 0); }, nullptr);
  uv_run(loop_.get(), UV_RUN_DEFAULT);
  CHECK_INVARIANT(uv_loop_close(loop_.get()) == 0);
}

void UvLoop::begin_turn() {
  // The loop is about to wait: what the clocks said before is old when it wakes.
  wake_others();
  arm_timer();
  now_.reset();
}

void UvLoop::arm_timer() {
  const std::optional<MonoTime> next = timers_.next_deadline();
  // A later or no deadline leaves the old setting: an early wake-up finds nothing due and sets the timer again.
  if (!next || (armed_ && *armed_ <= *next)) return;
  armed_ = next;
  const std::int64_t at = std::max<std::int64_t>(next->ns(), 1);  // 0 would disarm
  itimerspec setting{};
  setting.it_value.tv_sec = at / 1'000'000'000;
  setting.it_value.tv_nsec = at % 1'000'000'000;
  CHECK_INVARIANT(::timerfd_settime(timer_fd_.get(), TFD_TIMER_ABSTIME, &setting, nullptr) == 0);
}

void UvLoop::wake() noexcept {
  const std::uint64_t one = 1;
  // EAGAIN would mean 2^64 - 2 wake-ups not yet read: the loop is awake then.
  while (::write(wake_fd_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void UvLoop::run_mail() {
  if (batch_next_ == batch_.size()) {
    // First silence the wake-up, then take the tasks: who posts in between finds a full mailbox or wakes us again.
    std::uint64_t count = 0;
    while (::read(wake_fd_.get(), &count, sizeof count) < 0 && errno == EINTR) {
    }
    batch_.clear();
    batch_next_ = 0;
    mailbox_.with([this](Mailbox& mailbox) {
      std::swap(batch_, mailbox.tasks);
      mailbox.woken = false;
    });
  }
  const std::size_t end = std::min(batch_.size(), batch_next_ + kTasksPerTurn);
  while (batch_next_ != end) {
    const std::size_t at = batch_next_++;
    UniqueFunction<void()> task = std::move(batch_[at]);
    task();
  }
  if (batch_next_ != batch_.size()) wake();
}

void UvLoop::run_timers() {
  std::uint64_t expirations = 0;
  while (::read(timer_fd_.get(), &expirations, sizeof expirations) < 0 && errno == EINTR) {
  }
  armed_.reset();
  timers_.run_due(now().mono);
}

}  // namespace introspectd::io
