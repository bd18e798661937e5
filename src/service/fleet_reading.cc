#include "service/fleet.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/mutant.h"

namespace introspectd::service {

std::string Fleet::on_connected(const ports::StreamFacts& facts) {
  const Now now = parts_.loop.now();
  const ConnectionJudgement judged =
      judge_connection(facts, read_, run_id_, parts_.settings.cache.tombstone_ttl, now.wall);
  connected_ = true;
  run_id_ = facts.run_id;
  peers_.reading_lost();
  parts_.log.info("fleet stream connected", {{"from", judged.read_after.text()}});
  if (judged.gap == FleetGap::kReset) {
    read_ = judged.read_after;
    queue_.begin_at(judged.read_after);
  }
  if (judged.gap) {
    gap(*judged.gap);
  } else if (judged.server_changed) {
    doubt_since_ = now.mono;
    if (key().empty()) gap(FleetGap::kRunIdChanged);   // numbers that anybody can write show nothing
  }
  beat_due_ = true;
  send_more();
  return judged.read_after.text();
}

// Another server, or one that was started again: it lost nothing when every node was heard since, and no number of any
// is missing.
void Fleet::watch_doubt() {
  if (!doubt_since_ || !connected_) return;
  const std::optional<MonoTime> horizon = peers_.horizon();
  if (horizon && *horizon >= *doubt_since_) {
    doubt_since_.reset();
  } else if (parts_.loop.now().mono - *doubt_since_ > kDoubtMost) {
    gap(FleetGap::kRunIdChanged);
  }
}

void Fleet::on_lost(std::string_view why) {
  parts_.log.warning("fleet stream lost", {{"why", why}});
  connected_ = false;
  beat_due_ = false;
  last_heard_ = std::max(last_heard_, peers_.own_anchor().value_or(last_heard_));
  peers_.reading_lost();
  tell_liveness();
}

void Fleet::on_entries(std::span<const ports::StreamEntry> entries) {
  for (const ports::StreamEntry& entry : entries) arrived(entry);
  queue_.pump();
}

void Fleet::arrived(const ports::StreamEntry& entry) {
  const std::optional<StreamId> id = StreamId::read(entry.id);
  if (!id) {
    ++counts_.refused[static_cast<std::size_t>(FleetDefect::kMalformed)];
    return;
  }
  read_ = *id;
  auto read = read_fleet_entry(entry.fields, key());
  if (!read) {
    ++counts_.refused[static_cast<std::size_t>(read.error())];
    if (!queue_.skip(*id)) gap(FleetGap::kOverrun);
    return;
  }
  enqueue(*id, std::move(*read));
}

void Fleet::enqueue(const StreamId& id, FleetEntry entry) {
  const bool own = entry.node == outbox_.node();
  if (!own) ++counts_.read;
  // Numbers are believed of authentic entries; where nobody has a key, of all.
  if (!own && (entry.authentic || key().empty())) {
    switch (peers_.number(entry, from_start_, parts_.loop.now().mono)) {
      case FleetPeers::Continuity::kHole: gap(FleetGap::kHole); break;
      case FleetPeers::Continuity::kRepeated: ++counts_.repeated; break;
      case FleetPeers::Continuity::kNext:
      case FleetPeers::Continuity::kUntracked: break;
    }
  }
  const std::optional<cache::ServerId> server = find_server(entry.server);
  const bool needs_server = entry.kind != FleetEntryKind::kHeartbeat;
  if (needs_server && !server) ++counts_.unknown_server;
  // What this very process wrote it has applied; what one before it wrote, perhaps not durably.
  const bool done = (needs_server && !server) || (own && entry.run == run_ && needs_server);
  const bool kept = done ? queue_.skip(id) : queue_.add(id, std::move(entry), server.value_or(0));
  if (!kept) gap(FleetGap::kOverrun);
}

// Everything that stands before it has been applied.
void Fleet::take_control(const FleetEntry& entry) {
  const MonoTime now = parts_.loop.now().mono;
  if (entry.kind == FleetEntryKind::kProof) return take_proof(entry);
  const bool own = entry.node == outbox_.node() || MUTANT(foreign_heartbeat_proves);
  if (!own) {
    peers_.heard(entry, now);
    return settle_proofs();
  }
  const std::optional<MonoTime> sent = MUTANT(foreign_heartbeat_proves) ? now : peers_.returned(entry);
  if (!sent) return;
  lag_ = now - *sent;
  from_start_ = false;
  settle_proofs();
  tell_liveness();
}

void Fleet::take_proof(const FleetEntry& entry) {
  if (!entry.authentic || entry.node == outbox_.node() || doubt_since_) return;
  const MonoTime now = parts_.loop.now().mono;
  const std::optional<MonoTime> anchor = MUTANT(replayed_proof_believed) ? now : peers_.anchor(entry.seen);
  constexpr std::uint64_t kAgeMost = 3'600'000;   // ms
  if (!anchor || !live(now) || entry.age_ms > kAgeMost) return;
  const std::optional<cache::ServerId> server = find_server(entry.server);
  if (!server || waiting_proofs(*server, false) >= kProofsMost) return;
  // Its writer has heard every node after it. Have we? What was kept from us alone shows when they are heard here too.
  const MonoTime dated = *anchor - std::chrono::milliseconds{entry.age_ms};
  proofs_.push_back({*server, dated, dated, false});
  settle_proofs();
}

std::size_t Fleet::waiting_proofs(cache::ServerId server, bool own) const {
  return static_cast<std::size_t>(std::count_if(proofs_.begin(), proofs_.end(), [&](const PendingProof& proof) {
    return proof.server == server && proof.own == own;
  }));
}

// What is proven here stands in the stream already: what others accepted was read from it, and of ours nothing waits.
bool Fleet::may_relay_proof() const {
  return connected_ && !append_failed_ && outbox_.all_sent();
}

// Proofs, once every node was heard after them: what anyone accepted before has been read. Own ones are passed on.
void Fleet::settle_proofs() {
  const MonoTime now = parts_.loop.now().mono;
  const std::optional<MonoTime> horizon = peers_.horizon();
  if (!horizon || doubt_since_ || !live(now)) return;
  std::vector<PendingProof> waiting;
  std::vector<PendingProof> proven;
  for (const PendingProof& proof : proofs_) (proof.settled > *horizon ? waiting : proven).push_back(proof);
  proofs_ = std::move(waiting);
  for (std::size_t i = 0; i < proven.size(); ++i) {
    parts_.proven(proven[i].server, proven[i].dated);
    const auto own_of_it = [&](const PendingProof& other) { return other.own && other.server == proven[i].server; };
    const bool newer = std::any_of(proven.begin() + static_cast<std::ptrdiff_t>(i) + 1, proven.end(), own_of_it);
    if (newer || !proven[i].own || !may_relay_proof()) continue;
    FleetEntry entry = own_entry(FleetEntryKind::kProof);
    entry.server = parts_.settings.authorization_servers[proven[i].server].name;
    const auto age = std::chrono::ceil<std::chrono::milliseconds>(now - proven[i].dated);
    entry.age_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(age.count(), 0));
    parts_.stream.append(write_fleet_entry(entry, key()), [](bool) {});
  }
}

bool Fleet::live(MonoTime now) const {
  const std::optional<MonoTime> anchor = peers_.own_anchor();
  return connected_ && !doubt_since_ && anchor && now - *anchor <= kLiveFor;
}

void Fleet::tell_liveness() {
  const bool is_live = live(parts_.loop.now().mono);
  if (std::exchange(was_live_, is_live) == is_live) return;
  if (is_live) {
    parts_.log.info("fleet live", {{"nodes", std::uint64_t{peers_.waited_for()}}});
  } else {
    parts_.log.warning("fleet not live");
  }
  if (parts_.liveness) parts_.liveness(is_live);
}

void Fleet::floor(cache::ServerId server) {
  last_gap_ = parts_.loop.now().mono;
  if (!MUTANT(gap_raises_no_floor)) parts_.floor(server);
  parts_.lost(server);
}

// Events are missing, and nobody will send them again: nothing that was fetched before now is believed (F94, F97, I14).
void Fleet::gap(FleetGap reason) {
  ++counts_.gaps[static_cast<std::size_t>(reason)];
  parts_.log.error("fleet events missing, floors raised", {{"reason", name_of(reason)}});
  doubt_since_.reset();
  // A hole is of one node, and its number is known now; else whatever comes next of each was not missed.
  if (reason != FleetGap::kHole) peers_.begin_anew();
  if (reason == FleetGap::kOverrun) queue_.drop_waiting();
  for (std::size_t i = 0; i < parts_.settings.authorization_servers.size(); ++i) {
    floor(static_cast<cache::ServerId>(i));
  }
}

// First what was applied, then how far: a start after a crash in between reads something twice, never too little.
void Fleet::save(UniqueFunction<void()> done) {
  outbox_.tidy_up();
  if (!stopping_) {
    save_timer_ = parts_.loop.after(kSaveEvery, [this] { save({}); });
    if (saving_) return;   // the disk does not answer: one that waits is enough
  }
  saving_ = true;
  const std::optional<StreamId> applied = MUTANT(cursor_saved_before_applied) ? read_ : queue_.applied();
  const auto saved = std::make_shared<UniqueFunction<void()>>(std::move(done));
  const auto end = [this, saved] {
    saving_ = false;
    if (*saved) std::exchange(*saved, {})();
  };
  std::string position = applied ? FleetPosition{*applied, run_id_, peers_.known()}.write() : std::string{};
  auto keep_position = [this, end, position = std::move(position)](bool purges_kept) mutable {
    const bool changed = !position.empty() && position != saved_position_;
    if (!purges_kept || parts_.storage == nullptr || !changed) return end();
    saved_position_ = position;
    parts_.storage->replace(FleetPosition::kFile, std::move(position), [this, end](bool ok) {
      if (!ok) saved_position_.clear();
      if (!ok) parts_.log.error("fleet position not written");
      end();
    });
  };
  if (!parts_.keep_purges) {
    save_turn_ = parts_.loop.after(Duration::zero(), [keep = std::move(keep_position)]() mutable { keep(true); });
    return;
  }
  parts_.keep_purges(std::move(keep_position));
}

FleetFigures Fleet::figures() const {
  const MonoTime now = parts_.loop.now().mono;
  const auto seconds = [](Duration d) { return std::chrono::duration<double>(d).count(); };
  FleetFigures figures = counts_;
  figures.connected = connected_;
  figures.live = live(now);
  if (const auto anchor = peers_.own_anchor()) figures.heartbeat_age_seconds = seconds(now - *anchor);
  figures.lag_seconds = seconds(lag_);
  figures.nodes = peers_.waited_for();
  figures.outbox_entries = outbox_.entries().size();
  figures.outbox_bytes = outbox_.bytes();
  figures.disk_failing = outbox_.disk_failing();
  figures.queue = queue_.size();
  figures.refused_here += outbox_.refused();
  for (std::size_t i = 0; i < kEventVerdicts; ++i) {
    const auto verdict = static_cast<EventVerdict>(i);
    if (verdict != EventVerdict::kAccepted) figures.not_verified += queue_.verdicts(verdict);
  }
  if (last_gap_) figures.gap_age_seconds = seconds(now - *last_gap_);
  return figures;
}

}  // namespace introspectd::service
