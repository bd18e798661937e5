#include "io/sd_notify.h"

#include <time.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace introspectd::io {
namespace {

std::optional<std::int64_t> parse_number(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

}  // namespace

ServiceNotifier::ServiceNotifier(std::string_view socket) {
  const bool is_abstract = socket.starts_with('@');
  if (!is_abstract && !socket.starts_with('/')) return;
  // A path needs its NUL, an abstract name has none.
  if (socket.size() + (is_abstract ? 0 : 1) > sizeof address_.sun_path) return;
  address_.sun_family = AF_UNIX;
  std::memcpy(address_.sun_path, socket.data(), socket.size());
  if (is_abstract) address_.sun_path[0] = '\0';
  address_size_ =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size() + (is_abstract ? 0 : 1));
  fd_ = FileDescriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

bool ServiceNotifier::status(std::string_view line) const {
  std::string message = "STATUS=";
  for (const char byte : line) message += static_cast<unsigned char>(byte) < 0x20 ? ' ' : byte;
  return send(message);
}

bool ServiceNotifier::reloading() const {
  timespec now{};  // the protocol wants CLOCK_MONOTONIC, which our clocks (BOOTTIME) are not
  (void)::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t usec = static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
  return send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec));
}

bool ServiceNotifier::send(std::string_view message) const {
  if (!fd_) return false;
  for (;;) {
    const ssize_t sent = ::sendto(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                                  reinterpret_cast<const sockaddr*>(&address_), address_size_);
    if (sent >= 0) return true;
    if (errno != EINTR) return false;
  }
}

std::optional<Duration> watchdog_period(const std::optional<std::string>& watchdog_usec,
                                        const std::optional<std::string>& watchdog_pid, pid_t own_pid) {
  const std::optional<std::int64_t> usec = parse_number(watchdog_usec);
  if (!usec || *usec <= 0 || *usec > std::numeric_limits<std::int64_t>::max() / 1'000) return std::nullopt;
  if (watchdog_pid && parse_number(watchdog_pid) != own_pid) return std::nullopt;
  return Duration(std::chrono::microseconds(*usec)) / 2;
}

}  // namespace introspectd::io
