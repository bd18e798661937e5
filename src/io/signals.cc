#include "io/signals.h"

#include <csignal>
#include <cstddef>
#include <memory>
#include <utility>

#include <uv.h>

#include "base/assert.h"

namespace introspectd::io {

struct Signals::Watch {
  uv_signal_t handle{};
  Signals* owner = nullptr;  // null: closed

  static void on_signal(uv_signal_t* handle, int number) noexcept {
    auto* watch = static_cast<Watch*>(handle->data);
    if (watch->owner != nullptr) watch->owner->arrived(number);
  }
  static void on_closed(uv_handle_t* handle) noexcept {
    const std::unique_ptr<Watch> watch(static_cast<Watch*>(handle->data));
  }
};

Signals::Signals(UvLoop& loop, Callbacks callbacks) : callbacks_(std::move(callbacks)) {
  constexpr std::array<int, 3> kNumbers = {SIGTERM, SIGINT, SIGHUP};
  for (std::size_t at = 0; at != kNumbers.size(); ++at) {
    auto watch = std::make_unique<Watch>();
    CHECK_INVARIANT(uv_signal_init(loop.raw(), &watch->handle) == 0);
    watch->handle.data = watch.get();
    watch->owner = this;
    CHECK_INVARIANT(uv_signal_start(&watch->handle, &Watch::on_signal, kNumbers[at]) == 0);
    watches_[at] = watch.release();
  }
}

Signals::~Signals() {
  for (Watch* watch : watches_) {
    watch->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&watch->handle), &Watch::on_closed);
  }
}

void Signals::arrived(int number) {
  UniqueFunction<void()>& callback = number == SIGHUP ? callbacks_.on_hangup : callbacks_.on_terminate;
  if (callback) callback();
}

void ignore_sigpipe() {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  CHECK_INVARIANT(::sigaction(SIGPIPE, &action, nullptr) == 0);
}

}  // namespace introspectd::io
