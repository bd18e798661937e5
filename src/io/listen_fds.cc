#include "io/listen_fds.h"

#include <fcntl.h>

#include <charconv>
#include <cstddef>

namespace introspectd::io {
namespace {

std::optional<long> parse_number(std::string_view text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  for (;;) {
    const std::size_t colon = text.find(':');
    names.emplace_back(text.substr(0, colon));
    if (colon == std::string_view::npos) return names;
    text.remove_prefix(colon + 1);
  }
}

}  // namespace

tl::expected<std::vector<InheritedFd>, std::string> take_inherited_fds(const ListenVariables& variables, pid_t own_pid,
                                                                       int first_fd) {
  std::vector<InheritedFd> inherited;
  if (!variables.pid || !variables.fds) return inherited;
  const std::optional<long> pid = parse_number(*variables.pid);
  if (!pid) return tl::unexpected<std::string>("LISTEN_PID: expected a process id");
  // Meant for a parent of ours: none of these fds is ours to touch.
  if (*pid != own_pid) return inherited;
  const std::optional<long> count = parse_number(*variables.fds);
  if (!count || *count > kMaxInheritedFds) {
    return tl::unexpected<std::string>("LISTEN_FDS: expected a number from 0 to " + std::to_string(kMaxInheritedFds));
  }
  std::vector<std::string> names;
  if (variables.names && !variables.names->empty()) names = split_names(*variables.names);
  if (!names.empty() && names.size() != static_cast<std::size_t>(*count)) {
    return tl::unexpected<std::string>("LISTEN_FDNAMES: expected one name for each of LISTEN_FDS");
  }
  for (int at = 0; at != *count; ++at) {
    const int fd = first_fd + at;
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
      return tl::unexpected<std::string>("LISTEN_FDS: fd " + std::to_string(fd) + " is not open");
    }
    inherited.push_back({FileDescriptor(fd), names.empty() ? "unknown" : names[static_cast<std::size_t>(at)]});
  }
  return inherited;
}

}  // namespace introspectd::io
