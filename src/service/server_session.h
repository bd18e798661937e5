// ServerSession: one HTTP/1.1 connection of a caller or an admin: reads, frames, hands complete requests to the
// application one after the other, writes the replies in order, and ends the connection in every way that a connection
// can end (F19–F45, I25–I27, I29).
//   open → (awaiting a reply from another loop) → open … → closing (output is flushed) → lingering → over
// While a reply is awaited nothing more is read: pipelined requests wait in the buffer, memory is flat (F31).
// Threads: its front's loop.  Owns: the stream and both buffers.  Errors: outcomes, or the connection ends.
// Cost: one read and one write per unpipelined hit, one write per pipelined batch; no allocation in steady state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/byte_buffer.h"
#include "base/mutant.h"
#include "base/secret.h"
#include "base/time.h"
#include "cache/token_cache.h"
#include "http/request_parser.h"
#include "http/response_writer.h"
#include "oauth/audience.h"
#include "ports/byte_stream.h"
#include "ports/event_loop.h"
#include "service/loop_counters.h"
#include "service/messages.h"
#include "service/settings.h"

namespace introspectd::service {

class ServerSession;

// A request made ready to be answered: what is looked up for whom. Its token lies among the bytes that wait, until they
// are consumed.
struct ReadyRequest {
  cache::Question question;
  CallerId caller = 0;
  std::string_view token;
  std::size_t end = 0;   // the session's: where it ends among the bytes that wait
};

// What answers the requests of a listener. `handle` or `handle_ready` is called once per complete request; it either
// calls `send` once before it returns, or `await` once, and then the reply comes through Front::deliver.
class Application {
 public:
  Application() = default;
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;
  virtual ~Application() = default;

  virtual bool admits(const ports::Peer& peer) const = 0;
  virtual void handle(ServerSession& session, const http::Request& request) = 0;
  // Of requests that came together, and again of those that had to wait for a reply before them: true when `handle` would
  // look up a token, and only that; then `ready` says which, and nothing has happened yet. What it needs of memory is
  // being fetched while the next request is made ready.
  virtual bool make_ready(ServerSession& /*session*/, const http::Request& /*request*/, ReadyRequest& /*ready*/) {
    return false;
  }
  virtual void fetch_ahead(std::span<const ReadyRequest> /*batch*/) {}
  // In the place of `handle`, as that would.
  virtual void handle_ready(ServerSession& /*session*/, const ReadyRequest& /*ready*/) {}
  // A reply that was awaited has come; calls `send` once.
  virtual void complete(ServerSession& session, const Reply& reply) = 0;
  // The reply to a request that never reached `handle`: framing errors, time-outs, a peer that is not admitted.
  virtual void refuse(ServerSession& session, Outcome outcome, int status, std::string_view description) = 0;
};

class SessionEnds {
 public:
  SessionEnds() = default;
  SessionEnds(const SessionEnds&) = delete;
  SessionEnds& operator=(const SessionEnds&) = delete;
  virtual ~SessionEnds() = default;
  // The connection is closed; the session may be destroyed in a later turn.
  virtual void session_ended(std::uint32_t slot) = 0;
};

// What a session needs of the loop it runs on; one per front.
struct SessionServices {
  ports::EventLoop& loop;
  Application& application;
  const ListenSettings& limits;
  http::ResponseWriter& writer;
  LoopCounters& counters;
  SessionEnds& ends;
  std::uint64_t next_serial = 0;   // of awaited requests, never reused within a loop
  std::size_t large_bytes = 0;     // of buffers, beyond what every connection may keep (I38)
};

// A caller found once for a connection, kept for the same header bytes (DESIGN §3).
struct Identified {
  bool known = false;
  bool has_header = false;
  Secret header;
  CallerId caller = 0;
};

class ServerSession final : public ports::StreamEvents {
 public:
  ServerSession(SessionServices& services, std::unique_ptr<ports::ByteStream> stream, std::uint32_t slot);
  ServerSession(ServerSession&&) = delete;
  ServerSession& operator=(ServerSession&&) = delete;
  ~ServerSession() override = default;

  // Begins to serve: a peer that is not admitted gets its 403 now.
  void start();

  // --- for the application, within handle and complete ---
  const ports::Peer& peer() const { return peer_; }
  Identified& identified() { return identified_; }
  Secret& scratch() { return scratch_; }
  ByteBuffer& output() { return out_; }
  // This request's head holds nothing that the connection does not keep anyway: the next one may well repeat it.
  void expect_same_head() { same_head_expected_ = true; }
  bool keep_alive() const { return shape_.keep_alive && !closing_soon_; }
  bool http_1_0() const { return shape_.http_1_0; }
  Now now() const { return services_->loop.now(); }
  // The reply, through the writer; `response`'s connection fields are filled in here.
  void send(Outcome outcome, http::Response response);
  // The reply was written to `output()` already (the hit path).
  void sent(Outcome outcome);
  // The reply will come from another loop. `audience` is the caller's, to judge the reply by.
  std::uint64_t await(oauth::AudienceMask audience);
  oauth::AudienceMask awaited_audience() const { return awaited_audience_; }
  std::uint32_t slot() const { return slot_; }
  MonoTime request_deadline() const { return now().mono + services_->limits.request_timeout; }

  // --- for the front ---
  bool over() const { return state_ == State::kOver; }
  bool awaits(std::uint64_t serial) const {
    return state_ == State::kAwaiting && (serial == serial_ || MUTANT(late_answer_taken));
  }
  void deliver(const Reply& reply);
  // Called about ten times a second: time-outs, and memory of idle connections.
  void check_deadline(MonoTime now);
  // No new requests: replies say close, idle connections end.
  void drain();
  void abandon();

  void on_readable() override;
  void on_writable() override;

 private:
  enum class State : std::uint8_t { kOpen, kAwaiting, kClosing, kLingering, kOver };
  struct Shape {
    bool keep_alive = true;
    bool http_1_0 = false;
    bool head_only = false;
  };

  void read_more();
  void linger();
  void advance();
  bool serve_buffered();
  bool serve_one();
  void on_message();
  bool is_plain(const http::Request& request) const;
  bool serve_batch();
  void serve_ready(std::span<const ReadyRequest> batch);
  void begin_request();
  void end_requests(std::size_t bytes);
  void on_framing_error();
  void reply_awaited(const Reply& reply);
  void begin_waiting();
  void begin_idle();
  void flush();
  void end_writing();
  void account_memory();
  void refuse_when_memory_is_short();
  void on_deadline();
  bool memory_is_short() const;
  bool output_is_full() const;
  void update_watch();
  void close_after_flush();
  void finish();

  SessionServices* services_;
  std::unique_ptr<ports::ByteStream> stream_;   // gone when over
  ports::Peer peer_;
  http::RequestParser parser_;
  ByteBuffer in_;
  ByteBuffer out_;
  Secret scratch_;
  Identified identified_;
  MonoTime deadline_;         // of what is awaited: a request, a reply of another loop, the peer's end
  MonoTime write_deadline_;   // while output is pending: the peer must take some of it (F35)
  std::uint64_t serial_ = 0;
  oauth::AudienceMask awaited_audience_ = 0;
  std::size_t lingered_bytes_ = 0;
  std::size_t large_bytes_ = 0;   // of ours in services_->large_bytes
  std::uint32_t slot_;
  Shape shape_;
  State state_ = State::kOpen;
  bool peer_finished_ = false;    // it sent FIN: no more requests, replies still go out (F36)
  bool closing_soon_ = false;     // draining
  bool same_head_expected_ = false;   // the application said so of the request at hand
  bool owed_ = false;             // a request was counted and has no reply yet (I53)
  bool idle_ = true;              // nothing of a next request has arrived
  bool writing_ = false;          // output is pending, its deadline runs
  bool head_timed_ = false;       // the head has come in time; the body's time runs (F33)
  bool released_ = false;         // buffers were given back
};

}  // namespace introspectd::service
