#include "io/listener.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <ctime>
#include <utility>
#include <vector>

#include "tests/unit/io/loop_fixture.h"
#include "tests/unit/sanitizers.h"

namespace introspectd::io {
namespace {

FileDescriptor connect_to(std::uint16_t port) {
  FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

// Not with ASan: UBSan, built with it, looks at an object's type through a pipe; without fds all look broken.
#if !INTROSPECTD_ASAN
Duration cpu_time() {
  timespec time{};
  REQUIRE(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// No new fd can be opened for as long as it lives.
class NoFdsLeft {
 public:
  NoFdsLeft() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    rlimit lower = before_;
    lower.rlim_cur = static_cast<rlim_t>(lowest_free_.get()) + 1;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &lower) == 0);
  }
  NoFdsLeft(const NoFdsLeft&) = delete;
  NoFdsLeft& operator=(const NoFdsLeft&) = delete;
  ~NoFdsLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  FileDescriptor lowest_free_{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  rlimit before_{};
};

#endif

struct Fixture {
  UvLoop loop;
  std::vector<FileDescriptor> accepted;
  Listener listener{loop, *ListenSocket::tcp("127.0.0.1", 0),
                    [this](FileDescriptor fd) { accepted.push_back(std::move(fd)); }};

  void rest(Duration time) {
    const auto end = loop.after(time, [this] { loop.stop(); });
    loop.run();
  }
};

}  // namespace

TEST_CASE("listener: every connection arrives once, non-blocking and close-on-exec") {
  Fixture f;
  std::vector<FileDescriptor> clients;
  // More than one turn accepts.
  for (std::size_t i = 0; i != 2 * Listener::kAcceptsPerTurn + 1; ++i) clients.push_back(connect_to(f.listener.port()));
  REQUIRE(run_until(f.loop, [&] { return f.accepted.size() >= clients.size(); }));
  CHECK(f.accepted.size() == clients.size());
  for (const FileDescriptor& fd : f.accepted) {
    CHECK((::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
}

TEST_CASE("listener: while paused connections wait in the queue (I39)") {
  Fixture f;
  f.listener.pause();
  const FileDescriptor client = connect_to(f.listener.port());
  f.rest(20ms);
  CHECK(f.accepted.empty());
  f.listener.resume();
  CHECK(run_until(f.loop, [&] { return f.accepted.size() == 1; }));
}

#if !INTROSPECTD_ASAN
TEST_CASE("listener: without fds left accepting rests, does not spin, and goes on afterwards (F112)") {
  Fixture f;
  int rests = 0;
  f.listener.on_rest([&rests] { ++rests; });
  const FileDescriptor client = connect_to(f.listener.port());
  {
    const NoFdsLeft none;
    const Duration before = cpu_time();
    f.rest(350ms);
    CHECK(f.accepted.empty());
    CHECK(rests >= 2);
    CHECK(rests <= 4);
    CHECK(cpu_time() - before < 50ms);
  }
  CHECK(run_until(f.loop, [&] { return f.accepted.size() == 1; }));
}

TEST_CASE("listener: pausing while it rests is kept when the rest is over") {
  Fixture f;
  const FileDescriptor client = connect_to(f.listener.port());
  {
    const NoFdsLeft none;
    f.rest(20ms);
    f.listener.pause();
  }
  f.rest(150ms);
  CHECK(f.accepted.empty());
  f.listener.resume();
  CHECK(run_until(f.loop, [&] { return f.accepted.size() == 1; }));
}

#endif

TEST_CASE("listener: a connection that was reset in the queue does not stop the next (F118)") {
  Fixture f;
  {
    const FileDescriptor gone = connect_to(f.listener.port());
    const linger now{1, 0};
    REQUIRE(::setsockopt(gone.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
  }
  const FileDescriptor client = connect_to(f.listener.port());
  CHECK(run_until(f.loop, [&] { return !f.accepted.empty(); }));
}

}  // namespace introspectd::io
