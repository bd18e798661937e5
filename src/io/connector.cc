#include "io/connector.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/assert.h"

namespace introspectd::io {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;  // 0: not an address
};

SocketAddress numeric_address(const std::string& text, std::uint16_t port) {
  SocketAddress address;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.size = sizeof v4;
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.size = sizeof v6;
  }
  return address;
}

std::string os_error(int error) { return std::generic_category().message(error); }

}  // namespace

void Connector::start(Target target, Duration within, Done done) {
  CHECK_INVARIANT(!done_);
  target_ = std::move(target);
  done_ = std::move(done);
  deadline_ = loop_.now().mono + within;
  const bool is_name = !target_.host.empty() && !target_.is_numeric;
  if (is_name && resolver_.answer(target_.host).addresses.empty()) {
    name_ = resolver_.wait(target_.host, [this] { name_ended(); });
    step_ = loop_.after(within, [this] { finish(tl::unexpected(target_.host + ": not resolved in time")); });
    return;
  }
  step_ = loop_.after(Duration::zero(), [this] { name_ended(); });
}

void Connector::name_ended() {
  name_.reset();
  if (target_.host.empty()) {
    addresses_ = {target_.unix_path};
  } else {
    addresses_ = target_.is_numeric ? std::vector<std::string>{target_.host} : resolver_.answer(target_.host).addresses;
    last_failure_ = target_.host + ": not resolved";
  }
  try_next();
}

void Connector::try_next() {
  watch_.close();
  fd_.reset();
  const Duration left = deadline_ - loop_.now().mono;
  if (next_ == addresses_.size() || left <= Duration::zero()) return finish(tl::unexpected(last_failure_));
  const auto tries_left = static_cast<std::int64_t>(addresses_.size() - next_);
  const std::string& address = addresses_[next_++];
  step_ = loop_.after(left / tries_left, [this] { attempt_failed("no answer in time"); });
  if (target_.host.empty()) {
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    if (address.size() >= sizeof path.sun_path) return attempt_failed(os_error(ENAMETOOLONG));
    std::memcpy(path.sun_path, address.data(), address.size());
    return begin(&path, sizeof path, AF_UNIX);
  }
  const SocketAddress numeric = numeric_address(address, target_.port);
  if (numeric.size == 0) return attempt_failed("not an address");
  begin(&numeric.storage, numeric.size, numeric.storage.ss_family);
}

void Connector::begin(const void* address, std::uint32_t size, int family) {
  fd_ = FileDescriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_) return attempt_failed(os_error(errno));
  const int outcome = ::connect(fd_.get(), static_cast<const sockaddr*>(address), size);
  if (outcome == 0) return finish(std::move(fd_));
  // EINTR on a non-blocking socket: the connection goes on being made, as with EINPROGRESS.
  if (errno != EINPROGRESS && errno != EINTR) return attempt_failed(os_error(errno));
  const bool watched = watch_.open(loop_.raw(), fd_.get(), this,
                                   [](void* self, Readiness) { static_cast<Connector*>(self)->on_writable(); });
  if (!watched) return attempt_failed("the system refuses to watch the socket");
  watch_.want({.writable = true});
}

void Connector::on_writable() {
  int error = 0;
  socklen_t size = sizeof error;
  CHECK_INVARIANT(::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0);
  if (error != 0) return attempt_failed(os_error(error));
  watch_.close();
  finish(std::move(fd_));
}

void Connector::attempt_failed(std::string why) {
  last_failure_ = addresses_[next_ - 1];
  if (!target_.host.empty()) last_failure_ += " port " + std::to_string(target_.port);
  last_failure_ += ": " + std::move(why);
  try_next();
}

void Connector::finish(tl::expected<FileDescriptor, std::string> outcome) {
  watch_.close();
  step_.reset();
  name_.reset();
  // On the stack: `done` may destroy this Connector.
  Done done = std::move(done_);
  done(std::move(outcome));
}

}  // namespace introspectd::io
