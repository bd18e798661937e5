#include "io/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <utility>

#include "io/fd_stream.h"

namespace introspectd::io {

std::unique_ptr<TlsStream> TlsStream::open(UvLoop& loop, FileDescriptor fd, const TlsServerContext& context,
                                           Duration handshake_within) {
  std::unique_ptr<ports::ByteStream> transport = FdStream::open(loop, std::move(fd));
  if (transport == nullptr) return nullptr;
  return open(loop, std::move(transport), context, handshake_within);
}

std::unique_ptr<TlsStream> TlsStream::open(ports::EventLoop& loop, std::unique_ptr<ports::ByteStream> transport,
                                           const TlsServerContext& context, Duration handshake_within) {
  ssl_st* const session = context.open_session(*transport);
  if (session == nullptr) return nullptr;
  return std::unique_ptr<TlsStream>(
      new TlsStream(loop, std::move(transport), context, session, handshake_within));  // NOLINT: private constructor
}

TlsStream::TlsStream(ports::EventLoop& loop, std::unique_ptr<ports::ByteStream> transport,
                     const TlsServerContext& context, ssl_st* session, Duration handshake_within)
    : loop_(loop), transport_(std::move(transport)), context_(context), session_(session, &SSL_free) {
  handshake_end_ = loop_.after(handshake_within, [this] {
    fail();
    update_watch();
  });
  update_watch();
}

TlsStream::~TlsStream() = default;

ports::IoResult TlsStream::read(std::span<char> into) {
  if (into.empty() || state_ == State::kHandshake) return {};
  if (state_ == State::kFailed) return {ports::IoStatus::kError, 0};
  if (has_ended_) return {ports::IoStatus::kEnd, 0};
  ERR_clear_error();
  std::size_t got = 0;
  const int outcome = SSL_read_ex(session_.get(), into.data(), into.size(), &got);
  const ports::IoStatus status = judge(outcome, read_needs_);
  write_needs_ = Needs::kWritable;  // whatever it waited to read may be read now: it tries again
  update_watch();
  return {status, status == ports::IoStatus::kOk ? got : 0};
}

ports::IoResult TlsStream::write(std::string_view bytes) {
  if (bytes.empty() || state_ == State::kHandshake) return {};
  if (state_ == State::kFailed || is_shut_) return {ports::IoStatus::kError, 0};
  ERR_clear_error();
  std::size_t sent = 0;
  const int outcome = SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &sent);
  const ports::IoStatus status = judge(outcome, write_needs_);
  read_needs_ = Needs::kReadable;
  update_watch();
  return {status, status == ports::IoStatus::kOk ? sent : 0};
}

// What came of an operation; the error queue is empty afterwards.
ports::IoStatus TlsStream::judge(int outcome, Needs& needs) {
  const int error = SSL_get_error(session_.get(), outcome);
  needs = &needs == &write_needs_ ? Needs::kWritable : Needs::kReadable;
  switch (error) {
    case SSL_ERROR_NONE: return ports::IoStatus::kOk;
    case SSL_ERROR_WANT_READ: needs = Needs::kReadable; return ports::IoStatus::kWouldBlock;
    case SSL_ERROR_WANT_WRITE: needs = Needs::kWritable; return ports::IoStatus::kWouldBlock;
    case SSL_ERROR_ZERO_RETURN: has_ended_ = true; return ports::IoStatus::kEnd;
    default: fail(); return ports::IoStatus::kError;
  }
}

void TlsStream::fail() {
  ERR_clear_error();
  handshake_end_.reset();
  state_ = State::kFailed;
  is_closing_ = false;
}

void TlsStream::watch(ports::StreamEvents& events, bool readable, bool writable) {
  events_ = &events;
  wants_readable_ = readable;
  wants_writable_ = writable;
  update_watch();
}

// True when something is to be told that the transport does not know of.
bool TlsStream::has_news() const {
  if (state_ == State::kFailed) return wants_readable_ || wants_writable_;
  return state_ == State::kOpen && wants_readable_ && (has_ended_ || SSL_pending(session_.get()) > 0);
}

void TlsStream::update_watch() {
  bool readable = false;
  bool writable = false;
  const auto need = [&](bool wanted, Needs needs) { (needs == Needs::kReadable ? readable : writable) |= wanted; };
  const bool news = has_news();
  if (state_ == State::kHandshake) need(true, handshake_needs_);
  if (state_ == State::kOpen) {
    need(wants_readable_ && !news, read_needs_);
    need(wants_writable_, write_needs_);
    need(is_closing_, Needs::kWritable);
  }
  transport_->watch(*this, readable, writable);
  if (!news) {
    news_.reset();
  } else if (news_ == nullptr) {
    news_ = loop_.after(Duration::zero(), [this] { tell_news(); });
  }
}

// Each call out comes last: it may destroy this stream.
void TlsStream::tell_news() {
  news_.reset();
  if (!has_news()) return;
  ports::StreamEvents& events = *events_;
  const bool readable = wants_readable_;
  update_watch();  // it comes again, until it is read
  if (readable) return events.on_readable();
  events.on_writable();
}

void TlsStream::on_transport(Needs ready) {
  if (state_ == State::kHandshake) return shake_hands();
  if (is_closing_ && ready == Needs::kWritable) send_close();
  if (state_ != State::kOpen) return;
  const bool read_may_go_on = wants_readable_ && read_needs_ == ready;
  const bool write_may_go_on = wants_writable_ && write_needs_ == ready;
  if (read_may_go_on && (ready == Needs::kReadable || !write_may_go_on)) return events_->on_readable();
  if (write_may_go_on) events_->on_writable();
}

void TlsStream::shake_hands() {
  ERR_clear_error();
  const int outcome = SSL_do_handshake(session_.get());
  if (judge(outcome, handshake_needs_) == ports::IoStatus::kOk) {
    state_ = State::kOpen;
    handshake_end_.reset();
  } else if (has_ended_) {
    fail();  // close_notify instead of a handshake
  }
  update_watch();
}

void TlsStream::shutdown_write() {
  if (is_shut_) return;
  is_shut_ = true;
  if (state_ == State::kOpen) return send_close();
  transport_->shutdown_write();  // there is no session to close
}

void TlsStream::send_close() {
  ERR_clear_error();
  const int outcome = SSL_shutdown(session_.get());
  Needs needs = Needs::kWritable;
  // 0: sent, and the peer's has not come.
  const ports::IoStatus status = outcome == 0 ? ports::IoStatus::kOk : judge(outcome, needs);
  is_closing_ = status == ports::IoStatus::kWouldBlock;
  if (status == ports::IoStatus::kOk) transport_->shutdown_write();
  update_watch();
}

}  // namespace introspectd::io
