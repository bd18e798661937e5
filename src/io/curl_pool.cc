#include "io/curl_pool.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/assert.h"
#include "io/file_descriptor.h"

namespace introspectd::io {
namespace {

// What a request of a kind says of its body and of the reply's; a GET has no body to speak of.
std::array<const char*, 2> content_lines(RequestKind kind) {
  switch (kind) {
    case RequestKind::kFormPost: return {"Accept: application/json", "Content-Type: application/x-www-form-urlencoded"};
    case RequestKind::kJsonPost: return {"Accept: application/json", "Content-Type: application/json"};
    case RequestKind::kGet: break;
  }
  return {"Accept: application/json, application/jwk-set+json", nullptr};  // RFC 7517 §8.5.2
}

// The head of every call of a pool; the Authorization line is a secret.
curl_slist* build_headers(RequestKind kind, std::string_view authorization) {
  curl_slist* list = nullptr;
  const auto add = [&list](const char* line) {
    curl_slist* const longer = curl_slist_append(list, line);
    CHECK_INVARIANT(longer != nullptr);
    list = longer;
  };
  for (const char* line : content_lines(kind)) {
    if (line != nullptr) add(line);
  }
  add("Expect:");
  if (authorization.empty()) return list;
  Secret line("Authorization: ");
  line.reserve(line.size() + authorization.size() + 1);
  line.append(authorization);
  line.append(std::string_view("\0", 1));
  add(line.reveal().data());
  return list;
}

void free_headers(curl_slist* list) {
  for (curl_slist* at = list; at != nullptr; at = at->next) zeroize(at->data, std::string_view(at->data).size());
  curl_slist_free_all(list);
}

// A connected socket whose peer has gone.
FileDescriptor make_dead_socket() {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) != 0) return FileDescriptor();
  FileDescriptor(pair[1]).reset();
  return FileDescriptor(pair[0]);
}

// HOST:PORT:ADDRESS,ADDRESS as CURLOPT_RESOLVE wants it.
std::string resolve_entry(const EndpointUrl& endpoint, const std::vector<std::string>& addresses) {
  std::string entry = endpoint.host + ":" + std::to_string(endpoint.port) + ":";
  bool first = true;
  for (const std::string& address : addresses) {
    if (!std::exchange(first, false)) entry += ',';
    entry += address.find(':') == std::string::npos ? address : "[" + address + "]";
  }
  return entry;
}

}  // namespace

struct CurlPool::Token final : ports::Pending {
  explicit Token(CurlPool& p, Call& c) : pool(&p), call(&c) {}
  ~Token() override {
    if (call != nullptr) pool->cancel(*call);
  }
  CurlPool* pool;
  Call* call;  // null: done, or the pool is gone
};

struct CurlPool::Call {
  const EndpointUrl* endpoint = nullptr;
  CurlTransfer::Request request;
  Done done;
  Token* token = nullptr;
  ports::PendingToken deadline;
  ports::PendingToken name;                 // while the host's first lookup runs
  std::unique_ptr<CurlTransfer> transfer;   // while in the multi
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> resolved{nullptr, &curl_slist_free_all};
  ports::UpstreamReply reply;
  bool finished = false;
};

struct CurlPool::SocketWatch {
  CurlPool* pool = nullptr;
  curl_socket_t socket = CURL_SOCKET_BAD;
  PollWatch watch;
  Readiness wanted;
  bool open = false;
  bool idle = false;   // no transfer uses it: it is watched on, because the next one will want the same

  static void on_ready(void* owner, Readiness ready) {
    const auto* self = static_cast<SocketWatch*>(owner);
    if (self->idle) return self->pool->spoil(self->socket);   // ends this watch
    const int events = (ready.readable ? CURL_CSELECT_IN : 0) | (ready.writable ? CURL_CSELECT_OUT : 0);
    CurlPool* const pool = self->pool;
    pool->kick(self->socket, events);  // may end this watch
    pool->deliver();
  }
};

CurlPool::CurlPool(UvLoop& loop, Resolver& resolver, Settings settings, Secret authorization)
    : loop_(loop),
      resolver_(resolver),
      settings_(std::move(settings)),
      authorization_(std::move(authorization)),
      headers_(build_headers(settings_.transfer.kind, authorization_.reveal())) {}

CurlPool::~CurlPool() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  for (auto& [key, call] : calls_) {
    call->token->call = nullptr;
    take_transfer_back(*call);
  }
  calls_.clear();
  close_multi();
  idle_transfers_.clear();
  free_headers(headers_);
}

ports::PendingToken CurlPool::post(const EndpointUrl& endpoint, CurlTransfer::Request request, Duration timeout,
                                   Done done) {
  idle_end_.reset();
  auto owned = std::make_unique<Call>();
  Call& call = *owned;
  call.endpoint = &endpoint;
  call.request = std::move(request);
  call.done = std::move(done);
  auto token = std::make_unique<Token>(*this, call);
  call.token = token.get();
  calls_.emplace(&call, std::move(owned));
  // Ours and not libcurl's: it counts the suspend too, and the wait for a name or a connection.
  call.deadline = loop_.after(timeout, [this, &call] {
    finish(call, ports::TransportOutcome::kTimedOut);
    deliver();
  });
  const bool has_address = endpoint.is_numeric || !settings_.transfer.unix_socket_path.empty() ||
                           !resolver_.answer(endpoint.host).addresses.empty();
  if (has_address) {
    begin(call);
  } else {
    call.name = resolver_.wait(endpoint.host, [this, &call] { name_ended(call); });
  }
  if (!finished_.empty()) deliver_soon();  // never inside post
  return token;
}

void CurlPool::name_ended(Call& call) {
  call.name.reset();
  if (resolver_.answer(call.endpoint->host).addresses.empty()) {
    finish(call, ports::TransportOutcome::kNotResolved);
  } else {
    begin(call);
  }
  deliver();
}

// Our own queue and not libcurl's: libcurl would give a waiting call the connection that just came free without asking
// whether bytes wait on it.
void CurlPool::begin(Call& call) {
  waiting_.push_back(&call);
  begin_waiting();
}

void CurlPool::begin_waiting() {
  while (!waiting_.empty() && running_ < settings_.max_connections) {
    Call* const call = waiting_.front();
    waiting_.pop_front();
    start(*call);
  }
}

void CurlPool::start(Call& call) {
  if (!open_multi()) return finish(call, ports::TransportOutcome::kRefused);
  retire_spoilt_connections();
  std::unique_ptr<CurlTransfer> transfer;
  if (!idle_transfers_.empty()) {
    transfer = std::move(idle_transfers_.back());
    idle_transfers_.pop_back();
  } else {
    transfer = CurlTransfer::open(settings_.transfer, {headers_, &CurlPool::on_close_socket, this});
    if (!transfer) return finish(call, ports::TransportOutcome::kRefused);
  }
  const bool by_name = !call.endpoint->is_numeric && settings_.transfer.unix_socket_path.empty();
  if (by_name) {
    const std::string entry = resolve_entry(*call.endpoint, resolver_.answer(call.endpoint->host).addresses);
    call.resolved.reset(curl_slist_append(nullptr, entry.c_str()));
  }
  transfer->prepare(*call.endpoint, std::move(call.request), call.resolved.get());
  curl_easy_setopt(transfer->easy(), CURLOPT_PRIVATE, &call);
  if (curl_multi_add_handle(multi_, transfer->easy()) != CURLM_OK) {
    return finish(call, ports::TransportOutcome::kRefused);
  }
  call.transfer = std::move(transfer);
  ++running_;
  kick(CURL_SOCKET_TIMEOUT, 0);  // starts it now rather than by a timer in the next turn
}

void CurlPool::finish(Call& call, ports::UpstreamReply reply) {
  if (call.finished) return;
  call.finished = true;
  call.reply = std::move(reply);
  call.deadline.reset();
  call.name.reset();
  std::erase(waiting_, &call);
  take_transfer_back(call);
  finished_.push_back(&call);
}

void CurlPool::finish(Call& call, ports::TransportOutcome outcome) {
  ports::UpstreamReply reply;
  reply.outcome = outcome;
  finish(call, std::move(reply));
}

void CurlPool::cancel(Call& call) {
  take_transfer_back(call);
  std::erase(waiting_, &call);
  std::erase(finished_, &call);
  std::erase(delivering_, &call);
  // The callback may own what calls us again when it goes: first forget the call, then drop it.
  const auto node = calls_.extract(&call);
  if (calls_.empty()) return idle_began();
  begin_waiting();
  if (!finished_.empty()) deliver_soon();
}

void CurlPool::take_transfer_back(Call& call) {
  if (!call.transfer) return;
  --running_;
  CHECK_INVARIANT(curl_multi_remove_handle(multi_, call.transfer->easy()) == CURLM_OK);
  call.transfer->clear();
  if (idle_transfers_.size() < kMaxIdleTransfers) {
    idle_transfers_.push_back(std::move(call.transfer));
  } else {
    call.transfer.reset();
  }
}

void CurlPool::deliver() {
  if (!delivering_.empty()) return;  // a `done` is running below us
  begin_waiting();
  delivery_.reset();
  std::swap(delivering_, finished_);
  while (!delivering_.empty()) {
    Call* const key = delivering_.front();
    delivering_.pop_front();
    const auto node = calls_.extract(key);
    Call& call = *node.mapped();
    call.token->call = nullptr;
    if (calls_.empty()) idle_began();
    bool destroyed = false;
    destroyed_ = &destroyed;
    call.done(std::move(call.reply));
    if (destroyed) return;
    destroyed_ = nullptr;
  }
}

void CurlPool::deliver_soon() {
  if (!delivery_) {
    delivery_ = loop_.after(Duration::zero(), [this] { deliver(); });
  }
}

bool CurlPool::open_multi() {
  if (multi_ != nullptr) return true;
  dead_socket_ = make_dead_socket();
  if (!dead_socket_) return false;
  multi_ = curl_multi_init();
  if (multi_ == nullptr) return false;
  const auto connections = static_cast<long>(settings_.max_connections);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlPool::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlPool::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, connections);
  return true;
}

void CurlPool::close_multi() {
  if (multi_ == nullptr) return;
  CHECK_INVARIANT(curl_multi_cleanup(multi_) == CURLM_OK);
  multi_ = nullptr;
  sockets_.clear();
  idle_sockets_.clear();
  dead_socket_.reset();
  timer_.reset();
  due_.reset();
}

void CurlPool::idle_began() {
  idle_end_ = loop_.after(kIdleLife, [this] { close_multi(); });
}

void CurlPool::kick(curl_socket_t socket, int events) {
  int running = 0;
  curl_multi_socket_action(multi_, socket, events, &running);
  drain();
  settle_watches();
  arm_timer();
}

void CurlPool::drain() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    Call* call = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
    const curl_socket_t kept = call->transfer->kept_socket();
    if (kept != CURL_SOCKET_BAD) idle_sockets_.push_back(kept);
    finish(*call, call->transfer->conclude(code));  // takes the handle out: `message` is gone
  }
}

// libcurl changes its mind several times a call, nearly always to something later: the loop's timer is left as it is
// then, finds nothing due when it comes, and is set again.
void CurlPool::arm_timer() {
  if (!due_ || (timer_ && timer_at_ <= *due_)) return;
  timer_at_ = *due_;
  timer_ = loop_.after(timer_at_ - loop_.now().mono, [this] { timer_fired(); });
}

void CurlPool::timer_fired() {
  timer_.reset();
  const MonoTime now = loop_.now().mono;
  if (!due_ || now < *due_) return arm_timer();
  due_.reset();
  kick(CURL_SOCKET_TIMEOUT, 0);
  // libcurl tells a time-out once. Our loop may wake a little before libcurl's clock thinks it is time: ask again.
  long timeout_ms = -1;
  if (!due_ && curl_multi_timeout(multi_, &timeout_ms) == CURLM_OK && timeout_ms >= 0) {
    due_ = now + std::chrono::milliseconds(std::max(timeout_ms, 1L));
    arm_timer();
  }
  deliver();
}

void CurlPool::watch_socket(curl_socket_t socket, int what) {
  if (what == CURL_POLL_REMOVE) {
    const auto found = sockets_.find(socket);
    if (found == sockets_.end()) return;
    found->second->idle = true;
    found->second->wanted = {.readable = true};
    unsettled_.push_back(socket);
    return;
  }
  std::erase(idle_sockets_, socket);
  std::unique_ptr<SocketWatch>& watch = sockets_[socket];
  if (!watch) {
    watch = std::make_unique<SocketWatch>();
    watch->pool = this;
    watch->socket = socket;
  }
  watch->idle = false;
  watch->wanted = {(what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0};
  unsettled_.push_back(socket);
}

// libcurl changes its wishes on the way; what the loop is told is the last one, which for a call on a kept connection is
// what it was told before.
void CurlPool::settle_watches() {
  for (const curl_socket_t socket : unsettled_) {
    const auto found = sockets_.find(socket);
    if (found == sockets_.end()) continue;   // closed since
    SocketWatch& watch = *found->second;
    if (!std::exchange(watch.open, true)) {
      CHECK_INVARIANT(watch.watch.open(loop_.raw(), socket, &watch, &SocketWatch::on_ready));
    }
    watch.watch.want(watch.wanted);
  }
  unsettled_.clear();
}

// A server has nothing to say on an idle connection: what can be read there is its end, or bytes that would pass for
// the next call's reply (F73, F74; libcurl 7.88 uses such a connection). A dead socket takes its place, which libcurl
// finds out and closes.
void CurlPool::spoil(curl_socket_t socket) {
  sockets_.erase(socket);   // before another file has its number
  std::erase(idle_sockets_, socket);
  CHECK_INVARIANT(::dup3(dead_socket_.get(), socket, O_CLOEXEC) == socket);
}

// The loop may not have come to see yet what is there to be read.
void CurlPool::retire_spoilt_connections() {
  if (idle_sockets_.empty()) return;
  polled_.clear();
  for (const curl_socket_t socket : idle_sockets_) polled_.push_back({socket, POLLIN | POLLRDHUP, 0});
  if (::poll(polled_.data(), polled_.size(), 0) <= 0) return;
  for (const pollfd& entry : polled_) {
    if (entry.revents != 0) spoil(entry.fd);
  }
}

int CurlPool::on_close_socket(void* self, curl_socket_t socket) noexcept {
  auto* pool = static_cast<CurlPool*>(self);
  pool->sockets_.erase(socket);
  std::erase(pool->idle_sockets_, socket);
  return ::close(socket);
}

int CurlPool::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) noexcept {
  static_cast<CurlPool*>(self)->watch_socket(socket, what);
  return 0;
}

int CurlPool::on_timer(CURLM*, long timeout_ms, void* self) noexcept {
  auto* pool = static_cast<CurlPool*>(self);
  pool->due_.reset();
  if (timeout_ms >= 0) pool->due_ = pool->loop_.now().mono + std::chrono::milliseconds(timeout_ms);
  return 0;
}

}  // namespace introspectd::io
