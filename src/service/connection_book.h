// ConnectionBook: how many connections are open, by front and by peer: says which front takes the next one (the one
// with the fewest, so that TCP, Unix and socket-activated connections all spread evenly), and refuses what is over the
// limits (I39, F39). All TCP callers are loopback and count as one peer.
// Threads: any.  Blocks: on one mutex, once per connection's beginning and end.  Owns: counts.
// Errors: nullopt when over a limit.  Cost: O(fronts).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/guarded.h"
#include "ports/byte_stream.h"

namespace introspectd::service {

class ConnectionBook {
 public:
  ConnectionBook(std::size_t fronts, std::size_t most, std::size_t most_of_a_peer)
      : counts_(fronts), most_(most), most_of_a_peer_(most_of_a_peer) {}

  std::optional<std::size_t> take(const ports::Peer& peer);
  void give_back(const ports::Peer& peer, std::size_t front);
  std::vector<std::size_t> by_front();

 private:
  struct Counts {
    explicit Counts(std::size_t fronts) : of_front(fronts) {}
    std::vector<std::size_t> of_front;
    std::unordered_map<std::uint64_t, std::size_t> of_peer;
    std::size_t all = 0;
    std::size_t next = 0;   // where the search begins, so that ties go round
  };
  static std::uint64_t key_of(const ports::Peer& peer) {
    return peer.is_unix ? peer.uid : std::uint64_t{1} << 32U;
  }

  Guarded<Counts> counts_;
  std::size_t most_;
  std::size_t most_of_a_peer_;
};

}  // namespace introspectd::service
