#include "io/fd_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "io/peer_credentials.h"

namespace introspectd::io {
namespace {

ports::IoResult failure_of(int error) {
  return {error == EAGAIN ? ports::IoStatus::kWouldBlock : ports::IoStatus::kError, 0};
}

}  // namespace

std::unique_ptr<FdStream> FdStream::open(UvLoop& loop, FileDescriptor fd) {
  ports::Peer peer = read_peer(fd.get());
  return open(loop, std::move(fd), std::move(peer));
}

std::unique_ptr<FdStream> FdStream::open(UvLoop& loop, FileDescriptor fd, ports::Peer peer) {
  const int number = fd.get();
  std::unique_ptr<FdStream> stream(
      new FdStream(std::move(fd), std::move(peer)));  // NOLINT: the constructor is private
  if (!stream->watch_.open(loop.raw(), number, stream.get(), &FdStream::on_ready)) return nullptr;
  return stream;
}

FdStream::FdStream(FileDescriptor fd, ports::Peer peer) : fd_(std::move(fd)), peer_(std::move(peer)) {
  if (!peer_.is_unix) {
    // A reply is one write; waiting for the peer's ACK would only delay it.
    const int on = 1;
    (void)::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
}

ports::IoResult FdStream::read(std::span<char> into) {
  if (into.empty()) return {};  // recv would answer 0, as at the end
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), into.data(), into.size(), MSG_DONTWAIT);
    if (got > 0) return {ports::IoStatus::kOk, static_cast<std::size_t>(got)};
    if (got == 0) return {ports::IoStatus::kEnd, 0};
    if (errno != EINTR) return failure_of(errno);
  }
}

ports::IoResult FdStream::write(std::string_view bytes) {
  if (bytes.empty()) return {};
  for (;;) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) return {ports::IoStatus::kOk, static_cast<std::size_t>(sent)};
    if (sent == 0) return {};
    if (errno != EINTR) return failure_of(errno);
  }
}

void FdStream::watch(ports::StreamEvents& events, bool readable, bool writable) {
  events_ = &events;
  watch_.want({readable, writable});
}

void FdStream::shutdown_write() {
  (void)::shutdown(fd_.get(), SHUT_WR);  // ENOTCONN: the peer is gone, reading will tell
}

void FdStream::on_ready(void* owner, Readiness ready) {
  ports::StreamEvents& events = *static_cast<FdStream*>(owner)->events_;
  if (ready.readable) return events.on_readable();
  events.on_writable();
}

}  // namespace introspectd::io
