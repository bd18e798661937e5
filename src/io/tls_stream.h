// TlsStream: the server's side of a TLS connection as a ByteStream, over another one that carries the records.
// Threads: the loop's.  Owns: the transport and OpenSSL's state, and keeps the context alive.
// Errors: IoStatus. A failed handshake, one that takes too long, garbage, and an end without close_notify (truncation)
// are kError; close_notify is kEnd.  Cost: as the transport, and the cipher; a handshake costs about a millisecond.
// Contract: as ports::ByteStream: level-triggered also for bytes that are decrypted but not yet read. The handshake
// goes on by itself; until it is done reads and writes would block. After a write that would block the next one begins
// with the same bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/time.h"
#include "io/file_descriptor.h"
#include "io/tls_context.h"
#include "io/uv_loop.h"
#include "ports/byte_stream.h"
#include "ports/event_loop.h"

namespace introspectd::io {

class TlsStream final : public ports::ByteStream, private ports::StreamEvents {
 public:
  // Null when the OS refuses to watch the fd, or for want of memory.
  static std::unique_ptr<TlsStream> open(UvLoop& loop, FileDescriptor fd, const TlsServerContext& context,
                                         Duration handshake_within);
  static std::unique_ptr<TlsStream> open(ports::EventLoop& loop, std::unique_ptr<ports::ByteStream> transport,
                                         const TlsServerContext& context, Duration handshake_within);
  ~TlsStream() override;

  ports::IoResult read(std::span<char> into) override;
  ports::IoResult write(std::string_view bytes) override;
  void watch(ports::StreamEvents& events, bool readable, bool writable) override;
  // Sends close_notify, then FIN.
  void shutdown_write() override;
  const ports::Peer& peer() const override { return transport_->peer(); }

 private:
  enum class State : std::uint8_t { kHandshake, kOpen, kFailed };
  // What the transport must be for an operation to go on. Either may need either: a read may have to answer first.
  enum class Needs : std::uint8_t { kReadable, kWritable };

  TlsStream(ports::EventLoop& loop, std::unique_ptr<ports::ByteStream> transport, const TlsServerContext& context,
            ssl_st* session, Duration handshake_within);

  void on_readable() override { on_transport(Needs::kReadable); }
  void on_writable() override { on_transport(Needs::kWritable); }

  void on_transport(Needs ready);
  void shake_hands();
  void send_close();
  ports::IoStatus judge(int outcome, Needs& needs);
  void fail();
  bool has_news() const;
  void update_watch();
  void tell_news();

  ports::EventLoop& loop_;
  std::unique_ptr<ports::ByteStream> transport_;
  TlsServerContext context_;  // its BIO methods serve the session
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> session_;
  ports::StreamEvents* events_ = nullptr;
  ports::PendingToken handshake_end_;
  ports::PendingToken news_;  // an event that the transport will not raise
  State state_ = State::kHandshake;
  Needs handshake_needs_ = Needs::kReadable;
  Needs read_needs_ = Needs::kReadable;
  Needs write_needs_ = Needs::kWritable;
  bool wants_readable_ = false;
  bool wants_writable_ = false;
  bool has_ended_ = false;   // close_notify came
  bool is_shut_ = false;     // shutdown_write was called
  bool is_closing_ = false;  // … and close_notify is not out yet
};

}  // namespace introspectd::io
