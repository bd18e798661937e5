#include "service/server_session.h"

#include <algorithm>
#include <utility>

namespace introspectd::service {
namespace {

constexpr std::size_t kReadMost = 16384;
constexpr std::size_t kReadLeast = 2048;          // of free room before the buffer grows
constexpr std::size_t kOutputPendingMost = 16384;  // no lookup while more is pending (I38)
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
  const std::size_t held = state_ == State::kOver ? 0 : in_.capacity() + out_.capacity() + parser_.remembered();
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
