#include "recency/policies.h"

#include <queue>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace introspectd::bench {
namespace {

// A list through two tables by slot; made-up tokens take turns in slots of their own, of which there are more than
// entries: when a slot is used again, its last token has long gone.
class ExactLru {
 public:
  ExactLru(std::size_t entries, std::size_t tokens)
      : entries_(entries), tokens_(tokens), end_(tokens + entries + 1), links_(end_ + 1) {
    links_[end_] = {end_, end_, true};
  }

  bool ask(std::uint32_t token) {
    const bool hit = links_[token].listed;
    if (hit) {
      unlink(token);
    } else {
      make_room();
    }
    link_first(token);
    return hit;
  }
  void ask_made_up() {
    made_up_ = made_up_ == entries_ ? 0 : made_up_ + 1;
    CHECK_INVARIANT(!links_[tokens_ + made_up_].listed);
    make_room();
    link_first(tokens_ + made_up_);
  }

 private:
  struct Link {
    std::size_t newer = 0;
    std::size_t older = 0;
    bool listed = false;
  };

  void make_room() {
    if (size_ == entries_) {
      unlink(links_[end_].newer);
      --size_;
    }
    ++size_;
  }
  // The end's older neighbour is the newest, its newer one the oldest.
  void link_first(std::size_t slot) {
    const std::size_t newest = links_[end_].older;
    links_[slot] = {end_, newest, true};
    links_[newest].newer = slot;
    links_[end_].older = slot;
  }
  void unlink(std::size_t slot) {
    Link& link = links_[slot];
    links_[link.newer].older = link.older;
    links_[link.older].newer = link.newer;
    link.listed = false;
  }

  std::size_t entries_;
  std::size_t tokens_;
  std::size_t end_;
  std::vector<Link> links_;
  std::size_t size_ = 0;
  std::size_t made_up_ = 0;
};

constexpr std::uint32_t kNever = 0xffffffffU;

// By question: when its token is asked about next.
std::vector<std::uint32_t> next_uses(const Trace& trace) {
  std::vector<std::uint32_t> last_seen(trace.tokens, kNever);
  std::vector<std::uint32_t> next(trace.questions.size());
  for (std::size_t i = trace.questions.size(); i-- > 0;) {
    next[i] = std::exchange(last_seen[trace.questions[i]], static_cast<std::uint32_t>(i));
  }
  return next;
}

class Optimum {
 public:
  Optimum(std::size_t entries, std::size_t tokens) : entries_(entries), next_(tokens, kAbsent) {}

  bool ask(std::uint32_t token, std::uint32_t next_use) {
    const bool hit = next_[token] != kAbsent;
    if (!hit) ++size_;
    next_[token] = next_use;
    by_next_use_.emplace(next_use, token);
    if (size_ > entries_) drop_last_used();
    return hit;
  }

 private:
  static constexpr std::uint64_t kAbsent = ~std::uint64_t{0};

  // What the heap says of a token that was asked about since, or has gone, is out of date.
  void drop_last_used() {
    for (;;) {
      const auto [next_use, token] = by_next_use_.top();
      by_next_use_.pop();
      if (next_[token] != next_use) continue;
      next_[token] = kAbsent;
      --size_;
      return;
    }
  }

  std::size_t entries_;
  std::vector<std::uint64_t> next_;
  std::priority_queue<std::pair<std::uint32_t, std::uint32_t>> by_next_use_;
  std::size_t size_ = 0;
};

}  // namespace

HitCount replay_lru(const Trace& trace, std::size_t entries) {
  ExactLru lru(entries, trace.tokens);
  HitCount count;
  for (std::size_t i = 0; i < trace.questions.size(); ++i) {
    if (trace.questions[i] == kMadeUp) {
      lru.ask_made_up();
      continue;
    }
    const bool hit = lru.ask(trace.questions[i]);
    if (i >= trace.warm_up) count.add(hit);
  }
  return count;
}

HitCount replay_optimum(const Trace& trace, std::size_t entries) {
  CHECK_INVARIANT(trace.questions.size() < kNever);
  const std::vector<std::uint32_t> next = next_uses(trace);
  Optimum optimum(entries, trace.tokens);
  HitCount count;
  for (std::size_t i = 0; i < trace.questions.size(); ++i) {
    const bool hit = optimum.ask(trace.questions[i], next[i]);
    if (i >= trace.warm_up) count.add(hit);
  }
  return count;
}

}  // namespace introspectd::bench
