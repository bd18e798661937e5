#include "load/load_run.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "load/cpu_time.h"

namespace introspectd::bench {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kLongestWaitNs = 10'000'000;
constexpr std::uint64_t kMostLost = 10'000;

std::int64_t to_ns(double seconds) { return static_cast<std::int64_t>(seconds * static_cast<double>(kSecondNs)); }

void close_without_time_wait(Fd& fd) {
  // One connection per request would otherwise use up the ports of loopback within seconds.
  const linger at_once{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fd.reset();
}

}  // namespace

LoadRun::LoadRun(const Plan& plan)
    : plan_(plan),
      text_(plan),
      check_(plan.protocol),
      mix_(plan.mix, plan.order_seed),
      epoll_(make_epoll()),
      connections_(plan.connections) {}

LoadResult LoadRun::run() {
  now_ = begin_ns_ = now_ns();
  measure_from_ns_ = now_ + to_ns(plan_.warm_up_seconds);
  if (plan_.warm_up_seconds <= 0) begin_measuring();
  open_all();
  while (!over()) turn();
  end_measuring();
  return result_;
}

void LoadRun::open_all() {
  for (std::size_t slot = 0; slot < connections_.size() && !result_.refused; ++slot) {
    if (!plan_.new_connection) open(slot);
    next_request(slot);
  }
}

void LoadRun::turn() {
  std::array<epoll_event, 256> events;
  const timespec wait{0, wait_ns()};
  const int count = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &wait, nullptr);
  now_ = now_ns();
  if (!measuring_ && now_ >= measure_from_ns_) begin_measuring();
  for (int i = 0; i < count; ++i) serve(events[static_cast<std::size_t>(i)]);
  if (open_loop()) start_due_requests();
}

bool LoadRun::over() const {
  if (result_.refused || (plan_.requests > 0 && ended_ >= plan_.requests)) return true;
  return now_ >= measure_from_ns_ + to_ns(plan_.seconds);
}

// The open loop never sleeps: a wake-up would be counted as the server's latency. Where it shares its core it has to:
// what never sleeps has its turns like others, and a turn of theirs is far longer than a wake-up.
std::int64_t LoadRun::wait_ns() const {
  if (plan_.spin || (open_loop() && !plan_.share_core)) return 0;
  if (!open_loop() || idle_.empty()) return kLongestWaitNs;
  return std::clamp<std::int64_t>(due_ns() - now_ns(), 0, kLongestWaitNs);
}

// When the next request of the open loop should begin.
std::int64_t LoadRun::due_ns() const {
  const double interval_ns = static_cast<double>(kSecondNs) / plan_.rate;
  return begin_ns_ + static_cast<std::int64_t>(static_cast<double>(started_) * interval_ns);
}

void LoadRun::begin_measuring() {
  measuring_ = true;
  measure_from_ns_ = now_;
  result_.server_cpu_ns = -processes_cpu_ns(plan_.server_pids);
  result_.own_cpu_ns = -process_cpu_ns(::getpid());
}

void LoadRun::end_measuring() {
  if (!measuring_) return;
  result_.server_cpu_ns += processes_cpu_ns(plan_.server_pids);
  result_.own_cpu_ns += process_cpu_ns(::getpid());
  result_.seconds = static_cast<double>(now_ - measure_from_ns_) / static_cast<double>(kSecondNs);
}

void LoadRun::open(std::size_t slot) {
  Connection& connection = connections_[slot];
  connection.fd = connect_to(plan_.address);
  if (!connection.fd.valid()) {
    result_.refused = true;
    return;
  }
  watch(epoll_.get(), connection.fd.get(), EPOLLIN, slot, true);
}

void LoadRun::close(Connection& connection) {
  if (connection.fd.valid()) close_without_time_wait(connection.fd);
  connection.partial.clear();
  connection.unsent.clear();
}

void LoadRun::next_request(std::size_t slot) {
  if (result_.refused) return;
  if (open_loop()) {
    idle_.push_back(slot);
    return;
  }
  const std::int64_t intended = now_ns();
  if (plan_.new_connection) open(slot);
  if (!result_.refused) ask(slot, intended);
}

void LoadRun::start_due_requests() {
  // Latency counts from when a request should have begun, also where it had to wait for a free connection: otherwise
  // a stalled server would be asked less and look better.
  while (!idle_.empty()) {
    const std::int64_t intended = due_ns();
    if (intended > now_ || (plan_.requests > 0 && started_ >= plan_.requests)) return;
    const std::size_t slot = idle_.front();
    idle_.pop_front();
    ask(slot, intended);
  }
}

void LoadRun::ask(std::size_t slot, std::int64_t intended_ns) {
  Connection& connection = connections_[slot];
  connection.asked.clear();
  connection.answered = 0;
  batch_.clear();
  for (std::size_t i = 0; i < plan_.depth && (plan_.requests == 0 || started_ < plan_.requests); ++i) {
    const std::uint64_t index = mix_.next_index();
    connection.asked.push_back({index, intended_ns});
    text_.append(batch_, index);
    ++started_;
  }
  if (connection.asked.empty()) return;
  const ssize_t sent = ::send(connection.fd.get(), batch_.data(), batch_.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != ENOTCONN) return on_lost(slot);
  const std::size_t gone = sent > 0 ? static_cast<std::size_t>(sent) : 0;
  if (gone == batch_.size()) return;
  connection.unsent.assign(batch_, gone);
  watch(epoll_.get(), connection.fd.get(), EPOLLIN | EPOLLOUT, slot, false);
}

void LoadRun::flush(std::size_t slot) {
  Connection& connection = connections_[slot];
  const ssize_t sent =
      ::send(connection.fd.get(), connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
  if (sent > 0) connection.unsent.erase(0, static_cast<std::size_t>(sent));
  if (connection.unsent.empty()) watch(epoll_.get(), connection.fd.get(), EPOLLIN, slot, false);
}

void LoadRun::serve(const epoll_event& event) {
  const auto slot = static_cast<std::size_t>(event.data.u64);
  if (!connections_[slot].fd.valid()) return;
  if ((event.events & EPOLLOUT) != 0U) flush(slot);
  if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0U) read_from(slot);
}

void LoadRun::read_from(std::size_t slot) {
  Connection& connection = connections_[slot];
  const ssize_t got = ::recv(connection.fd.get(), buffer_.data(), buffer_.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return on_lost(slot);
  now_ = now_ns();
  std::string_view bytes(buffer_.data(), static_cast<std::size_t>(got));
  if (!connection.partial.empty()) {
    connection.partial += bytes;
    std::string whole;
    whole.swap(connection.partial);
    if (!take_replies(slot, whole)) on_lost(slot);
  } else if (!take_replies(slot, bytes)) {
    on_lost(slot);
  }
}

bool LoadRun::take_replies(std::size_t slot, std::string_view bytes) {
  Connection& connection = connections_[slot];
  while (!bytes.empty()) {
    if (connection.answered == connection.asked.size()) return false;  // a reply that nobody asked for
    const Asked& asked = connection.asked[connection.answered];
    std::size_t consumed = 0;
    const ReplyCheck::Verdict verdict = check_.judge(bytes, asked.index, consumed);
    if (verdict == ReplyCheck::Verdict::kMalformed) return false;
    if (verdict == ReplyCheck::Verdict::kIncomplete) {
      connection.partial = bytes;
      return true;
    }
    bytes.remove_prefix(consumed);
    ++connection.answered;
    ++ended_;
    if (verdict == ReplyCheck::Verdict::kWrong) {
      ++result_.wrong;
    } else if (measuring_) {
      ++result_.requests;
      result_.latency.record(now_ - asked.intended_ns);
    }
  }
  if (connection.answered == connection.asked.size()) on_batch_answered(slot);
  return true;
}

void LoadRun::on_batch_answered(std::size_t slot) {
  if (plan_.new_connection) close(connections_[slot]);
  next_request(slot);
}

void LoadRun::on_lost(std::size_t slot) {
  Connection& connection = connections_[slot];
  const std::size_t outstanding = connection.asked.size() - connection.answered;
  result_.lost += outstanding;
  ended_ += outstanding;
  if (result_.lost > kMostLost) result_.refused = true;
  const bool was_idle = outstanding == 0;
  close(connection);
  connection.answered = connection.asked.size();
  if (!plan_.new_connection && !result_.refused) open(slot);
  // An idle one of the open loop stands in the queue already.
  if (!(was_idle && open_loop())) next_request(slot);
}

}  // namespace introspectd::bench
