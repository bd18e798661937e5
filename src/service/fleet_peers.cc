#include "service/fleet_peers.h"

#include <algorithm>
#include <utility>

#include "base/mutant.h"

namespace introspectd::service {

FleetPeers::Node* FleetPeers::follow(const std::string& name, bool any_next, MonoTime now) {
  const auto found = nodes_.find(name);
  if (found != nodes_.end()) return &found->second;
  Node fresh;
  fresh.any_next = any_next;
  if (nodes_.size() < kNodesMost) return &nodes_.emplace(name, fresh).first->second;
  // One that has left or fell silent makes room: should it come back, its number counts as a hole.
  const auto gone = std::find_if(nodes_.begin(), nodes_.end(), [](const auto& node) { return !node.second.waited_for; });
  if (gone == nodes_.end()) {
    untracked_until_ = now + kForgottenAfter;
    return nullptr;
  }
  nodes_.erase(gone);
  return &nodes_.emplace(name, fresh).first->second;
}

FleetPeers::Continuity FleetPeers::number(const FleetEntry& entry, bool from_start, MonoTime now) {
  Node* node = follow(entry.node, from_start, now);
  if (node == nullptr) return Continuity::kUntracked;
  const bool any_next = std::exchange(node->any_next, false);
  // An event is itself the next one; everything else says which was the last before it.
  const std::uint64_t complete = entry.is_event() ? node->number + 1 : node->number;
  const bool repeated = entry.is_event() && entry.number <= node->number;
  const bool hole = entry.number > complete && !any_next;
  node->number = std::max(node->number, entry.number);
  if (hole && !MUTANT(hole_ignored)) return Continuity::kHole;
  return repeated ? Continuity::kRepeated : Continuity::kNext;
}

void FleetPeers::begin_anew() {
  for (auto& [name, node] : nodes_) node.any_next = true;
}

void FleetPeers::sent(const std::string& beat, MonoTime now) { sent_.push_back({beat, now}); }

std::optional<MonoTime> FleetPeers::returned(const FleetEntry& heartbeat) {
  const auto found = std::find_if(sent_.begin(), sent_.end(),
                                  [&](const Sent& sent) { return sent.beat == heartbeat.beat; });
  if (found == sent_.end()) return std::nullopt;
  const MonoTime at = found->at;
  sent_.erase(sent_.begin(), found + 1);   // older ones that come still are late, and prove less
  own_anchor_ = at;
  remember(heartbeat.beat, at, at);
  return at;
}

void FleetPeers::heard(const FleetEntry& heartbeat, MonoTime now) {
  if (beats_.contains(heartbeat.beat)) return;   // again: it was dated when it was new
  const std::optional<MonoTime> dated = anchor(heartbeat.seen);
  remember(heartbeat.beat, dated, now);
  Node* node = follow(heartbeat.node, false, now);
  if (node == nullptr) return;
  // A farewell that nobody has signed may be anybody's. One of an earlier run, shown again, must not end the waiting for
  // a node that is there: it goes back to nothing of ours where newer heartbeats did, or knows less than the node has
  // said since.
  const bool stale = heartbeat.number < node->number || (!dated && node->anchor);
  const bool leaves = heartbeat.leaving && (heartbeat.authentic || MUTANT(keyless_farewell_believed));
  node->waited_for = !leaves || stale;
  node->heard = now;
  if (dated) node->anchor = node->anchor ? std::max(*node->anchor, *dated) : *dated;
}

std::optional<MonoTime> FleetPeers::anchor(const std::vector<std::string>& seen) const {
  std::optional<MonoTime> newest;
  for (const std::string& beat : seen) {
    const auto found = beats_.find(beat);
    if (found == beats_.end() || !found->second.anchor) continue;
    newest = newest ? std::max(*newest, *found->second.anchor) : *found->second.anchor;
  }
  return newest;
}

std::vector<std::string> FleetPeers::seen() const {
  const std::size_t count = std::min(beats_in_order_.size(), FleetEntry::kSeenMost);
  return {beats_in_order_.end() - static_cast<std::ptrdiff_t>(count), beats_in_order_.end()};
}

void FleetPeers::remember(const std::string& beat, std::optional<MonoTime> anchor, MonoTime now) {
  if (!beats_.try_emplace(beat, Beat{anchor, now}).second) return;
  beats_in_order_.push_back(beat);
  if (beats_in_order_.size() <= kBeatsMost) return;
  beats_.erase(beats_in_order_.front());
  beats_in_order_.pop_front();
}

std::optional<MonoTime> FleetPeers::horizon() const {
  std::optional<MonoTime> oldest = own_anchor_;
  if (!oldest || untracked_until_ > *oldest) return std::nullopt;
  for (const auto& [name, node] : nodes_) {
    if (!node.waited_for) continue;
    if (!node.anchor) return std::nullopt;
    oldest = std::min(*oldest, *node.anchor);
  }
  return oldest;
}

std::size_t FleetPeers::forget_silent(MonoTime now) {
  while (!beats_in_order_.empty() && now - beats_.at(beats_in_order_.front()).read > kBeatKept) {
    beats_.erase(beats_in_order_.front());
    beats_in_order_.pop_front();
  }
  while (!sent_.empty() && now - sent_.front().at > kBeatKept) sent_.pop_front();
  std::size_t silent = 0;
  for (auto& [name, node] : nodes_) {
    if (!node.waited_for || now - node.heard <= kForgottenAfter) continue;
    node.waited_for = false;
    node.anchor.reset();
    ++silent;
  }
  return silent;
}

void FleetPeers::reading_lost() {
  sent_.clear();
  own_anchor_.reset();
}

std::size_t FleetPeers::waited_for() const {
  return static_cast<std::size_t>(
      std::count_if(nodes_.begin(), nodes_.end(), [](const auto& node) { return node.second.waited_for; }));
}

std::vector<FleetPeers::Known> FleetPeers::known() const {
  std::vector<Known> all;
  all.reserve(nodes_.size());
  for (const auto& [name, node] : nodes_) all.push_back({name, node.number, node.waited_for});
  return all;
}

void FleetPeers::restore(const std::vector<Known>& known, MonoTime now) {
  for (const Known& one : known) {
    if (nodes_.size() == kNodesMost) return;
    Node& node = nodes_[one.node];
    node.number = one.number;
    node.waited_for = one.waited_for;
    node.heard = now;
  }
}

}  // namespace introspectd::service
