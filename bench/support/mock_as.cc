// mock_as: a fast authorization server for the benches. Every token of the deterministic set is active, everything
// else is not (RFC 7662 §2.2). GET /count tells how many introspections it answered. --delay-us holds answers back.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/answer.h"
#include "support/flags.h"
#include "support/http_text.h"
#include "support/socket.h"
#include "support/token_set.h"

namespace introspectd::bench {
namespace {

constexpr std::size_t kReadBytes = 65536;
constexpr std::size_t kLongestRequestBytes = 65536;

struct Connection {
  Fd fd;
  std::uint64_t generation = 0;  // tells a delayed answer that its connection is another one by now
  std::string received;
  std::string unsent;
};

struct DelayedAnswer {
  std::int64_t due_ns;
  std::size_t slot;
  std::uint64_t generation;
  std::string bytes;
};

class MockAs {
 public:
  MockAs(std::uint64_t seed, std::int64_t delay_ns) : epoll_(make_epoll()), tokens_(seed), delay_ns_(delay_ns) {}

  void listen(std::uint16_t port) {
    listener_ = listen_at({{}, port});
    watch(epoll_.get(), listener_.get(), EPOLLIN, static_cast<std::uint64_t>(listener_.get()), true);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int wait_ms = delayed_.empty() ? -1 : 1;
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms);
      for (int i = 0; i < count; ++i) serve(events[static_cast<std::size_t>(i)]);
      release_due();
    }
  }

 private:
  void serve(const epoll_event& event) {
    const auto slot = static_cast<std::size_t>(event.data.u64);
    if (static_cast<int>(slot) == listener_.get()) return accept_all();
    Connection& connection = connections_[slot];
    if ((event.events & EPOLLOUT) != 0U) flush(connection);
    if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0U) read_from(connection, slot);
  }

  void accept_all() {
    for (Fd fd = accept_from(listener_.get()); fd.valid(); fd = accept_from(listener_.get())) {
      const auto slot = static_cast<std::size_t>(fd.get());
      if (connections_.size() <= slot) connections_.resize(slot + 1);
      watch(epoll_.get(), fd.get(), EPOLLIN, slot, true);
      connections_[slot] = Connection{std::move(fd), ++generations_, {}, {}};
    }
  }

  void read_from(Connection& connection, std::size_t slot) {
    const ssize_t got = ::recv(connection.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got > 0) connection.received.append(buffer_.data(), static_cast<std::size_t>(got));
    if (got <= 0 || !answer_all(connection, slot)) connection = Connection();
  }

  bool answer_all(Connection& connection, std::size_t slot) {
    std::string_view rest = connection.received;
    reply_.clear();
    for (;;) {
      const MessageText message = find_message(rest);
      if (message.status == TextStatus::kMalformed) return false;
      if (message.status == TextStatus::kIncomplete) break;
      append_reply(message);
      rest.remove_prefix(message.total_bytes);
    }
    connection.received.erase(0, connection.received.size() - rest.size());
    if (delay_ns_ > 0 && !reply_.empty()) {
      delayed_.push_back({now_ns() + delay_ns_, slot, connection.generation, reply_});
    } else if (!reply_.empty()) {
      send_or_keep(connection, reply_);
    }
    return connection.received.size() <= kLongestRequestBytes;
  }

  void append_reply(const MessageText& message) {
    if (message.first_line.starts_with("GET /count")) return append("200 OK", std::to_string(answered_));
    if (!message.first_line.starts_with("POST /introspect ")) return append("404 Not Found", "{}");
    ++answered_;
    const auto index = tokens_.index_of(form_value(message.body, "token"));
    if (!index || *index >= kFirstMadeUpIndex) return append("200 OK", kInactiveAnswer);
    AnswerBuffer buffer;
    append("200 OK", active_answer(*index, buffer));
  }

  void append(std::string_view status, std::string_view body) {
    reply_ += "HTTP/1.1 ";
    reply_ += status;
    reply_ += "\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: ";
    reply_ += std::to_string(body.size());
    reply_ += "\r\n\r\n";
    reply_ += body;
  }

  void release_due() {
    if (delayed_.empty()) return;
    const std::int64_t now = now_ns();
    while (!delayed_.empty() && delayed_.front().due_ns <= now) {
      const DelayedAnswer& answer = delayed_.front();
      Connection& connection = connections_[answer.slot];
      if (connection.generation == answer.generation) send_or_keep(connection, answer.bytes);
      delayed_.pop_front();
    }
  }

  void send_or_keep(Connection& connection, std::string_view bytes) {
    if (connection.unsent.empty()) {
      const ssize_t sent = ::send(connection.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      bytes.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
    }
    if (bytes.empty()) return;
    connection.unsent += bytes;
    rewatch(connection, EPOLLIN | EPOLLOUT);
  }

  void flush(Connection& connection) {
    const ssize_t sent =
        ::send(connection.fd.get(), connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
    if (sent > 0) connection.unsent.erase(0, static_cast<std::size_t>(sent));
    if (connection.unsent.empty()) rewatch(connection, EPOLLIN);
  }

  void rewatch(const Connection& connection, std::uint32_t events) {
    watch(epoll_.get(), connection.fd.get(), events, static_cast<std::uint64_t>(connection.fd.get()), false);
  }

  Fd epoll_;
  Fd listener_;
  TokenSet tokens_;
  std::int64_t delay_ns_;
  std::uint64_t answered_ = 0;
  std::uint64_t generations_ = 0;
  std::vector<Connection> connections_;  // by descriptor
  std::deque<DelayedAnswer> delayed_;    // in the order of their due time, since all wait equally long
  std::string reply_;
  std::array<char, kReadBytes> buffer_;
};

}  // namespace
}  // namespace introspectd::bench

int main(int argc, char** argv) {
  using namespace introspectd::bench;
  const Flags flags(argc, argv, {"port", "core", "seed", "delay-us"});
  pin_to_core(flags.integer("core", -1));
  const auto seed = static_cast<std::uint64_t>(flags.integer("seed", 1));
  const auto server = std::make_unique<MockAs>(seed, flags.integer("delay-us", 0) * 1000);
  server->listen(static_cast<std::uint16_t>(flags.integer("port", 4000)));
  server->run();
}
