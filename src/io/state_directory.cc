#include "io/state_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace introspectd::io {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

std::string refusal(const std::string& path, std::string_view expected, std::string_view got) {
  return path + ": expected " + std::string(expected) + ", got " + std::string(got);
}

// Names are ours and fixed, one component each; a leading dot is for temporary files.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= StateDirectory::kNameBytesMost && name.front() != '.' &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::optional<std::string> read_all(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  if (static_cast<std::uint64_t>(status.st_size) > StateDirectory::kFileBytesMost) return std::nullopt;
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t count = ::read(fd, bytes.data() + at, bytes.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) break;
    at += static_cast<std::size_t>(count);
  }
  bytes.resize(at);
  return bytes;
}

}  // namespace

tl::expected<StateDirectory, std::string> StateDirectory::open(const std::string& path) {
  constexpr std::string_view kExpected = "a directory that this user may write";
  const bool created = ::mkdir(path.c_str(), kDirectoryMode) == 0;
  if (!created && errno != EEXIST) {
    return tl::unexpected(refusal(path, "a directory, or a parent to make it in", std::strerror(errno)));
  }
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return tl::unexpected(refusal(path, kExpected, std::strerror(errno)));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || ::faccessat(fd.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
    return tl::unexpected(refusal(path, kExpected, std::strerror(errno)));
  }
  // Whoever can put a file there can lift purges.
  if ((status.st_mode & S_IWOTH) != 0) {
    return tl::unexpected(refusal(path, "a directory that not everybody may write", "one that is writable by others"));
  }
  if (created) {
    const FileDescriptor parent(::openat(fd.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent || ::fsync(parent.get()) != 0) return tl::unexpected(refusal(path, kExpected, std::strerror(errno)));
  }
  return StateDirectory(std::move(fd));
}

std::optional<std::string> StateDirectory::read(std::string_view name) const {
  if (!is_plain_name(name)) return std::nullopt;
  // O_NONBLOCK: a fifo in the place of a file must not hold the start.
  const FileDescriptor fd(
      ::openat(fd_.get(), std::string(name).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  return fd ? read_all(fd.get()) : std::nullopt;
}

bool StateDirectory::holds(std::string_view name) const {
  if (!is_plain_name(name)) return false;
  struct stat status {};
  return ::fstatat(fd_.get(), std::string(name).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

StateDirectory::Written StateDirectory::replace(std::string_view name, std::string_view bytes,
                                                const Remains& remains) const {
  if (!is_plain_name(name) || bytes.size() > kFileBytesMost) return {false, remains};
  const std::string to(name);
  const std::string from = "." + to + ".new";
  FileDescriptor fd(
      ::openat(fd_.get(), from.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (!fd) return {false, remains};
  const bool written = ::fchmod(fd.get(), kFileMode) == 0 && write_all(fd.get(), bytes) && ::fdatasync(fd.get()) == 0;
  fd.reset();
  if (!written || ::renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()) != 0) {
    ::unlinkat(fd_.get(), from.c_str(), 0);
    return {false, remains};
  }
  const bool named = ::fsync(fd_.get()) == 0;
  return {named, {.torn_at = std::nullopt, .name_unsynced = !named}};
}

FileDescriptor StateDirectory::open_to_append(const std::string& name, bool& created) const {
  constexpr int kFlags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  created = false;
  FileDescriptor fd(::openat(fd_.get(), name.c_str(), kFlags));
  if (fd || errno != ENOENT) return fd;
  created = true;
  return FileDescriptor(::openat(fd_.get(), name.c_str(), kFlags | O_CREAT | O_EXCL, kFileMode));
}

StateDirectory::Written StateDirectory::append(std::string_view name, std::string_view bytes,
                                               const Remains& remains) const {
  if (!is_plain_name(name)) return {false, remains};
  bool created = false;
  const FileDescriptor fd = open_to_append(std::string(name), created);
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {false, remains};
  const bool unnamed = created || remains.name_unsynced;
  const auto torn_at = created ? std::nullopt : remains.torn_at;
  std::int64_t size = status.st_size;
  if (torn_at && *torn_at < size) {
    if (::ftruncate(fd.get(), *torn_at) != 0) return {false, remains};
    size = *torn_at;
  }
  if (bytes.size() > kFileBytesMost - std::min(static_cast<std::size_t>(size), kFileBytesMost)) {
    return {false, {.torn_at = std::nullopt, .name_unsynced = unnamed}};
  }
  const bool written = write_all(fd.get(), bytes) && ::fdatasync(fd.get()) == 0 &&
                       (!unnamed || ::fsync(fd_.get()) == 0);
  if (written) return {true, {}};
  // Half a record would hide the ones behind it.
  const bool torn = ::ftruncate(fd.get(), size) != 0;
  return {false, {.torn_at = torn ? std::optional(size) : std::nullopt, .name_unsynced = unnamed}};
}

}  // namespace introspectd::io
