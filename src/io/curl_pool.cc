#include "io/curl_pool.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "base/assert.h"
#include "http/response_parser.h"

namespace introspectd::io {
namespace {

using ports::TransportOutcome;

constexpr int kFirstRefusal = 400;

ports::UpstreamReply reply_of(http::ReceivedResponse received) {
  ports::UpstreamReply reply;
  reply.outcome = TransportOutcome::kOk;
  reply.status = received.status;
  reply.content_type = std::move(received.content_type);
  reply.retry_after = std::move(received.retry_after);
  reply.cache_control = std::move(received.cache_control);
  reply.body = std::move(received.body);
  return reply;
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
  Request request;
  Done done;
  Token* token = nullptr;
  Lane* lane = nullptr;            // from the time it may connect or send
  ports::PendingToken deadline;
  ports::PendingToken name;        // while the host's first lookup runs
  ports::UpstreamReply reply;
  bool finished = false;
};

// A connection, and the call that it carries, if any. Dropped by the pool, as the last thing that an event does.
class CurlPool::Lane final : public CurlConnection::Events {
 public:
  Lane(CurlPool& pool, const EndpointUrl& endpoint) : pool_(pool), endpoint_(endpoint), opened_(pool.loop_.now().mono) {}

  // False: libcurl refuses.
  bool connect(Call& call);
  void send(Call& call);
  bool serves(const EndpointUrl& endpoint) const { return endpoint_.same_origin(endpoint); }
  bool too_old(MonoTime now) const { return now - idle_since_ > kKeptIdle || now - opened_ > kLifeMost; }
  // Nothing waits to be read: on a connection that carries no call it could only be its end, or bytes that would pass for
  // the next call's reply.
  bool silent();

  void connected() override;
  void not_connected(TransportOutcome why) override { fail(why); }
  void ready(Readiness ready) override;

 private:
  Call& let_go();
  void write_on();
  void read_on();
  void complete();
  void fail(TransportOutcome why);
  void broke();

  CurlPool& pool_;
  const EndpointUrl& endpoint_;
  std::unique_ptr<CurlConnection> connection_;
  Call* call_ = nullptr;
  http::ResponseParser parser_;
  Secret request_;            // what is left of it begins at sent_
  std::size_t sent_ = 0;
  std::size_t received_ = 0;  // by the last read
  MonoTime opened_;
  MonoTime idle_since_;
  bool used_ = false;         // it has carried a call before this one
};

bool CurlPool::Lane::connect(Call& call) {
  call_ = &call;
  call.lane = this;
  std::span<const std::string> addresses;
  if (pool_.has_name(endpoint_)) addresses = pool_.resolver_.answer(endpoint_.host).addresses;
  connection_ = CurlConnection::open(pool_.loop_, pool_.settings_.connection, pool_.trust_of(endpoint_), endpoint_,
                                     addresses, *this);
  return connection_ != nullptr;
}

void CurlPool::Lane::send(Call& call) {
  call_ = &call;
  call.lane = this;
  parser_.begin(call.request.reply_body_most);
  request_ = pool_.head_of(*call.endpoint).request(call.request.body.reveal());
  call.request.body.clear();
  sent_ = 0;
  write_on();
}

void CurlPool::Lane::connected() {
  if (!silent()) return fail(TransportOutcome::kBadReply);   // it answers what was not asked
  send(*call_);
}

CurlPool::Call& CurlPool::Lane::let_go() {
  Call& call = *std::exchange(call_, nullptr);
  call.lane = nullptr;
  return call;
}

bool CurlPool::Lane::silent() {
  char byte = 0;
  return connection_->read({&byte, 1}).status == CurlConnection::Moved::Status::kWouldBlock;
}

void CurlPool::Lane::write_on() {
  while (sent_ != request_.size()) {
    const CurlConnection::Moved moved = connection_->write(request_.reveal().substr(sent_));
    if (moved.status == CurlConnection::Moved::Status::kBroken) return broke();
    if (moved.status == CurlConnection::Moved::Status::kWouldBlock) {
      connection_->watch({.readable = true, .writable = true});
      return;
    }
    sent_ += moved.bytes;
  }
  request_.clear();
  sent_ = 0;
  connection_->watch({.readable = true});
}

void CurlPool::Lane::ready(Readiness ready) {
  if (call_ == nullptr) {   // the server has closed, or says what nobody asked for; TLS alone may have had something to say
    if (!silent()) pool_.drop(*this);
    return;
  }
  CurlPool& pool = pool_;
  if (ready.writable) {
    write_on();
  } else {
    read_on();
  }
  pool.deliver();   // the lane may be gone, and then the pool
}

void CurlPool::Lane::read_on() {
  for (;;) {
    const CurlConnection::Moved moved = connection_->read(pool_.room_);
    if (moved.status == CurlConnection::Moved::Status::kWouldBlock) return;
    if (moved.status == CurlConnection::Moved::Status::kBroken) return broke();
    if (moved.status == CurlConnection::Moved::Status::kEnd) {
      if (parser_.end() == http::ResponseStatus::kComplete) return complete();
      return broke();
    }
    received_ = moved.bytes;
    switch (parser_.feed({pool_.room_.data(), moved.bytes})) {
      case http::ResponseStatus::kNeedMore: break;
      case http::ResponseStatus::kComplete: return complete();
      case http::ResponseStatus::kBad: return fail(TransportOutcome::kBadReply);
      case http::ResponseStatus::kTooLarge: return fail(TransportOutcome::kTooLarge);
    }
  }
}

// The connection is kept where the server keeps it, has said nothing more, and has the whole request. A refusal may come
// before it has; an answer that does is to another question (F73).
void CurlPool::Lane::complete() {
  CurlPool& pool = pool_;
  const bool kept = parser_.keep_alive() && parser_.consumed() == received_ && request_.empty();
  http::ReceivedResponse response = parser_.take();
  if (!request_.empty() && response.status < kFirstRefusal) return fail(TransportOutcome::kBadReply);
  pool.finish(let_go(), reply_of(std::move(response)));
  if (!kept) return pool.drop(*this);
  used_ = true;
  idle_since_ = pool.loop_.now().mono;
  pool.keep(*this);
}

void CurlPool::Lane::fail(TransportOutcome why) {
  CurlPool& pool = pool_;
  pool.finish(let_go(), why);
  pool.drop(*this);
  pool.deliver_soon();
}

void CurlPool::Lane::broke() {
  fail(used_ && !parser_.begun() ? TransportOutcome::kIdleConnectionDied : TransportOutcome::kBadReply);
}

CurlPool::CurlPool(UvLoop& loop, Resolver& resolver, Settings settings, Secret authorization)
    : loop_(loop), resolver_(resolver), settings_(std::move(settings)), authorization_(std::move(authorization)) {}

CurlPool::~CurlPool() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  for (auto& [key, call] : calls_) call->token->call = nullptr;
}

ports::PendingToken CurlPool::post(const EndpointUrl& endpoint, Request request, Duration timeout, Done done) {
  idle_end_.reset();
  auto owned = std::make_unique<Call>();
  Call& call = *owned;
  call.endpoint = &endpoint;
  call.request = std::move(request);
  call.done = std::move(done);
  auto token = std::make_unique<Token>(*this, call);
  call.token = token.get();
  calls_.emplace(&call, std::move(owned));
  // It counts the suspend too, and the wait for a name or a connection.
  call.deadline = loop_.after(timeout, [this, &call] {
    finish(call, TransportOutcome::kTimedOut);
    deliver();
  });
  if (has_name(endpoint) && resolver_.answer(endpoint.host).addresses.empty()) {
    call.name = resolver_.wait(endpoint.host, [this, &call] { name_ended(call); });
  } else {
    begin(call);
  }
  if (!finished_.empty()) deliver_soon();  // never inside post
  return token;
}

void CurlPool::name_ended(Call& call) {
  call.name.reset();
  if (resolver_.answer(call.endpoint->host).addresses.empty()) {
    finish(call, TransportOutcome::kNotResolved);
  } else {
    begin(call);
  }
  deliver();
}

void CurlPool::begin(Call& call) {
  waiting_.push_back(&call);
  begin_waiting();
}

void CurlPool::begin_waiting() {
  while (!waiting_.empty()) {
    Call& call = *waiting_.front();
    waiting_.pop_front();
    if (start(call)) continue;
    waiting_.push_front(&call);
    return;
  }
}

// False: every connection is in use.
bool CurlPool::start(Call& call) {
  if (!call.request.fresh_connection) {
    if (Lane* const lane = kept_lane(*call.endpoint); lane != nullptr) {
      lane->send(call);
      return true;
    }
  }
  if (busy_.size() + kept_.size() >= settings_.max_connections) {
    if (kept_.empty()) return false;
    kept_.pop_back();   // it gives way to one that must be new, or goes elsewhere
  }
  connect(call);
  return true;
}

// The one used last, so that in quiet times the others grow old; those that are no good any more go.
CurlPool::Lane* CurlPool::kept_lane(const EndpointUrl& endpoint) {
  const MonoTime now = loop_.now().mono;
  // The longest idle stand last: those that are not needed any more give their descriptors back (I36).
  while (!kept_.empty() && kept_.back()->too_old(now)) kept_.pop_back();
  for (auto at = kept_.begin(); at != kept_.end();) {
    Lane& lane = **at;
    if (lane.too_old(now) || !lane.silent()) {
      at = kept_.erase(at);
    } else if (lane.serves(endpoint)) {
      busy_.splice(busy_.begin(), kept_, at);
      return &lane;
    } else {
      ++at;
    }
  }
  return nullptr;
}

void CurlPool::connect(Call& call) {
  busy_.push_front(std::make_unique<Lane>(*this, *call.endpoint));
  if (!busy_.front()->connect(call)) finish(call, TransportOutcome::kRefused);
}

const TrustStore* CurlPool::trust_of(const EndpointUrl& endpoint) {
  if (!endpoint.is_https) return nullptr;
  if (!trust_ || !trust_->usable()) trust_.emplace(settings_.ca_file);   // it may be readable by now
  return &*trust_;
}

const RequestHead& CurlPool::head_of(const EndpointUrl& endpoint) {
  const auto found = heads_.find(&endpoint);
  if (found != heads_.end()) return found->second;
  RequestHead head(settings_.kind, endpoint, settings_.user_agent, authorization_.reveal());
  return heads_.emplace(&endpoint, std::move(head)).first->second;
}

void CurlPool::finish(Call& call, ports::UpstreamReply reply) {
  if (call.finished) return;
  call.finished = true;
  call.reply = std::move(reply);
  call.deadline.reset();
  call.name.reset();
  std::erase(waiting_, &call);
  give_up_lane(call);
  finished_.push_back(&call);
}

void CurlPool::finish(Call& call, TransportOutcome outcome) {
  ports::UpstreamReply reply;
  reply.outcome = outcome;
  finish(call, std::move(reply));
}

void CurlPool::cancel(Call& call) {
  give_up_lane(call);
  std::erase(waiting_, &call);
  std::erase(finished_, &call);
  std::erase(delivering_, &call);
  // The callback may own what calls us again when it goes: first forget the call, then drop it.
  const auto node = calls_.extract(&call);
  if (calls_.empty()) return idle_began();
  begin_waiting();
  if (!finished_.empty()) deliver_soon();
}

// The connection is in the middle of something: no other call may have it.
void CurlPool::give_up_lane(Call& call) {
  if (Lane* const lane = std::exchange(call.lane, nullptr); lane != nullptr) drop(*lane);
}

void CurlPool::drop(Lane& lane) {
  const auto is_it = [&lane](const auto& at) { return at.get() == &lane; };
  if (std::erase_if(busy_, is_it) == 0) std::erase_if(kept_, is_it);
}

void CurlPool::keep(Lane& lane) {
  const auto found = std::find_if(busy_.begin(), busy_.end(), [&lane](const auto& at) { return at.get() == &lane; });
  CHECK_INVARIANT(found != busy_.end());
  kept_.splice(kept_.begin(), busy_, found);
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

void CurlPool::idle_began() {
  idle_end_ = loop_.after(kIdleLife, [this] {
    kept_.clear();
    trust_.reset();
  });
}

}  // namespace introspectd::io
