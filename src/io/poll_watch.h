// PollWatch: tells when a non-blocking fd that somebody else owns can be read or written; level-triggered.
// Threads: the loop's.  Owns: a uv_poll_t on the heap, given to the loop at close and freed in its close callback.
// Errors: open says false when the OS refuses.
// Cost: want() that changes nothing makes no system call; nor does a pause in reading, unless something comes in it: who
// waits for an answer has nothing to say (libuv makes three of a stop and a start).
// Contract: close the watch before the fd; after close the callback never runs. Closing inside the callback is allowed.
#pragma once

struct uv_loop_s;  // NOLINT(readability-identifier-naming): libuv's name

namespace introspectd::io {

struct Readiness {
  bool readable = false;
  bool writable = false;

  bool operator==(const Readiness&) const = default;
};

class PollWatch {
 public:
  // Called for one of the two at a time. An error on the fd shows as whatever is wanted: the read or write that
  // follows brings it to light.
  using Callback = void (*)(void* owner, Readiness ready);

  PollWatch() = default;
  PollWatch(const PollWatch&) = delete;
  PollWatch& operator=(const PollWatch&) = delete;
  ~PollWatch() { close(); }

  [[nodiscard]] bool open(uv_loop_s* loop, int fd, void* owner, Callback callback);
  void want(Readiness wanted);
  void close() noexcept;

 private:
  struct Block;
  Block* block_ = nullptr;
};

}  // namespace introspectd::io
