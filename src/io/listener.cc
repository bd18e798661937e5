#include "io/listener.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/assert.h"

namespace introspectd::io {
namespace {

enum class AcceptFailure { kEmptyQueue, kTryNext, kExhausted };

AcceptFailure judge(int error) {
  switch (error) {
    case EAGAIN:
      return AcceptFailure::kEmptyQueue;
    // accept(2): Linux passes pending network errors of the new connection through accept.
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return AcceptFailure::kTryNext;
    default:  // EMFILE, ENFILE, ENOBUFS, ENOMEM: trying again at once would spin
      return AcceptFailure::kExhausted;
  }
}

}  // namespace

Listener::Listener(UvLoop& loop, ListenSocket socket, OnAccept on_accept)
    : loop_(loop), socket_(std::move(socket)), on_accept_(std::move(on_accept)) {
  CHECK_INVARIANT(watch_.open(loop_.raw(), socket_.fd(), this,
                              [](void* self, Readiness) { static_cast<Listener*>(self)->accept_some(); }));
  resume();
}

void Listener::pause() {
  paused_ = true;
  watch_.want({});
}

void Listener::resume() {
  paused_ = false;
  if (!resting_) watch_.want({.readable = true});
}

void Listener::accept_some() {
  for (std::size_t tries = 0; tries != kAcceptsPerTurn && !paused_; ++tries) {
    FileDescriptor connection(::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (connection) {
      on_accept_(std::move(connection));
      continue;
    }
    const AcceptFailure failure = judge(errno);
    if (failure == AcceptFailure::kEmptyQueue) return;
    if (failure == AcceptFailure::kExhausted) return rest();
  }
}

void Listener::rest() {
  if (told_) told_();
  watch_.want({});
  resting_ = loop_.after(kRest, [this] {
    resting_.reset();
    if (!paused_) watch_.want({.readable = true});
  });
}

}  // namespace introspectd::io
