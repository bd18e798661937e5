#include "service/connection_book.h"

#include "base/assert.h"

namespace introspectd::service {

std::optional<std::size_t> ConnectionBook::take(const ports::Peer& peer) {
  return counts_.with([&](Counts& counts) -> std::optional<std::size_t> {
    const auto known = counts.of_peer.find(key_of(peer));
    const std::size_t of_peer = known == counts.of_peer.end() ? 0 : known->second;
    if (counts.all >= most_ || of_peer >= most_of_a_peer_) return std::nullopt;
    const std::size_t fronts = counts.of_front.size();
    CHECK_INVARIANT(fronts != 0);
    std::size_t best = counts.next;
    for (std::size_t i = 0; i < fronts; ++i) {
      const std::size_t front = (counts.next + i) % fronts;
      if (counts.of_front[front] < counts.of_front[best]) best = front;
    }
    counts.next = (best + 1) % fronts;
    ++counts.of_front[best];
    ++counts.all;
    ++counts.of_peer[key_of(peer)];
    return best;
  });
}

void ConnectionBook::give_back(const ports::Peer& peer, std::size_t front) {
  counts_.with([&](Counts& counts) {
    const auto of_peer = counts.of_peer.find(key_of(peer));
    CHECK_INVARIANT(of_peer != counts.of_peer.end() && counts.of_front[front] > 0 && counts.all > 0);
    if (--of_peer->second == 0) counts.of_peer.erase(of_peer);
    --counts.of_front[front];
    --counts.all;
  });
}

std::vector<std::size_t> ConnectionBook::by_front() {
  return counts_.with([](Counts& counts) { return counts.of_front; });
}

}  // namespace introspectd::service
