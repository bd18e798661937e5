// The requests of a session, from the bytes that have arrived to the replies among those that go out.
#include <array>

#include "base/assert.h"
#include "base/mutant.h"
#include "service/server_session.h"

namespace introspectd::service {
namespace {

constexpr std::size_t kBatchMost = 16;   // requests that are made ready together

}  // namespace

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
  begin_request();
  same_head_expected_ = false;   // of this request alone: one that was made ready may have said so before
  services_->application.handle(*this, request);
  if (same_head_expected_) parser_.remember_head();
  parser_.reset();
  end_requests(bytes);
}

void ServerSession::begin_request() {
  services_->counters.add(Counter::kRequests);
  owed_ = true;
}

// One or several, of so many bytes. What follows is the next one, and its time begins (F33).
void ServerSession::end_requests(std::size_t bytes) {
  CHECK_INVARIANT(!owed_ || state_ == State::kAwaiting);   // exactly one of send, sent and await
  in_.consume(bytes);
  if (state_ == State::kAwaiting) return;
  if (!keep_alive()) {
    close_after_flush();
    return;
  }
  head_timed_ = false;
  deadline_ = now().mono + services_->limits.header_timeout;
}

// One whose reply has the shape of most, and whose body lies in the buffer, where it stays.
bool ServerSession::is_plain(const http::Request& request) const {
  return request.body_stays && request.keep_alive && !request.http_1_0 && request.method == http::Method::kPost;
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
    parser_.remember_head();   // of a caller that the connection knows
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
  if (batch.size() > 1) services_->application.fetch_ahead(batch);
  std::size_t served = 0;
  for (const ReadyRequest& ready : batch) {
    if (output_is_full()) break;
    shape_ = {};
    begin_request();
    services_->application.handle_ready(*this, ready);
    served = ready.end;
    if ((state_ == State::kAwaiting && !MUTANT(batch_goes_on_past_a_miss)) || !keep_alive()) break;
  }
  end_requests(served);
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

}  // namespace introspectd::service
