// SimConnection: a connected peer of the daemon in virtual time. Its server end is a ports::ByteStream that the service
// layer reads and writes; its client end belongs to the simulated caller. Bytes are cut, joined, delayed; reads and
// writes are short or would block for no reason (F117); either side may half-close, close or reset.
// Threads: one.  Owns: bytes in flight.  Errors: as ports::IoStatus.  Cost: a few events of the world per message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ports/byte_stream.h"
#include "tests/sim/sim_loop.h"
#include "tests/sim/sim_world.h"

namespace introspectd::sim {

struct StreamKnobs {
  Duration delay_most = std::chrono::microseconds{100};   // of a piece on its way
  std::uint64_t one_in_cut = 4;          // a piece is cut in two with this probability, again and again; 0: never
  std::uint64_t one_in_short = 8;        // a read or write takes only a part; 0: never
  std::uint64_t one_in_would_block = 16; // for no reason; 0: never
  bool byte_by_byte = false;             // every piece is one byte (F26)
  std::size_t window_bytes = 65536;      // towards the client: what it has not read yet
};

// Up to which byte of a direction something had happened, and when.
struct Progress {
  std::size_t bytes = 0;
  Moment when;
};

class SimConnection : public std::enable_shared_from_this<SimConnection> {
 public:
  SimConnection(SimLoop& loop, ports::Peer peer, const StreamKnobs& knobs, std::uint64_t id);

  // The daemon's end; made once.
  std::unique_ptr<ports::ByteStream> server_end();

  // --- the client's end ---
  void send(std::string_view bytes);
  void half_close();                 // FIN behind what was sent
  void reset();                      // RST: what is under way is lost
  void read_slowly(bool slowly);     // while true nothing is taken out of the window
  bool server_gone() const { return server_closed_; }
  // What the client sees; called by events of the world.
  std::function<void(std::string_view)> on_bytes;
  std::function<void(bool reset)> on_end;

  // When the daemon had read or written up to a byte: the oracle's ground truth of "received" and "replied".
  Moment server_read_past(std::size_t bytes) const { return when_past(reads_, bytes); }
  Moment server_wrote_past(std::size_t bytes) const { return when_past(writes_, bytes); }
  std::size_t sent_bytes() const { return sent_; }
  std::uint64_t id() const { return id_; }
  // The simulator numbers its callers by uid; SIZE_MAX on TCP.
  std::size_t unix_caller() const { return peer_.is_unix && peer_.uid >= 1000 ? peer_.uid - 1000 : SIZE_MAX; }

 private:
  class ServerEnd;

  ports::IoResult server_read(std::span<char> into);
  ports::IoResult server_write(std::string_view bytes);
  void server_watch(ports::StreamEvents& events, bool readable, bool writable);
  void server_shutdown();
  void server_close();

  static Moment when_past(const std::vector<Progress>& progress, std::size_t bytes);
  bool chance_of(std::uint64_t one_in);
  bool readable() const;
  bool writable() const { return server_reset_ || window_used_ < knobs_.window_bytes; }
  void consider_events();
  void deliver_events();
  std::vector<std::string> cut(std::string_view bytes);
  MonoTime arrival(MonoTime& last);
  void arrive_at_server(std::string piece);
  void arrive_at_client(std::string piece);
  void end_at_client(bool reset);
  void drain_window();

  SimLoop* loop_;
  ports::Peer peer_;
  StreamKnobs knobs_;
  std::uint64_t id_;

  // towards the server
  std::string inbox_;                // arrived, not yet read by the daemon
  std::size_t sent_ = 0;
  std::size_t read_ = 0;
  bool server_sees_end_ = false;
  bool server_reset_ = false;
  MonoTime last_to_server_;
  std::vector<Progress> reads_;

  // towards the client
  std::size_t written_ = 0;
  std::size_t window_used_ = 0;
  std::string held_;                 // arrived at a slow reader
  bool slow_reader_ = false;
  bool server_fin_ = false;
  bool server_closed_ = false;
  bool client_ended_ = false;
  MonoTime last_to_client_;
  std::vector<Progress> writes_;

  // level-triggered interest of the daemon
  ports::StreamEvents* events_ = nullptr;
  bool wants_readable_ = false;
  bool wants_writable_ = false;
  ports::PendingToken turn_;
};

}  // namespace introspectd::sim
