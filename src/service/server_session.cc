#include "service/server_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"

namespace introspectd::service {
namespace {

constexpr std::size_t kReadMost = 16384;
constexpr std::size_t kReadLeast = 2048;          // of free room before the buffer grows
constexpr std::size_t kOutputPendingMost = 16384;  // no lookup while more is pending (I38)
constexpr std::size_t kBatchMost = 16;             // requests that are made ready together
constexpr std::size_t kLingerBytesMost = 65536;
constexpr Duration kLingerMost = std::chrono::seconds{1};
constexpr Duration kSweep = std::chrono::milliseconds{100};   // how late check_deadline may come
constexpr std::size_t kBuffersKept = 16384;                   // of a connection; what is beyond is shared (I38)
constexpr std::size_t kLargeBytesMost = 16U << 20U;           // of a loop, beyond what every connection may keep
constexpr Duration kMemoryKept = std::chrono::seconds{1};     // after it an idle connection gives its buffers back

}  // namespace

ServerSession::ServerSession(SessionServices& services, std::unique_ptr<ports::ByteStream> stream, std::uint32_t slot)
    : services_(&services),
      stream_(std::move(stream)),
      peer_(stream_->peer()),
      parser_(http::ParserLimits{}),
      slot_(slot) {}

void ServerSession::start() {
  deadline_ = now().mono + services_->limits.idle_timeout;
  if (!services_->application.admits(peer())) {
    services_->counters.add(Counter::kRequests);
    owed_ = true;
    shape_.keep_alive = false;
    services_->application.refuse(*this, Outcome::kPeerRefused, 0, "");
    close_after_flush();
  }
  advance();
}

void ServerSession::on_readable() {
  if (state_ == State::kLingering) {
    linger();
    return;
  }
  if (state_ != State::kOpen) return;
  read_more();
  advance();
}

// One read an event: what is left comes with the next one, so an unpipelined request costs one system call.
void ServerSession::read_more() {
  std::span<char> room = in_.reserve(kReadLeast);
  room = room.first(std::min(room.size(), kReadMost));
  const ports::IoResult result = stream_->read(room);
  switch (result.status) {
    case ports::IoStatus::kOk:
      in_.commit(result.bytes);
      released_ = false;
      refuse_when_memory_is_short();
      if (idle_) {   // the first bytes of a request: its time runs from here (F33)
        idle_ = false;
        deadline_ = now().mono + services_->limits.header_timeout;
      }
      break;
    case ports::IoStatus::kWouldBlock: break;
    case ports::IoStatus::kEnd: peer_finished_ = true; break;
    case ports::IoStatus::kError: finish(); break;
  }
}

// Requests that are much larger than any token needs share what a loop has for all of them (I38).
void ServerSession::refuse_when_memory_is_short() {
  account_memory();
  if (in_.capacity() <= kBuffersKept || !memory_is_short()) return;
  services_->counters.add(Counter::kRequests);
  owed_ = true;
  shape_ = {.keep_alive = false};
  services_->application.refuse(*this, Outcome::kOverloaded, 0, "");
  close_after_flush();
}

// Serves what has arrived and writes it out, batch by batch, until bytes, a reply or a peer that reads are wanted.
// A batch ends at kOutputPendingMost; what it leaves in the buffer must not wait for an event that never comes (F31).
void ServerSession::advance() {
  bool more = true;
  while (more) {
    more = serve_buffered();
    flush();
    if (!out_.empty()) break;
  }
  if (state_ == State::kOpen && closing_soon_ && idle_ && in_.empty() && out_.empty()) close_after_flush();
  if (state_ == State::kClosing && out_.empty()) end_writing();
  account_memory();
  update_watch();
}

// True when it stopped because of pending output: there may be more to serve.
bool ServerSession::serve_buffered() {
  while (state_ == State::kOpen && !in_.empty()) {
    if (output_is_full()) return true;
    if (!serve_one()) break;
  }
  if (state_ != State::kOpen) return false;
  if (in_.empty() && !idle_) begin_idle();
  // A message that was cut off by the peer's end gets no reply: there is nobody to answer (RFC 9112 §8).
  if (peer_finished_) close_after_flush();
  return false;
}

// For a request (F34), or for the rest of one (F33): from now on.
void ServerSession::begin_waiting() {
  if (idle_ || in_.empty()) {
    begin_idle();
  } else {
    deadline_ = now().mono + services_->limits.header_timeout;
  }
}

void ServerSession::begin_idle() {
  idle_ = true;
  head_timed_ = false;
  deadline_ = now().mono + services_->limits.idle_timeout;
}

// False when more bytes are needed.
bool ServerSession::serve_one() {
  switch (parser_.parse(in_.view())) {
    case http::ParseStatus::kNeedMore:
      if (parser_.head_complete() && !head_timed_) {   // the body has a time of its own (F33)
        head_timed_ = true;
        deadline_ = now().mono + services_->limits.header_timeout;
      }
      return false;
    case http::ParseStatus::kExpectContinue: services_->writer.append_continue(out_); return true;
    case http::ParseStatus::kMessage:
      if (parser_.consumed() == in_.size() || !serve_batch()) on_message();
      return true;
    case http::ParseStatus::kError: on_framing_error(); return false;
  }
  return false;
}

void ServerSession::on_message() {
  const http::Request& request = parser_.request();
  const std::size_t bytes = parser_.consumed();
  shape_ = {request.keep_alive, request.http_1_0, request.method == http::Method::kHead};
  services_->counters.add(Counter::kRequests);
  owed_ = true;
  services_->application.handle(*this, request);
  CHECK_INVARIANT(!owed_ || state_ == State::kAwaiting);   // exactly one of send, sent and await
  parser_.reset();
  in_.consume(bytes);
  if (state_ == State::kAwaiting) return;
  if (!keep_alive()) {
    close_after_flush();
    return;
  }
  begin_next_request();
}

// What follows is the next request, and its time begins (F33).
void ServerSession::begin_next_request() {
  head_timed_ = false;
  deadline_ = now().mono + services_->limits.header_timeout;
}

// One whose reply has the shape of most, and whose body lies in the buffer, where it stays.
bool ServerSession::is_plain(const http::Request& request) const {
  const std::string_view waiting = in_.view();
  const bool stays = request.body.data() >= waiting.data() && request.body.data() < waiting.data() + waiting.size();
  return stays && request.keep_alive && !request.http_1_0 && request.method == http::Method::kPost;
}

// Requests that came together are made ready one after the other before the first is answered: so the memory that each
// one needs is fetched while the others are read. Nothing is taken from the buffer before it is answered: what comes
// after a request whose reply is awaited is read anew, when its time comes. False: the first one is not of that kind.
bool ServerSession::serve_batch() {
  std::array<ReadyRequest, kBatchMost> batch;
  std::size_t count = 0;
  std::size_t end = 0;
  bool more = true;
  while (more && is_plain(parser_.request()) &&
         services_->application.make_ready(*this, parser_.request(), batch[count])) {
    end += parser_.consumed();
    batch[count++].end = end;
    parser_.reset();
    more = count < kBatchMost && end < in_.size() &&
           parser_.parse(in_.view().substr(end)) == http::ParseStatus::kMessage;
  }
  if (count == 0) return false;
  parser_.reset();
  serve_ready(std::span(batch).first(count));
  return true;
}

void ServerSession::serve_ready(std::span<const ReadyRequest> batch) {
  services_->application.fetch_ahead(batch);
  std::size_t served = 0;
  for (const ReadyRequest& ready : batch) {
    if (output_is_full()) break;
    shape_ = {};
    services_->counters.add(Counter::kRequests);
    owed_ = true;
    services_->application.handle_ready(*this, ready);
    CHECK_INVARIANT(!owed_ || state_ == State::kAwaiting);
    served = ready.end;
    if (state_ == State::kAwaiting || !keep_alive()) break;
  }
  in_.consume(served);
  if (state_ == State::kAwaiting) return;
  if (!keep_alive()) {
    close_after_flush();
    return;
  }
  begin_next_request();
}

void ServerSession::on_framing_error() {
  const http::ParseError& error = parser_.error();
  services_->counters.add(Counter::kRequests);
  owed_ = true;
  shape_ = {.keep_alive = false};
  services_->application.refuse(*this, Outcome::kFraming, error.status, error.description);
  close_after_flush();
}

void ServerSession::send(Outcome outcome, http::Response response) {
  response.keep_alive = keep_alive();
  response.http_1_0 = shape_.http_1_0;
  response.head_only = shape_.head_only;
  services_->writer.append(out_, response);
  sent(outcome);
}

void ServerSession::sent(Outcome outcome) {
  CHECK_INVARIANT(owed_);
  owed_ = false;
  services_->counters.add(outcome);
}

std::uint64_t ServerSession::await(oauth::AudienceMask audience) {
  CHECK_INVARIANT(owed_ && state_ == State::kOpen);
  state_ = State::kAwaiting;
  awaited_audience_ = audience;
  deadline_ = request_deadline();
  serial_ = ++services_->next_serial;
  return serial_;
}

void ServerSession::deliver(const Reply& reply) {
  if (state_ != State::kAwaiting) return;
  reply_awaited(reply);
  advance();   // pipelined requests have waited
}

void ServerSession::reply_awaited(const Reply& reply) {
  state_ = State::kOpen;   // a second answer to the same request finds nobody
  services_->application.complete(*this, reply);
  if (!keep_alive()) {
    close_after_flush();
    return;
  }
  if (!in_.empty()) idle_ = false;
  begin_waiting();
}

// `kSweep` early, so that nothing is ever later than its deadline (I29).
void ServerSession::check_deadline(MonoTime now) {
  if (!out_.empty() && now + kSweep >= write_deadline_) {   // the peer does not read (F35)
    finish();
    return;
  }
  if (now + kSweep >= deadline_) {
    on_deadline();
    return;
  }
  const bool idle = state_ == State::kOpen && idle_ && in_.empty() && out_.empty() && !released_;
  if (idle && deadline_ - now < services_->limits.idle_timeout - kMemoryKept) {
    in_.release();
    out_.release();
    parser_.forget_head();
    released_ = true;
    account_memory();
  }
}

void ServerSession::on_deadline() {
  switch (state_) {
    case State::kOpen:
      if (!out_.empty()) {   // replies that the peer still takes have their own time; what follows them waits unserved
        deadline_ = write_deadline_;
        return;
      }
      // Idle (F34), or nothing but empty lines came.
      if (idle_ || !parser_.started()) {
        finish();
        return;
      }
      services_->counters.add(Counter::kRequests);
      owed_ = true;
      shape_ = {.keep_alive = false};
      services_->application.refuse(*this, Outcome::kRequestTimeout, 0, "");
      close_after_flush();
      break;
    case State::kAwaiting: {
      Reply reply;
      reply.outcome = Outcome::kDeadline;
      reply_awaited(reply);
      break;
    }
    case State::kClosing:
      if (!out_.empty()) {   // as long as the peer takes some of it
        deadline_ = write_deadline_;
        return;
      }
      finish();
      return;
    case State::kLingering: finish(); return;
    case State::kOver: return;
  }
  advance();
}

void ServerSession::drain() {
  closing_soon_ = true;
  advance();
}

void ServerSession::abandon() { finish(); }

void ServerSession::on_writable() {
  if (state_ == State::kOver) return;
  flush();
  if (out_.empty()) advance();   // reading and serving had paused
}

// One write. Only bytes that the peer took move its deadline: a peer that takes nothing is let go (F35).
void ServerSession::flush() {
  if (out_.empty() || state_ == State::kOver) return;
  const bool was_pending = writing_;
  const ports::IoResult result = stream_->write(out_.view());
  if (result.status == ports::IoStatus::kOk) {
    out_.consume(result.bytes);
  } else if (result.status != ports::IoStatus::kWouldBlock) {
    finish();
    return;
  }
  writing_ = !out_.empty();
  const bool progress = result.status == ports::IoStatus::kOk;
  if (writing_ && (progress || !was_pending)) write_deadline_ = now().mono + services_->limits.write_timeout;
  if (!writing_ && was_pending && state_ == State::kOpen) begin_waiting();
}

void ServerSession::end_writing() {
  stream_->shutdown_write();
  state_ = State::kLingering;
  deadline_ = now().mono + kLingerMost;
  if (peer_finished_) finish();
}

// What this connection holds beyond kBuffersKept, in the loop's account; large empty buffers are given back.
void ServerSession::account_memory() {
  if (in_.empty() && in_.capacity() > 2 * kBuffersKept) in_.release();
  if (out_.empty() && out_.capacity() > 2 * kBuffersKept) out_.release();
  const std::size_t held = state_ == State::kOver ? 0 : in_.capacity() + out_.capacity();
  const std::size_t large = held > kBuffersKept ? held - kBuffersKept : 0;
  services_->large_bytes += large;
  services_->large_bytes -= large_bytes_;
  large_bytes_ = large;
}

// Nothing is looked up while more is pending; at least one reply always fits (I38).
bool ServerSession::output_is_full() const {
  return out_.size() > kOutputPendingMost || (!out_.empty() && memory_is_short());
}

bool ServerSession::memory_is_short() const { return services_->large_bytes > kLargeBytesMost; }

void ServerSession::update_watch() {
  if (state_ == State::kOver) return;
  const bool readable = state_ == State::kLingering ||
                        (state_ == State::kOpen && !peer_finished_ && out_.size() <= kOutputPendingMost &&
                         (out_.empty() || !memory_is_short()));
  stream_->watch(*this, readable, !out_.empty());
}

void ServerSession::close_after_flush() {
  if (state_ == State::kOver) return;
  state_ = State::kClosing;
  deadline_ = now().mono + services_->limits.write_timeout;
}

// The reply is out; what the peer still sends is read and thrown away, so that its end does not become a reset that
// takes the reply with it (RFC 9112 §9.6).
void ServerSession::linger() {
  in_.consume(in_.size());
  const std::span<char> room = in_.reserve(kReadLeast);
  const ports::IoResult result = stream_->read(room);
  if (result.status == ports::IoStatus::kWouldBlock) return;
  if (result.status == ports::IoStatus::kOk) {
    zeroize(room.data(), result.bytes);
    lingered_bytes_ += result.bytes;
    if (lingered_bytes_ <= kLingerBytesMost) return;
  }
  finish();
}

void ServerSession::finish() {
  if (state_ == State::kOver) return;
  state_ = State::kOver;
  if (std::exchange(owed_, false)) services_->counters.add(Counter::kGone);
  account_memory();
  stream_.reset();   // closes; allowed inside its own event, and none comes after it
  identified_.header.clear();
  scratch_.clear();
  services_->ends.session_ended(slot_);
}

}  // namespace introspectd::service
