// Resolver: host names → numeric addresses, off the loop, by uv_getaddrinfo: one lookup per name at a time, the last
// good answer kept, asked again every 30 s (F88, F89).
// Threads: the loop's; lookups run in libuv's pool, whose threads are counted once (I40).  Owns: names and answers.
// Errors: a name that has never been resolved has no addresses.  Cost: addresses() is one map lookup.
// Contract: what wait() takes runs in a later turn, once, when a lookup that was not yet finished has ended, well or
// not; destroying the token cancels. Do not destroy the Resolver inside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "base/unique_function.h"
#include "io/uv_loop.h"

namespace introspectd::io {

class Resolver {
 public:
  static constexpr Duration kRefresh = std::chrono::seconds(30);

  struct Answer {
    std::vector<std::string> addresses;  // numeric, in the order of preference (RFC 6724); empty: not known
    std::uint64_t generation = 0;        // changes whenever the addresses do
  };

  explicit Resolver(UvLoop& loop, Duration refresh = kRefresh) : loop_(loop), refresh_(refresh) {}
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  // Keeps `host` resolved from now on.
  void keep(const std::string& host);
  const Answer& answer(const std::string& host) const;
  [[nodiscard]] ports::PendingToken wait(const std::string& host, UniqueFunction<void()> ready);
  // How many lookups were started: more waiters do not mean more of them.
  std::uint64_t lookups() const { return lookups_; }

 private:
  struct Lookup;
  struct Waiter;
  struct Host {
    std::string name;
    Answer answer;
    Lookup* lookup = nullptr;  // in flight; freed in its callback
    std::uint64_t round = 0;   // how many lookups of this name have ended
    std::vector<Waiter*> waiters;  // owned by their tokens, oldest first
    ports::PendingToken refresh;
  };

  Host& host_of(const std::string& name);
  void start(Host& host);
  void ended(Host& host, std::vector<std::string> addresses);
  static void release_waiters(Host& host);

  UvLoop& loop_;
  Duration refresh_;
  std::map<std::string, std::unique_ptr<Host>> hosts_;
  std::uint64_t lookups_ = 0;
};

}  // namespace introspectd::io
