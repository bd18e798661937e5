#include "app/admin_client.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <thread>

namespace introspectd::app {
namespace {

// A daemon that takes one request and says what it is told to.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : answer_(std::move(answer)) {
    char name[] = "/tmp/introspectd-unit-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    directory_ = name;
    path_ = directory_ + "/admin.sock";
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size());
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_, 1) == 0);
    thread_ = std::thread([this] { serve(); });
  }
  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;
  ~OneAnswer() {
    thread_.join();
    ::close(listener_);
    ::unlink(path_.c_str());
    ::rmdir(directory_.c_str());
  }
  const std::string& path() const { return path_; }

 private:
  void serve() {
    const int peer = ::accept(listener_, nullptr, nullptr);
    std::array<char, 4096> block{};
    static_cast<void>(::recv(peer, block.data(), block.size(), 0));
    static_cast<void>(::send(peer, answer_.data(), answer_.size(), MSG_NOSIGNAL));
    ::shutdown(peer, SHUT_WR);
    static_cast<void>(::recv(peer, block.data(), block.size(), 0));
    ::close(peer);
  }
  std::string answer_;
  std::string directory_;
  std::string path_;
  int listener_ = -1;
  std::thread thread_;
};

}  // namespace

TEST_CASE("admin_client: a request is one message, a body has a type and a length") {
  CHECK(write_admin_request({"GET", "/status", ""}) ==
        "GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  CHECK(write_admin_request({"POST", "/flush", "{}"}) ==
        "POST /flush HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: "
        "application/json\r\nContent-Length: 2\r\n\r\n{}");
}

TEST_CASE("admin_client: a complete reply is taken, anything else is not") {
  const auto reply = read_admin_reply("HTTP/1.1 404 Not Found\r\ncontent-length:  3 \r\nX: y\r\n\r\nabc");
  REQUIRE(reply);
  CHECK(reply->status == 404);
  CHECK(reply->body == "abc");
  CHECK(read_admin_reply("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"));
  for (const char* wrong :
       {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "SSH-2.0\r\n\r\n",
        "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 20x OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 20\r\n\r\n"}) {
    CAPTURE(wrong);
    const auto refused = read_admin_reply(wrong);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == AdminError::Kind::kBadReply);
  }
}

TEST_CASE("admin_client: one exchange over a Unix socket") {
  const OneAnswer daemon("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  const auto reply = ask_daemon(daemon.path(), {"GET", "/status", ""});
  REQUIRE(reply);
  CHECK(reply->body == "{}");
}

TEST_CASE("admin_client: a reply over 4 MiB is a bad one, the bytes are not kept") {
  const OneAnswer daemon("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + std::string(kAdminReplyMost, 'x'));
  const auto reply = ask_daemon(daemon.path(), {"GET", "/status", ""});
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == AdminError::Kind::kBadReply);
}

TEST_CASE("admin_client: no daemon is told by its path") {
  for (const std::string& path : {std::string("/nonexistent/admin.sock"), "/" + std::string(107, 'x')}) {
    const auto reply = ask_daemon(path, {"GET", "/status", ""});
    REQUIRE_FALSE(reply);
    CHECK(reply.error().kind == AdminError::Kind::kNotReachable);
    CHECK(reply.error().reason.find(path) == 0);
  }
}

}  // namespace introspectd::app
