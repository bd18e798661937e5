// What we take from and tell the service manager: inherited fds, notifications, the watchdog.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "io/listen_fds.h"
#include "io/sd_notify.h"
#include "tests/unit/io/temporary_directory.h"

namespace introspectd::io {
namespace {

constexpr int kFirst = 200;  // far from what the test itself has open

// Two fds where the service manager would put them.
void put_fds() {
  for (int at = 0; at != 2; ++at) {
    const FileDescriptor fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    REQUIRE(::dup2(fd.get(), kFirst + at) == kFirst + at);
  }
}

std::string own_pid() { return std::to_string(::getpid()); }

struct NotifySocket {
  explicit NotifySocket(const std::string& name) : fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    if (name[0] == '@') {
      address.sun_path[0] = '\0';
    } else {
      size = sizeof address;
    }
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  }
  std::string receive() const {
    std::array<char, 512> bytes{};
    const ssize_t got = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
    return got < 0 ? "nothing" : std::string(bytes.data(), static_cast<std::size_t>(got));
  }
  FileDescriptor fd;
};

}  // namespace

TEST_CASE("listen_fds: fds come with their names, close-on-exec (STD 9.01)") {
  put_fds();
  const auto taken = take_inherited_fds({own_pid(), "2", "introspect:admin"}, ::getpid(), kFirst);
  REQUIRE(taken.has_value());
  REQUIRE(taken->size() == 2);
  CHECK(taken->at(0).fd.get() == kFirst);
  CHECK(taken->at(0).name == "introspect");
  CHECK(taken->at(1).name == "admin");
  CHECK((::fcntl(kFirst, F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("listen_fds: without names they are unknown; without variables, or for another process, there are none") {
  put_fds();
  const auto unnamed = take_inherited_fds({own_pid(), "2", std::nullopt}, ::getpid(), kFirst);
  REQUIRE(unnamed.has_value());
  CHECK(unnamed->at(1).name == "unknown");
  CHECK(take_inherited_fds({}, ::getpid(), kFirst)->empty());
  CHECK(take_inherited_fds({"1", "2", "a:b"}, ::getpid(), kFirst)->empty());
  CHECK(take_inherited_fds({own_pid(), "0", std::nullopt}, ::getpid(), kFirst)->empty());
}

TEST_CASE("listen_fds: variables that do not hold together are refused (F125)") {
  CHECK_FALSE(take_inherited_fds({"x", "1", "a"}, ::getpid(), kFirst).has_value());
  CHECK_FALSE(take_inherited_fds({own_pid(), "-1", "a"}, ::getpid(), kFirst).has_value());
  CHECK_FALSE(take_inherited_fds({own_pid(), "1x", "a"}, ::getpid(), kFirst).has_value());
  CHECK_FALSE(take_inherited_fds({own_pid(), "65", std::nullopt}, ::getpid(), kFirst).has_value());
  CHECK_FALSE(take_inherited_fds({own_pid(), "2", "a"}, ::getpid(), kFirst).has_value());
  CHECK_FALSE(take_inherited_fds({own_pid(), "1", "a"}, ::getpid(), 900).has_value());  // not open
}

TEST_CASE("sd_notify: one datagram a message, to a path and to an abstract name (STD 9.02, 9.04, 9.05)") {
  const TemporaryDirectory directory;
  for (const std::string& name : {directory.path("notify"), "@introspectd-test-" + own_pid()}) {
    const NotifySocket manager(name);
    const ServiceNotifier notifier(name);
    CHECK(notifier.ready());
    CHECK(manager.receive() == "READY=1");
    CHECK(notifier.status("2 loops\nWATCHDOG=trigger"));
    CHECK(manager.receive() == "STATUS=2 loops WATCHDOG=trigger");
    CHECK(notifier.watchdog());
    CHECK(manager.receive() == "WATCHDOG=1");
    CHECK(notifier.reloading());
    CHECK(manager.receive().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    CHECK(notifier.stopping());
    CHECK(manager.receive() == "STOPPING=1");
    CHECK(manager.receive() == "nothing");
  }
}

TEST_CASE("sd_notify: without a manager, or with one that is gone, all is silent") {
  CHECK_FALSE(ServiceNotifier("").ready());
  CHECK_FALSE(ServiceNotifier("relative/path").ready());
  CHECK_FALSE(ServiceNotifier("/nowhere/notify").ready());
  CHECK_FALSE(ServiceNotifier("/" + std::string(107, 'x')).ready());
}

TEST_CASE("sd_notify: the watchdog is fed at half its interval, and only when it is ours (STD 9.05)") {
  CHECK(watchdog_period("30000000", std::nullopt, 7) == std::chrono::seconds(15));
  CHECK(watchdog_period("30000000", "7", 7) == std::chrono::seconds(15));
  CHECK_FALSE(watchdog_period("30000000", "8", 7).has_value());
  CHECK_FALSE(watchdog_period("0", std::nullopt, 7).has_value());
  CHECK_FALSE(watchdog_period("-5", std::nullopt, 7).has_value());
  CHECK_FALSE(watchdog_period("9223372036854775807", std::nullopt, 7).has_value());
  CHECK_FALSE(watchdog_period("soon", std::nullopt, 7).has_value());
  CHECK_FALSE(watchdog_period(std::nullopt, std::nullopt, 7).has_value());
}

}  // namespace introspectd::io
