#include "io/listen_socket.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/unit/io/temporary_directory.h"

namespace introspectd::io {
namespace {

bool can_connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// A socket file whose owner was killed.
void leave_stale_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
}

bool exists(const std::string& path) { return std::filesystem::exists(std::filesystem::symlink_status(path)); }

}  // namespace

TEST_CASE("listen_socket: IPv4 and IPv6 literals listen; the kernel chooses port 0's port") {
  const auto v4 = ListenSocket::tcp("127.0.0.1", 0);
  REQUIRE(v4.has_value());
  CHECK(v4->port() != 0);
  const auto v6 = ListenSocket::tcp("::1", 0);
  REQUIRE(v6.has_value());
  CHECK(v6->port() != 0);
}

TEST_CASE("listen_socket: a name, a bracket or a port in use is refused with a sentence") {
  CHECK_FALSE(ListenSocket::tcp("localhost", 0).has_value());
  CHECK_FALSE(ListenSocket::tcp("[::1]", 0).has_value());
  const auto first = ListenSocket::tcp("127.0.0.1", 0);
  REQUIRE(first.has_value());
  const auto second = ListenSocket::tcp("127.0.0.1", first->port());
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().find("bind: Address already in use") != std::string::npos);
}

TEST_CASE("listen_socket: [::] does not take IPv4's port as well") {
  // The kernel chose a port that is free of IPv6; somebody else on this machine may have it of IPv4, but hardly ten times.
  bool shared = false;
  for (int i = 0; i != 10 && !shared; ++i) {
    const auto v6 = ListenSocket::tcp("::", 0);
    REQUIRE(v6.has_value());
    shared = ListenSocket::tcp("0.0.0.0", v6->port()).has_value();
  }
  CHECK(shared);
}

TEST_CASE("listen_socket: a Unix socket has the mode asked for whatever the umask, and goes at the end") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("s");
  for (const std::uint32_t mode : {0600U, 0660U, 0666U}) {
    const mode_t umask_before = ::umask(0077);
    {
      const auto listening = ListenSocket::unix_path(path, mode);
      ::umask(umask_before);
      REQUIRE(listening.has_value());
      CHECK(listening->port() == 0);
      CHECK(can_connect(path));
      struct stat status {};
      REQUIRE(::lstat(path.c_str(), &status) == 0);
      CHECK((status.st_mode & 07777) == mode);
    }
    CHECK_FALSE(exists(path));
  }
}

TEST_CASE("listen_socket: a path of 107 bytes works, of 108 is refused, an empty one too (F9)") {
  const TemporaryDirectory directory;
  const std::string base = directory.path("");
  CHECK(ListenSocket::unix_path(base + std::string(107 - base.size(), 'x'), 0600).has_value());
  CHECK_FALSE(ListenSocket::unix_path(base + std::string(108 - base.size(), 'x'), 0600).has_value());
  CHECK_FALSE(ListenSocket::unix_path("", 0600).has_value());
  CHECK_FALSE(ListenSocket::unix_path(directory.path("no/such/directory"), 0600).has_value());
}

TEST_CASE("listen_socket: a stale socket is replaced, a live one refused and left alone (F9)") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("s");
  leave_stale_socket(path);
  REQUIRE_FALSE(can_connect(path));
  const auto live = ListenSocket::unix_path(path, 0600);
  REQUIRE(live.has_value());
  const auto second = ListenSocket::unix_path(path, 0600);
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().find("live daemon") != std::string::npos);
  CHECK(can_connect(path));
}

TEST_CASE("listen_socket: a live socket with a full queue is live (F9)") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("s");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const FileDescriptor busy(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(busy.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(busy.get(), 0) == 0);
  std::vector<FileDescriptor> waiting;
  for (;;) {
    FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) break;
    waiting.push_back(std::move(fd));
  }
  CHECK_FALSE(ListenSocket::unix_path(path, 0600).has_value());
  CHECK(exists(path));
}

TEST_CASE("listen_socket: a file, a directory or a dangling link at the path is refused and left alone (F9)") {
  const TemporaryDirectory directory;
  const std::string file = directory.path("file");
  std::ofstream(file) << "precious";
  CHECK_FALSE(ListenSocket::unix_path(file, 0600).has_value());
  CHECK(std::filesystem::file_size(file) == 8);

  const std::string folder = directory.path("folder");
  std::filesystem::create_directory(folder);
  CHECK_FALSE(ListenSocket::unix_path(folder, 0600).has_value());

  const std::string link = directory.path("link");
  std::filesystem::create_symlink(directory.path("nowhere"), link);
  CHECK_FALSE(ListenSocket::unix_path(link, 0600).has_value());
  CHECK(exists(link));
}

TEST_CASE("listen_socket: at the end the path is left alone when another socket took it (F9)") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("s");
  auto first = ListenSocket::unix_path(path, 0600);
  REQUIRE(first.has_value());
  std::filesystem::remove(path);
  const auto second = ListenSocket::unix_path(path, 0600);
  REQUIRE(second.has_value());
  { const ListenSocket ending = std::move(*first); }
  CHECK(can_connect(path));
}

TEST_CASE("listen_socket: inherited fds are listening stream sockets or refused (F125)") {
  const auto open = ListenSocket::tcp("127.0.0.1", 0);
  REQUIRE(open.has_value());
  const auto adopted = ListenSocket::adopt(FileDescriptor(::dup(open->fd())));
  REQUIRE(adopted.has_value());
  CHECK(adopted->port() == open->port());
  CHECK((::fcntl(adopted->fd(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(adopted->fd(), F_GETFL) & O_NONBLOCK) != 0);

  const auto refused = [](int fd) { return !ListenSocket::adopt(FileDescriptor(fd)).has_value(); };
  CHECK(refused(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  CHECK(refused(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  CHECK(refused(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));  // not listening
  CHECK(refused(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  CHECK(refused(-1));
  const int sequenced = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  const sockaddr_un unnamed{AF_UNIX, {}};
  REQUIRE(::bind(sequenced, reinterpret_cast<const sockaddr*>(&unnamed), sizeof(sa_family_t)) == 0);
  REQUIRE(::listen(sequenced, 1) == 0);
  CHECK(refused(sequenced));
}

}  // namespace introspectd::io
