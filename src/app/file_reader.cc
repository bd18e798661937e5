#include "app/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

namespace introspectd::app {
namespace {

class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  ~OwnedFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string reason() {
  return std::error_code(errno, std::generic_category()).message();
}

tl::expected<Secret, std::string> read_all(int fd, std::size_t most) {
  Secret bytes;
  std::array<char, 16384> block{};
  for (;;) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected("an unreadable one: " + reason());
    if (got == 0) break;
    bytes.append(std::string_view(block.data(), static_cast<std::size_t>(got)));
    if (bytes.size() > most) return tl::unexpected("more than " + std::to_string(most) + " bytes");
  }
  zeroize(block.data(), block.size());
  return bytes;
}

}  // namespace

tl::expected<FileContent, std::string> DiskFileReader::read(const std::string& path, std::size_t most) {
  // O_NONBLOCK: a FIFO in place of a file must not hang the start.
  const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (fd.get() < 0) return tl::unexpected("none: " + reason());
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return tl::unexpected("an unreadable one: " + reason());
  if (!S_ISREG(status.st_mode)) return tl::unexpected(std::string("something that is not a regular file"));
  auto bytes = read_all(fd.get(), most);
  if (!bytes) return tl::unexpected(std::move(bytes.error()));
  return FileContent{std::move(*bytes), status.st_mode & 07777U, status.st_gid};
}

FileKind DiskFileReader::kind(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return FileKind::kMissing;
  return S_ISSOCK(status.st_mode) ? FileKind::kSocket : FileKind::kOther;
}

}  // namespace introspectd::app
