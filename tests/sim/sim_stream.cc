#include "tests/sim/sim_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace introspectd::sim {

using ports::IoResult;
using ports::IoStatus;

class SimConnection::ServerEnd final : public ports::ByteStream {
 public:
  explicit ServerEnd(std::shared_ptr<SimConnection> connection) : connection_(std::move(connection)) {}
  ~ServerEnd() override { connection_->server_close(); }

  IoResult read(std::span<char> into) override { return connection_->server_read(into); }
  IoResult write(std::string_view bytes) override { return connection_->server_write(bytes); }
  void watch(ports::StreamEvents& events, bool readable, bool writable) override {
    connection_->server_watch(events, readable, writable);
  }
  void shutdown_write() override { connection_->server_shutdown(); }
  const ports::Peer& peer() const override { return connection_->peer_; }

 private:
  std::shared_ptr<SimConnection> connection_;
};

SimConnection::SimConnection(SimLoop& loop, ports::Peer peer, const StreamKnobs& knobs, std::uint64_t id)
    : loop_(&loop), peer_(std::move(peer)), knobs_(knobs), id_(id) {}

std::unique_ptr<ports::ByteStream> SimConnection::server_end() {
  return std::make_unique<ServerEnd>(shared_from_this());
}

Moment SimConnection::when_past(const std::vector<Progress>& progress, std::size_t bytes) {
  const auto found = std::lower_bound(progress.begin(), progress.end(), bytes,
                                      [](const Progress& p, std::size_t wanted) { return p.bytes < wanted; });
  return found == progress.end() ? Moment{} : found->when;
}

bool SimConnection::chance_of(std::uint64_t one_in) { return one_in != 0 && loop_->world().random().chance(1, one_in); }

std::vector<std::string> SimConnection::cut(std::string_view bytes) {
  std::vector<std::string> pieces;
  Random& random = loop_->world().random();
  while (!bytes.empty()) {
    std::size_t size = bytes.size();
    if (knobs_.byte_by_byte) size = 1;
    if (size > 1 && chance_of(knobs_.one_in_cut)) size = 1 + random.below(size - 1);
    pieces.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return pieces;
}

MonoTime SimConnection::arrival(MonoTime& last) {
  SimWorld& world = loop_->world();
  const auto delay = static_cast<std::int64_t>(
      world.random().below(static_cast<std::uint64_t>(knobs_.delay_most.count()) + 1));
  last = std::max(last, world.mono() + Duration{delay});
  return last;
}

// --- the client's end ---

void SimConnection::send(std::string_view bytes) {
  sent_ += bytes.size();
  for (std::string& piece : cut(bytes)) {
    loop_->world().at(arrival(last_to_server_), "to_server",
                      [self = shared_from_this(), piece = std::move(piece)]() mutable {
                        self->arrive_at_server(std::move(piece));
                      });
  }
}

void SimConnection::half_close() {
  loop_->world().at(arrival(last_to_server_), "fin", [self = shared_from_this()] {
    self->server_sees_end_ = true;
    self->consider_events();
  });
}

void SimConnection::reset() {
  client_ended_ = true;
  on_bytes = nullptr;
  on_end = nullptr;
  loop_->world().at(arrival(last_to_server_), "rst", [self = shared_from_this()] {
    self->server_reset_ = true;
    self->consider_events();
  });
}

void SimConnection::read_slowly(bool slowly) {
  slow_reader_ = slowly;
  if (!slowly) drain_window();
}

void SimConnection::arrive_at_server(std::string piece) {
  if (server_closed_ || server_reset_) return;
  inbox_ += piece;
  consider_events();
}

void SimConnection::arrive_at_client(std::string piece) {
  held_ += piece;
  if (!slow_reader_) drain_window();
}

void SimConnection::drain_window() {
  const std::string bytes = std::exchange(held_, {});
  window_used_ -= bytes.size();
  if (!bytes.empty() && !client_ended_ && on_bytes) on_bytes(bytes);
  consider_events();
}

void SimConnection::end_at_client(bool reset) {
  if (slow_reader_) read_slowly(false);
  if (std::exchange(client_ended_, true)) return;
  if (on_end) on_end(reset);
}

// --- the daemon's end ---

IoResult SimConnection::server_read(std::span<char> into) {
  CHECK_INVARIANT(!into.empty());
  if (server_reset_) return {IoStatus::kError, 0};
  if (inbox_.empty()) return {server_sees_end_ ? IoStatus::kEnd : IoStatus::kWouldBlock, 0};
  if (chance_of(knobs_.one_in_would_block)) return {IoStatus::kWouldBlock, 0};
  std::size_t size = std::min(into.size(), inbox_.size());
  if (size > 1 && chance_of(knobs_.one_in_short)) size = 1 + loop_->world().random().below(size - 1);
  std::memcpy(into.data(), inbox_.data(), size);
  inbox_.erase(0, size);
  read_ += size;
  reads_.push_back({read_, loop_->world().moment()});
  return {IoStatus::kOk, size};
}

IoResult SimConnection::server_write(std::string_view bytes) {
  CHECK_INVARIANT(!server_fin_ && !server_closed_);   // nothing is written behind our own FIN
  if (server_reset_) return {IoStatus::kError, 0};
  if (bytes.empty() || !writable()) return {IoStatus::kWouldBlock, 0};
  if (chance_of(knobs_.one_in_would_block)) return {IoStatus::kWouldBlock, 0};
  std::size_t size = std::min(bytes.size(), knobs_.window_bytes - window_used_);
  if (size > 1 && chance_of(knobs_.one_in_short)) size = 1 + loop_->world().random().below(size - 1);
  written_ += size;
  window_used_ += size;
  writes_.push_back({written_, loop_->world().moment()});
  loop_->world().trace().add(bytes.substr(0, size));
  for (std::string& piece : cut(bytes.substr(0, size))) {
    loop_->world().at(arrival(last_to_client_), "to_client",
                      [self = shared_from_this(), piece = std::move(piece)]() mutable {
                        self->arrive_at_client(std::move(piece));
                      });
  }
  return {IoStatus::kOk, size};
}

void SimConnection::server_watch(ports::StreamEvents& events, bool readable, bool writable) {
  events_ = &events;
  wants_readable_ = readable;
  wants_writable_ = writable;
  consider_events();
}

void SimConnection::server_shutdown() {
  if (std::exchange(server_fin_, true)) return;
  loop_->world().at(arrival(last_to_client_), "fin_to_client",
                    [self = shared_from_this()] { self->end_at_client(false); });
}

// Closing with unread bytes of the client resets the connection, as a kernel does; what was written and has not arrived
// may be lost then, so a daemon that wants its last reply read drains first (F36, STD 7.12).
void SimConnection::server_close() {
  if (std::exchange(server_closed_, true)) return;
  events_ = nullptr;
  turn_.reset();
  const bool reset = !inbox_.empty() && !server_reset_;
  loop_->world().at(arrival(last_to_client_), "closed",
                    [self = shared_from_this(), reset] { self->end_at_client(reset); });
}

bool SimConnection::readable() const { return server_reset_ || !inbox_.empty() || server_sees_end_; }

void SimConnection::consider_events() {
  if (turn_ != nullptr || events_ == nullptr || server_closed_) return;
  if (!(wants_readable_ && readable()) && !(wants_writable_ && writable())) return;
  turn_ = loop_->soon("stream", [self = shared_from_this()] { self->deliver_events(); });
}

// The daemon may destroy its end within its own event: `events_` is null afterwards.
void SimConnection::deliver_events() {
  turn_.reset();
  if (events_ != nullptr && wants_readable_ && readable()) events_->on_readable();
  if (events_ != nullptr && wants_writable_ && writable()) events_->on_writable();
  consider_events();
}

}  // namespace introspectd::sim
