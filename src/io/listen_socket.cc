#include "io/listen_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

namespace introspectd::io {
namespace {

constexpr int kBacklog = 4096;  // the kernel lowers it to net.core.somaxconn
constexpr int kSocketFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

tl::unexpected<std::string> refused(const std::string& what, const std::string& why) {
  return tl::unexpected<std::string>(what + ": " + why);
}

tl::unexpected<std::string> refused_by_os(const std::string& what, const char* call) {
  return refused(what, std::string(call) + ": " + std::generic_category().message(errno));
}

std::optional<int> int_option(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, option, &value, &size) != 0) return std::nullopt;
  return value;
}

struct OwnAddress {
  sockaddr_storage address{};   // family AF_UNSPEC when the OS does not tell
  socklen_t size = sizeof(sockaddr_storage);
};

OwnAddress own_address(int fd) {
  OwnAddress own;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own.address), &own.size) != 0) own.address.ss_family = AF_UNSPEC;
  return own;
}

const sockaddr* generic(const void* address) { return static_cast<const sockaddr*>(address); }

// Binds to an IPv4 or IPv6 literal; the length is 0 when `address` is neither.
socklen_t tcp_address(const std::string& address, std::uint16_t port, sockaddr_storage& storage) {
  sockaddr_in v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&storage, &v4, sizeof v4);
    return sizeof v4;
  }
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&storage, &v6, sizeof v6);
    return sizeof v6;
  }
  return 0;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

enum class Occupant { kNobody, kStaleSocket, kLiveSocket, kOtherFile, kUnknown };

Occupant occupant_of(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return errno == ENOENT ? Occupant::kNobody : Occupant::kUnknown;
  if (!S_ISSOCK(status.st_mode)) return Occupant::kOtherFile;
  const FileDescriptor probe(::socket(AF_UNIX, kSocketFlags, 0));
  if (!probe) return Occupant::kUnknown;
  if (::connect(probe.get(), generic(&address), sizeof address) == 0) return Occupant::kLiveSocket;
  if (errno == ECONNREFUSED) return Occupant::kStaleSocket;
  // A full backlog (EAGAIN) or a socket of another kind (EPROTOTYPE) has somebody behind it; EACCES may have.
  return Occupant::kLiveSocket;
}

}  // namespace

ListenSocket::~ListenSocket() {
  if (!fd_ || path_.empty()) return;  // moved from, or not ours to unlink
  struct stat status {};
  const bool still_ours =
      ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
  if (still_ours) (void)::unlink(path_.c_str());
}

tl::expected<ListenSocket, std::string> ListenSocket::tcp(const std::string& address, std::uint16_t port) {
  const std::string name = address + " port " + std::to_string(port);
  sockaddr_storage storage{};
  const socklen_t length = tcp_address(address, port, storage);
  if (length == 0) return refused(name, "expected a numeric IPv4 or IPv6 address");
  ListenSocket listening(FileDescriptor(::socket(storage.ss_family, kSocketFlags, 0)));
  if (!listening.fd_) return refused_by_os(name, "socket");
  const int on = 1;
  if (::setsockopt(listening.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    return refused_by_os(name, "SO_REUSEADDR");
  }
  // [::] must not take IPv4 as well: each listener is exactly what the conf says.
  if (storage.ss_family == AF_INET6 &&
      ::setsockopt(listening.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
    return refused_by_os(name, "IPV6_V6ONLY");
  }
  if (::bind(listening.fd(), generic(&storage), length) != 0) return refused_by_os(name, "bind");
  if (::listen(listening.fd(), kBacklog) != 0) return refused_by_os(name, "listen");
  return listening;
}

tl::expected<ListenSocket, std::string> ListenSocket::unix_path(const std::string& path, std::uint32_t mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty()) return refused(path, "expected a path");
  if (path.size() >= sizeof address.sun_path) return refused(path, "expected a path of at most 107 bytes");
  std::memcpy(address.sun_path, path.data(), path.size());

  // Two daemons starting at once must not unlink each other: from the look to listen() the directory is locked.
  const std::string directory = directory_of(path);
  const FileDescriptor lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock) return refused_by_os(path, "open directory");
  while (::flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return refused_by_os(path, "flock");
  }
  switch (occupant_of(path, address)) {
    case Occupant::kNobody:
      break;
    case Occupant::kStaleSocket:
      if (::unlink(path.c_str()) != 0) return refused_by_os(path, "unlink");
      break;
    case Occupant::kLiveSocket:
      return refused(path, "a live daemon listens there");
    case Occupant::kOtherFile:
      return refused(path, "a file that is not a socket is there");
    case Occupant::kUnknown:
      return refused_by_os(path, "lstat");
  }

  ListenSocket listening(FileDescriptor(::socket(AF_UNIX, kSocketFlags, 0)));
  if (!listening.fd_) return refused_by_os(path, "socket");
  // The mode before bind keeps the path from ever being wider open than asked; chmod after it undoes the umask.
  if (::fchmod(listening.fd(), mode) != 0) return refused_by_os(path, "fchmod");
  if (::bind(listening.fd(), generic(&address), sizeof address) != 0) return refused_by_os(path, "bind");
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return refused_by_os(path, "lstat");
  listening.path_ = path;
  listening.device_ = status.st_dev;
  listening.inode_ = status.st_ino;
  if (::chmod(path.c_str(), mode) != 0) return refused_by_os(path, "chmod");
  if (::listen(listening.fd(), kBacklog) != 0) return refused_by_os(path, "listen");
  return listening;
}

tl::expected<ListenSocket, std::string> ListenSocket::adopt(FileDescriptor fd) {
  const std::string name = "inherited fd " + std::to_string(fd.get());
  if (int_option(fd.get(), SO_TYPE) != SOCK_STREAM) return refused(name, "expected a stream socket");
  if (int_option(fd.get(), SO_ACCEPTCONN) != 1) return refused(name, "expected a listening socket");
  const std::optional<int> domain = int_option(fd.get(), SO_DOMAIN);
  if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX) {
    return refused(name, "expected an IPv4, IPv6 or Unix socket");
  }
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
    return refused_by_os(name, "fcntl");
  }
  return ListenSocket(std::move(fd));
}

bool ListenSocket::is_local() const {
  const sockaddr_storage storage = own_address(fd_.get()).address;
  if (storage.ss_family == AF_UNIX) return true;
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    return ntohl(v4.sin_addr.s_addr) >> 24U == 127;
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) != 0;
  }
  return false;
}

bool ListenSocket::is_abstract() const {
  const OwnAddress own = own_address(fd_.get());
  if (own.address.ss_family != AF_UNIX) return false;
  sockaddr_un path{};
  std::memcpy(&path, &own.address, sizeof path);
  return own.size <= offsetof(sockaddr_un, sun_path) || path.sun_path[0] == '\0';
}

std::uint16_t ListenSocket::port() const {
  const sockaddr_storage storage = own_address(fd_.get()).address;
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    return ntohs(v4.sin_port);
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    return ntohs(v6.sin6_port);
  }
  return 0;
}

}  // namespace introspectd::io
