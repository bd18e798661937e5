// KeptStreams: what each AS said last of its event stream (stream_states.h), in state_dir: a pause that was acknowledged
// outlives the process (STD 5.19). A word is in force at once and durable when `keep` says so; a write that failed is
// tried again until one has succeeded. Of an AS whose word is lost with the file nothing is known: it counts as paused.
// Threads: the back loop; the constructor blocks.  Owns: the states, the write under way, and who waits for it.
// Errors: `keep` says false where the write failed; log lines.  Cost: one small file a word.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/unique_function.h"
#include "cache/identity.h"
#include "ports/event_loop.h"
#include "ports/storage.h"
#include "service/stream_states.h"

namespace introspectd::service {

class KeptStreams {
 public:
  static constexpr std::string_view kFile = "streams";
  static constexpr Duration kRetryAfter = std::chrono::seconds{1};

  // `names` are those of the ASs. `storage` null: words are forgotten at the end of the process. Reads the file.
  KeptStreams(ports::EventLoop& loop, std::vector<std::string> names, ports::Storage* storage, Log log);
  KeptStreams(KeptStreams&&) = delete;
  KeptStreams& operator=(KeptStreams&&) = delete;
  ~KeptStreams() = default;

  // False: an older word, which changes nothing. What changes is being written when this returns.
  bool hear(cache::ServerId server, bool paused, std::int64_t said_at);
  // The AS was seen to deliver, whatever it said last.
  void lift(cache::ServerId server);
  bool paused(cache::ServerId server) const { return states_.paused(server); }
  bool unknown(cache::ServerId server) const { return states_.unknown(server); }

  // A word was heard since the last `keep`, and what stands on the disk is older.
  bool has_words() const { return heard_ && kept_ != said_; }
  // `done(true)` when everything that was heard until now is durable, in this turn or a later one.
  void keep(UniqueFunction<void(bool durable)> done);
  // Nothing is tried again any more.
  void shut_down() { retry_.reset(); }

 private:
  struct Waiting {
    std::uint64_t said = 0;
    UniqueFunction<void(bool)> done;
  };
  void restore();
  void changed();
  void write();
  void written(std::uint64_t said, bool ok);

  ports::EventLoop* loop_;
  std::vector<std::string> names_;
  ports::Storage* storage_;
  Log log_;
  StreamStates states_;
  std::uint64_t said_ = 0;   // changes of the states
  std::uint64_t kept_ = 0;   // … of which the file has so many
  bool heard_ = false;
  bool writing_ = false;
  bool failing_ = false;
  std::vector<Waiting> waiting_;
  ports::PendingToken retry_;
};

}  // namespace introspectd::service
