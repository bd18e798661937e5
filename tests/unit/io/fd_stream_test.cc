#include "io/fd_stream.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>

#include "tests/unit/io/loop_fixture.h"

namespace introspectd::io {
namespace {

struct Pair {
  FileDescriptor ours;
  FileDescriptor theirs;
};

Pair unix_pair() {
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0);
  return {FileDescriptor(fds[0]), FileDescriptor(fds[1])};
}

struct Events : ports::StreamEvents {
  void on_readable() override {
    ++readable;
    if (when_readable) when_readable();
  }
  void on_writable() override {
    ++writable;
    if (when_writable) when_writable();
  }
  int readable = 0;
  int writable = 0;
  UniqueFunction<void()> when_readable;
  UniqueFunction<void()> when_writable;
};

std::string read_all(ports::ByteStream& stream) {
  std::string text;
  std::array<char, 4> some{};
  for (;;) {
    const ports::IoResult result = stream.read(some);
    if (result.status != ports::IoStatus::kOk) return text;
    text.append(some.data(), result.bytes);
  }
}

}  // namespace

TEST_CASE("fd_stream: bytes go both ways and the end is told (F36)") {
  UvLoop loop;
  Pair pair = unix_pair();
  const auto ours = FdStream::open(loop, std::move(pair.ours));
  const auto theirs = FdStream::open(loop, std::move(pair.theirs));
  std::array<char, 8> buffer{};
  CHECK(ours->read(buffer).status == ports::IoStatus::kWouldBlock);
  CHECK(ours->write("hello").bytes == 5);
  CHECK(read_all(*theirs) == "hello");
  ours->shutdown_write();
  CHECK(theirs->read(buffer).status == ports::IoStatus::kEnd);
  CHECK(theirs->write("bye").status == ports::IoStatus::kOk);
  CHECK(read_all(*ours) == "bye");
}

TEST_CASE("fd_stream: empty reads and writes say would-block, never the end") {
  UvLoop loop;
  Pair pair = unix_pair();
  const auto ours = FdStream::open(loop, std::move(pair.ours));
  pair.theirs.reset();
  CHECK(ours->read({}).status == ports::IoStatus::kWouldBlock);
  CHECK(ours->write("").status == ports::IoStatus::kWouldBlock);
}

TEST_CASE("fd_stream: writing to a peer that is gone is an error, not a signal (F37)") {
  UvLoop loop;
  Pair pair = unix_pair();
  const auto ours = FdStream::open(loop, std::move(pair.ours));
  pair.theirs.reset();
  CHECK(ours->write("x").status == ports::IoStatus::kError);
}

TEST_CASE("fd_stream: a full socket buffer says would-block and writable follows once the peer reads") {
  UvLoop loop;
  Pair pair = unix_pair();
  const auto ours = FdStream::open(loop, std::move(pair.ours));
  const std::string block(65'536, 'x');
  std::size_t sent = 0;
  for (;;) {
    const ports::IoResult result = ours->write(block);
    if (result.status == ports::IoStatus::kWouldBlock) break;
    REQUIRE(result.status == ports::IoStatus::kOk);
    sent += result.bytes;
  }
  Events events;
  events.when_writable = [&] { loop.stop(); };
  ours->watch(events, false, true);
  std::size_t received = 0;
  loop.post([&] {
    CHECK(events.writable == 0);
    std::string into(sent, '\0');
    while (received < sent) {
      const ssize_t got = ::recv(pair.theirs.get(), into.data(), into.size(), 0);
      REQUIRE(got > 0);
      received += static_cast<std::size_t>(got);
    }
  });
  loop.run();
  CHECK(events.writable >= 1);
}

TEST_CASE("fd_stream: readable is level-triggered: it comes again until the bytes are read") {
  UvLoop loop;
  Pair pair = unix_pair();
  const auto ours = FdStream::open(loop, std::move(pair.ours));
  Events events;
  events.when_readable = [&] {
    if (events.readable == 3) {
      CHECK(read_all(*ours) == "abc");
      loop.stop();
    }
  };
  ours->watch(events, true, false);
  REQUIRE(::send(pair.theirs.get(), "abc", 3, 0) == 3);
  loop.run();
  CHECK(events.readable == 3);
}

TEST_CASE("fd_stream: no event comes for what is no longer watched, nor after destruction inside an event") {
  UvLoop loop;
  Pair pair = unix_pair();
  auto ours = FdStream::open(loop, std::move(pair.ours));
  Events events;
  events.when_readable = [&] { ours.reset(); };
  ours->watch(events, true, true);  // writable at once, too
  REQUIRE(::send(pair.theirs.get(), "abc", 3, 0) == 3);
  const auto end = loop.after(20ms, [&] { loop.stop(); });
  loop.run();
  CHECK(events.readable == 1);
  CHECK(events.writable == 0);

  Pair second = unix_pair();
  const auto quiet = FdStream::open(loop, std::move(second.ours));
  Events none;
  quiet->watch(none, true, true);
  quiet->watch(none, false, false);
  REQUIRE(::send(second.theirs.get(), "abc", 3, 0) == 3);
  const auto end_again = loop.after(20ms, [&] { loop.stop(); });
  loop.run();
  CHECK(none.readable + none.writable == 0);
}

TEST_CASE("fd_stream: a reset peer shows as readable, and reading tells the error (F37)") {
  UvLoop loop;
  Pair pair = unix_pair();
  const auto ours = FdStream::open(loop, std::move(pair.ours));
  Events events;
  ports::IoStatus status = ports::IoStatus::kOk;
  events.when_readable = [&] {
    std::array<char, 8> buffer{};
    if (events.readable == 1) status = ours->read(buffer).status;
    loop.stop();
  };
  ours->watch(events, true, false);
  REQUIRE(ours->write("unread").bytes == 6);
  pair.theirs.reset();  // with unread bytes: ECONNRESET here
  loop.run();
  CHECK(status == ports::IoStatus::kError);
}

TEST_CASE("fd_stream: a Unix peer is known by uid and groups; a TCP peer is not (F40)") {
  UvLoop loop;
  Pair pair = unix_pair();
  const auto ours = FdStream::open(loop, std::move(pair.ours));
  CHECK(ours->peer().is_unix);
  CHECK(ours->peer().uid == ::getuid());
  REQUIRE_FALSE(ours->peer().gids.empty());
  CHECK(ours->peer().gids.front() == ::getgid());

  const auto tcp = FdStream::open(loop, FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  CHECK_FALSE(tcp->peer().is_unix);
  CHECK(tcp->peer().gids.empty());
}

TEST_CASE("fd_stream: fds passed over the socket are never kept (F45)") {
  UvLoop loop;
  Pair pair = unix_pair();
  const auto ours = FdStream::open(loop, std::move(pair.ours));
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  const FileDescriptor read_end(pipe[0]);
  FileDescriptor write_end(pipe[1]);

  char byte = 'x';
  iovec bytes{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &pipe[1], sizeof(int));
  const std::size_t before = open_fds();
  REQUIRE(::sendmsg(pair.theirs.get(), &message, 0) == 1);
  write_end.reset();
  // The message in flight still holds the pipe open …
  CHECK(::read(read_end.get(), &byte, 1) == -1);
  CHECK(read_all(*ours) == "x");
  // … and reading it let go: nobody can write any more.
  CHECK(::read(read_end.get(), &byte, 1) == 0);
  CHECK(open_fds() == before - 1);
}

TEST_CASE("fd_stream: destroying closes the fd at once (I36)") {
  UvLoop loop;
  Pair pair = unix_pair();
  auto ours = FdStream::open(loop, std::move(pair.ours));
  Events events;
  ours->watch(events, true, true);
  const std::size_t before = open_fds();
  ours.reset();
  CHECK(open_fds() == before - 1);
  char byte = 0;
  CHECK(::recv(pair.theirs.get(), &byte, 1, 0) == 0);
}

TEST_CASE("fd_stream: a descriptor that cannot be watched gives no stream") {
  UvLoop loop;
  CHECK(FdStream::open(loop, FileDescriptor()) == nullptr);
}

}  // namespace introspectd::io
