// StreamStates: what each authorization server said last of its event stream: delivered, or paused (SSF 1.0 §8.1.5;
// STD 5.19). Only what is newer than the last word counts, by the event's iat: a replayed "enabled" must not lift the
// pause that followed it; of two in one second the pause does. Kept in state_dir, as a poll of a paused stream is
// answered, and empty: after a restart it would prove what it does not.
// Pure.  Threads: one owner.  Owns: a flag and a time for each AS.  Errors: what is damaged of a file is left out.
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
  static constexpr std::string_view kFile = "streams";

  // The names of the ASs, by which they are found again in another order.
  explicit StreamStates(std::vector<std::string> names);

  // False: an older word, which changes nothing.
  bool hear(cache::ServerId server, bool paused, std::int64_t said_at);
  bool paused(cache::ServerId server) const { return states_[server].paused; }

  std::string write() const;
  // What the file says of ASs that are still there. False: some of it was damaged.
  bool read(std::string_view file);

 private:
  struct State {
    bool paused = false;
    std::int64_t said_at = 0;   // seconds since 1970, by the AS's clock
  };
  std::vector<std::string> names_;
  std::vector<State> states_;
};

}  // namespace introspectd::service
