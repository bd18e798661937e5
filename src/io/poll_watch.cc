#include "io/poll_watch.h"

#include <uv.h>

#include <memory>
#include <utility>

#include "base/assert.h"

namespace introspectd::io {

struct PollWatch::Block {
  uv_poll_t handle{};
  void* owner = nullptr;  // null: closed
  Callback callback = nullptr;
  Readiness wanted;
  Readiness armed;   // what libuv watches for: wanted, or to read besides

  void arm(Readiness wish) {
    armed = wish;
    const int events = (armed.readable ? UV_READABLE : 0) | (armed.writable ? UV_WRITABLE : 0);
    const int outcome = events == 0 ? uv_poll_stop(&handle) : uv_poll_start(&handle, events, &Block::on_event);
    CHECK_INVARIANT(outcome == 0);
  }
  void ready(int status, int events) {
    if (owner == nullptr) return;
    const bool failed = status < 0;
    // libuv stops a watch that met EPOLLERR; start it again, so that events stay level-triggered. And what came though
    // nobody wants to read it must not come again and again.
    if (failed || (armed.readable && !wanted.readable && (events & UV_READABLE) != 0)) arm(wanted);
    if (wanted.readable && (failed || (events & UV_READABLE) != 0)) callback(owner, {.readable = true});
    // The first call may have closed the watch (the block lives until the close callback) or changed the wish.
    if (owner == nullptr || !wanted.writable) return;
    if (failed || (events & UV_WRITABLE) != 0) callback(owner, {.writable = true});
  }
  static void on_event(uv_poll_t* handle, int status, int events) noexcept {
    static_cast<Block*>(handle->data)->ready(status, events);
  }
  static void on_closed(uv_handle_t* handle) noexcept {
    const std::unique_ptr<Block> block(static_cast<Block*>(handle->data));
  }
};

bool PollWatch::open(uv_loop_s* loop, int fd, void* owner, Callback callback) {
  CHECK_INVARIANT(block_ == nullptr);
  auto block = std::make_unique<Block>();
  if (uv_poll_init(loop, &block->handle, fd) != 0) return false;
  block->handle.data = block.get();
  block->owner = owner;
  block->callback = callback;
  block_ = block.release();  // freed in on_closed
  return true;
}

void PollWatch::want(Readiness wanted) {
  CHECK_INVARIANT(block_ != nullptr);
  if (block_->wanted == wanted) return;
  block_->wanted = wanted;
  const Readiness armed{.readable = wanted.readable || block_->armed.readable, .writable = wanted.writable};
  if (block_->armed != armed) block_->arm(armed);
}

void PollWatch::close() noexcept {
  if (block_ == nullptr) return;
  Block* const block = std::exchange(block_, nullptr);
  block->owner = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&block->handle), &Block::on_closed);
}

}  // namespace introspectd::io
