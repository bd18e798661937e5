// SimEventLog and SimEventStream: the stream that all nodes of a fleet share, and one node's connection to it, in
// virtual time: delays, disconnects, silence, trims, a server that starts again with or without what it held, appends
// that land though they are reported as failed (F92-F97, F105).
// Threads: one.  Owns: the log its entries, a stream what is under way.  Errors: as ports::EventStream.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ports/event_stream.h"
#include "tests/sim/sim_loop.h"

namespace introspectd::sim {

struct LogId {
  std::uint64_t time = 0, number = 0;
  auto operator<=>(const LogId&) const = default;
  std::string text() const { return std::to_string(time) + "-" + std::to_string(number); }
  static LogId read(const std::string& text);
};

class SimEventStream;

class SimEventLog {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  struct Entry {
    LogId id;
    Fields fields;
    std::size_t writer = kNobody;
  };
  static constexpr std::size_t kNobody = SIZE_MAX;   // what no node of the fleet has written

  explicit SimEventLog(SimWorld& world);

  LogId append(Fields fields, std::size_t writer = kNobody);
  void trim(std::size_t keep);
  // The server starts again: a new run id; the newest `lost` entries were not on its disk. Everybody is disconnected.
  void restart(std::size_t lost);
  // … with nothing: the log does not exist.
  void restart_empty() { restart(entries_.size()); }
  bool up() const { return up_; }
  // Nobody can connect while it is down.
  void set_up(bool up);

  ports::StreamFacts facts() const;
  const std::deque<Entry>& entries() const { return entries_; }
  // All that ever stood in it, whatever became of it.
  const std::vector<Entry>& ever() const { return ever_; }

 private:
  friend class SimEventStream;
  void wake();

  SimWorld* world_;
  std::deque<Entry> entries_;
  std::vector<Entry> ever_;
  LogId last_, deleted_;
  std::uint64_t added_ = 0;
  std::uint64_t runs_ = 0;
  bool up_ = true;
  std::vector<SimEventStream*> streams_;
};

struct EventStreamKnobs {
  Duration delay_most = std::chrono::milliseconds{2};
  std::uint64_t one_in_disconnect = 0;      // of deliveries and appends; 0: never
  std::uint64_t one_in_lost_append = 0;     // fails, and does not land
  std::uint64_t one_in_landed_failure = 0;  // lands, and is reported as failed
  Duration reconnect_most = std::chrono::milliseconds{300};
};

class SimEventStream final : public ports::EventStream {
 public:
  // What the oracle is told: before the node reads it, and what the node will never read.
  struct Watch {
    std::function<void(const SimEventLog::Entry&)> on_deliver;
    std::function<void(LogId after)> on_connected;
  };
  SimEventStream(SimLoop& loop, SimEventLog& log, const EventStreamKnobs& knobs, std::size_t writer, Watch watch);
  ~SimEventStream() override;

  void start(ports::EventStreamEvents& events) override;
  void append(SimEventLog::Fields fields, UniqueFunction<void(bool ok)> done) override;
  void stop() override;

  // --- the world's doing ---
  void disconnect(std::string_view why);
  // Connected, and nothing comes or goes (F93).
  void set_silent(bool silent);
  bool connected() const { return connected_; }

 private:
  friend class SimEventLog;
  struct Append {
    SimEventLog::Fields fields;
    UniqueFunction<void(bool)> done;
  };
  void consider();
  void connect();
  void deliver();
  void send_next();
  Duration some_delay(Duration most);
  bool chance_of(std::uint64_t one_in);

  SimLoop* loop_;
  SimEventLog* log_;
  const EventStreamKnobs* knobs_;
  std::size_t writer_;
  Watch watch_;
  ports::EventStreamEvents* events_ = nullptr;
  bool started_ = false;
  bool connected_ = false;
  bool silent_ = false;
  LogId position_;
  std::deque<Append> appends_;
  ports::PendingToken connecting_, delivery_, sending_;
  std::vector<ports::PendingToken> failures_;
};

}  // namespace introspectd::sim
