#include "support/demo_as.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "support/demo_as_answers.h"

namespace introspectd::support {
namespace {

struct Connection {
  Fd socket;
  std::string unread;
  std::string unsent;
  Answer::End end = Answer::End::kKeepAlive;
  bool waiting = false;  // an answer is due; later requests stay in `unread`
  SteadyTime idle_since;
};

struct Due {
  std::uint64_t connection;
  Answer answer;
  std::size_t sent = 0;  // trickle
};

constexpr std::uint64_t kListener = 0;
constexpr std::uint64_t kWake = 1;

}  // namespace

class DemoAs::Server {
 public:
  Server(std::string node_secret, std::string app_secret)
      : node_secret_(std::move(node_secret)), app_secret_(std::move(app_secret)) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { stop(); }

  bool start(std::uint16_t port) {
    listener_ = listen_on_loopback(port);
    if (!listener_.valid()) return false;
    port_ = port_of(listener_);
    if (!answers_) {
      answers_ = std::make_unique<DemoAsAnswers>("http://127.0.0.1:" + std::to_string(port_), node_secret_,
                                                 app_secret_);
    }
    epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    ::fcntl(listener_.get(), F_SETFL, O_NONBLOCK);
    watch(listener_.get(), kListener, EPOLL_CTL_ADD, EPOLLIN);
    watch(wake_.get(), kWake, EPOLL_CTL_ADD, EPOLLIN);
    stopping_ = false;
    thread_ = std::thread([this] { serve(); });
    return true;
  }

  void stop() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake();
    thread_.join();
    listener_.reset();
    connections_.clear();
    due_.clear();
  }

  std::uint16_t port() const { return port_; }

  template <typename Action>
  auto locked(Action&& action) {
    const std::lock_guard lock(mutex_);
    return action(*answers_);
  }

  void push_unasked(std::string bytes) {
    {
      const std::lock_guard lock(mutex_);
      unasked_ = std::move(bytes);
    }
    wake();
  }

 private:
  void wake() {
    const std::uint64_t one = 1;
    if (::write(wake_.get(), &one, sizeof one) != sizeof one) std::abort();
  }

  void watch(int fd, std::uint64_t id, int operation, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    ::epoll_ctl(epoll_.get(), operation, fd, &event);
  }

  void serve() {
    std::array<epoll_event, 256> events;
    while (true) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms());
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      now_ = std::chrono::steady_clock::now();
      for (int i = 0; i < count; ++i) on_event(events[static_cast<std::size_t>(i)]);
      send_due();
      send_unasked();
      close_idle();
    }
  }

  int wait_ms() {
    const std::lock_guard lock(mutex_);
    if (due_.empty()) return answers_->faults.idle_close.count() > 0 ? 5 : 1000;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(due_.begin()->first - std::chrono::steady_clock::now());
    return left.count() < 0 ? 0 : static_cast<int>(std::min<std::int64_t>(left.count(), 1000));
  }

  void on_event(const epoll_event& event) {
    if (event.data.u64 == kListener) return accept_all();
    if (event.data.u64 == kWake) {
      std::uint64_t ignored = 0;
      if (::read(wake_.get(), &ignored, sizeof ignored) < 0) return;
      return;
    }
    const std::uint64_t id = event.data.u64;  // a copy: epoll_event is packed, a reference into it is misaligned
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    if ((event.events & EPOLLOUT) != 0 && !flush(found->first, found->second)) return;
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_from(found->first, found->second);
  }

  void accept_all() {
    while (true) {
      Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket.valid()) return;
      const std::uint64_t id = next_id_++;
      watch(socket.get(), id, EPOLL_CTL_ADD, EPOLLIN);
      ++answers_->counts.connections;
      Connection& connection = connections_[id];
      connection.socket = std::move(socket);
      connection.idle_since = now_;
    }
  }

  void read_from(std::uint64_t id, Connection& connection) {
    switch (receive_some(connection.socket, connection.unread, now_)) {
      case Received::kBytes:
        return answer_next(id, connection);
      case Received::kTimedOut:
        return;
      case Received::kEof:
      case Received::kReset:
        drop(id);
        return;
    }
  }

  void answer_next(std::uint64_t id, Connection& connection) {
    if (connection.waiting) return;
    DemoAsRequest request;
    switch (take_request(connection.unread, request)) {
      case Taken::kIncomplete:
        connection.idle_since = now_;
        return;
      case Taken::kBad:
        ++answers_->counts.bad_requests;
        drop(id);
        return;
      case Taken::kRequest:
        break;
    }
    Due due{id, answers_->answer(request, now_)};
    connection.waiting = true;
    const SteadyTime at = now_ + due.answer.delay;
    due_.emplace(at, std::move(due));
  }

  void send_due() {
    while (!due_.empty() && due_.begin()->first <= now_) {
      Due due = std::move(due_.begin()->second);
      due_.erase(due_.begin());
      const auto found = connections_.find(due.connection);
      if (found != connections_.end()) send_answer(found->second, std::move(due));
    }
  }

  void send_answer(Connection& connection, Due due) {
    const std::uint64_t id = due.connection;
    const bool trickle = due.answer.per_byte.count() > 0;
    const std::size_t count = trickle ? 1 : due.answer.bytes.size();
    connection.unsent.append(due.answer.bytes, due.sent, count);
    due.sent += count;
    if (due.sent < due.answer.bytes.size()) {
      due_.emplace(now_ + due.answer.per_byte, std::move(due));
    } else {
      connection.end = due.answer.end;
      connection.waiting = connection.end == Answer::End::kNever;
    }
    if (flush(id, connection) && !connection.waiting) answer_next(id, connection);
  }

  // False when the connection is gone.
  bool flush(std::uint64_t id, Connection& connection) {
    while (!connection.unsent.empty()) {
      const ssize_t sent =
          ::send(connection.socket.get(), connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        connection.unsent.erase(0, static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        watch(connection.socket.get(), id, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
        return true;
      } else if (errno != EINTR) {
        drop(id);
        return false;
      }
    }
    watch(connection.socket.get(), id, EPOLL_CTL_MOD, EPOLLIN);
    connection.idle_since = now_;
    if (connection.waiting || connection.end == Answer::End::kKeepAlive ||
        connection.end == Answer::End::kNever)
      return true;
    if (connection.end == Answer::End::kReset) {
      const linger hard{1, 0};
      ::setsockopt(connection.socket.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    drop(id);
    return false;
  }

  void send_unasked() {
    if (unasked_.empty()) return;
    const std::string bytes = std::move(unasked_);
    unasked_.clear();
    for (auto& [id, connection] : connections_) {
      if (!connection.waiting) send_all(connection.socket, bytes, now_);
    }
  }

  void close_idle() {
    const std::chrono::milliseconds limit = answers_->faults.idle_close;
    if (limit.count() == 0) return;
    std::erase_if(connections_, [&](const auto& item) {
      return !item.second.waiting && item.second.unread.empty() && item.second.idle_since + limit <= now_;
    });
  }

  void drop(std::uint64_t id) { connections_.erase(id); }

  std::string node_secret_;
  std::string app_secret_;
  Fd listener_;
  Fd epoll_;
  Fd wake_;
  std::uint16_t port_ = 0;
  std::thread thread_;

  std::mutex mutex_;  // everything below
  bool stopping_ = false;
  SteadyTime now_;
  std::uint64_t next_id_ = 2;
  std::unordered_map<std::uint64_t, Connection> connections_;
  std::multimap<SteadyTime, Due> due_;
  std::string unasked_;
  std::unique_ptr<DemoAsAnswers> answers_;
};

DemoAs::DemoAs(std::string node_secret, std::string app_secret)
    : server_(std::make_unique<Server>(std::move(node_secret), std::move(app_secret))) {}
DemoAs::~DemoAs() = default;

bool DemoAs::start(std::uint16_t port) {
  return server_->start(port);
}
void DemoAs::stop() {
  server_->stop();
}
std::uint16_t DemoAs::port() const {
  return server_->port();
}

std::string DemoAs::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port()) + std::string(path);
}

std::string DemoAs::mint(const TokenGrant& grant) {
  return server_->locked([&grant](DemoAsAnswers& answers) { return answers.tokens.mint(grant); });
}

void DemoAs::put(const std::string& token, std::string introspection_body) {
  server_->locked([&](DemoAsAnswers& answers) { answers.tokens.put(token, std::move(introspection_body)); });
}

void DemoAs::set_faults(const DemoAsFaults& faults) {
  server_->locked([&faults](DemoAsAnswers& answers) { answers.faults = faults; });
}

void DemoAs::set_node_secret(std::string secret) {
  server_->locked([&secret](DemoAsAnswers& answers) { answers.node_secret = std::move(secret); });
}

void DemoAs::script(std::vector<ScriptedReply> replies) {
  server_->locked([&replies](DemoAsAnswers& answers) {
    answers.script.assign(std::make_move_iterator(replies.begin()), std::make_move_iterator(replies.end()));
  });
}

void DemoAs::send_on_idle_connections(std::string bytes) {
  server_->push_unasked(std::move(bytes));
}

DemoAsCounts DemoAs::counts() const {
  return server_->locked([](DemoAsAnswers& answers) { return answers.counts; });
}

std::uint64_t DemoAs::introspections_of(const std::string& token) const {
  return server_->locked([&token](DemoAsAnswers& answers) { return answers.introspected[token]; });
}

DemoAsRequest DemoAs::last_introspection() const {
  return server_->locked([](DemoAsAnswers& answers) { return answers.last_introspection; });
}

}  // namespace introspectd::support
