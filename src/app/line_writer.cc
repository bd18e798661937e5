#include "app/line_writer.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace introspectd::app {
namespace {
constexpr int kPatienceMs = 100;
}

bool LineWriter::is_writable() {
  const int wait_ms = stuck_ || !patient_.load(std::memory_order_relaxed) ? 0 : kPatienceMs;
  pollfd entry{fd_, POLLOUT, 0};
  int ready = 0;
  do {
    ready = ::poll(&entry, 1, wait_ms);
  } while (ready < 0 && errno == EINTR);
  stuck_ = ready != 1 || (static_cast<unsigned>(entry.revents) & static_cast<unsigned>(POLLOUT)) == 0;
  return !stuck_;
}

bool LineWriter::write(std::string_view line) {
  std::string mended;
  if (cut_) {
    mended = "\n" + std::string(line);
    line = mended;
  }
  const std::size_t whole = line.size();
  while (!line.empty()) {
    if (!is_writable()) break;
    const ssize_t written = ::write(fd_, line.data(), line.size());
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written <= 0) break;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
  if (line.size() != whole) cut_ = !line.empty();
  return line.empty();
}

}  // namespace introspectd::app
