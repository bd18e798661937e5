// StreamStates: what each authorization server said last of its event stream: delivered, or paused (SSF 1.0 §8.1.5;
// STD 5.19). Only what is newer than the last word counts, by the event's iat: a replayed "enabled" must not lift the
// pause that followed it; of two in one second the pause does. Written down (kept_streams.h), as a poll of a paused
// stream is answered, and empty: after a restart it would prove what it does not.
// Pure.  Threads: one owner.  Owns: flags and a time for each AS.  Errors: of an AS that a damaged file does not tell of
// nothing is known, which counts as paused until it says a word or is seen to deliver.
// Cost: O(1) a word; the file is one record an AS.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cache/identity.h"

namespace introspectd::service {

class StreamStates {
 public:
  // The names of the ASs, by which they are found again in another order.
  explicit StreamStates(std::vector<std::string> names);

  // False: an older word, which changes nothing.
  bool hear(cache::ServerId server, bool paused, std::int64_t said_at);
  // It was seen to deliver: as if it had said so a second after its last word, so that this comes again for nothing.
  void lift(cache::ServerId server);
  bool paused(cache::ServerId server) const { return states_[server].said != Said::kEnabled; }
  bool unknown(cache::ServerId server) const { return states_[server].said == Said::kUnknown; }

  std::string write() const;
  // What the file says of ASs that are still there. False: it is damaged, or empty, as none is that `write` made.
  bool read(std::string_view file);

 private:
  enum class Said : std::uint8_t { kEnabled = 0, kPaused = 1, kUnknown = 2 };   // as numbers in the file
  struct State {
    Said said = Said::kEnabled;
    std::int64_t said_at = 0;   // seconds since 1970, by the AS's clock
  };
  bool read_records(std::string_view file, std::vector<State>& into) const;

  std::vector<std::string> names_;
  std::vector<State> states_;
};

}  // namespace introspectd::service
